"""Opens the journal: finds out which database a URL names, and checks that its schema is current.

A current database costs one small statement to open; `migrate.py`, which brings in alembic, is imported
only for others. So is psycopg only for Postgres.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.journal.connection import BUSY_TIMEOUT_MS, Database, Durability
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.postgres_url import is_postgres
from genvm_replay.journal.schema import HEAD

SQLITE_SCHEME: Final = "sqlite:///"
NOTHING_HERE: Final = "there is no journal here; check the path, or run something first"


def open_database(
    url: str | os.PathLike[str],
    *,
    read_only: bool = False,
    durability: Durability = "full",
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
) -> DatabaseStore:
    """Open a journal, creating or migrating it where needed and allowed.

    One that can't be written (a file, a folder, a replica, a role without the rights) is opened for reading; the first
    write then says so.

    Args:
        url: a path, `sqlite:///` and a path, or `postgresql://user@host:port/database`.
        read_only: never write, not even to create or migrate.
        durability: `full` survives a power loss after each commit; `normal` may lose the last ones, and is faster.
        busy_timeout_ms: how long to wait for another process that writes.

    Raises:
        EnvironmentProblem: not ours, not a database, from a newer release, or not accessible.
        UsageError: a URL of another database.
    """
    place = _Place(url, read_only=read_only, durability=durability, busy_timeout_ms=busy_timeout_ms)
    database = place.connect()
    try:
        if database.version() != HEAD:
            database = _migrated(place, database)
    except BaseException:
        database.close()
        raise
    return DatabaseStore(database)


def upgrade(url: str | os.PathLike[str]) -> tuple[str | None, str, str]:
    """Create or migrate a journal; its schema before and after, and its name.

    Raises:
        EnvironmentProblem: as `open_database`, and where it can't be written.
    """
    place = _Place(url, read_only=False, durability="full", busy_timeout_ms=BUSY_TIMEOUT_MS)
    before = place.version()
    with open_database(url) as store:
        store.database.refuse_read_only()
        return before, HEAD, store.name


def database_path(url: str | os.PathLike[str]) -> Path | None:
    """The file that a URL names, None for a server; `~` is the home folder."""
    text = os.fspath(url)
    if is_postgres(text):
        return None
    if text.startswith(SQLITE_SCHEME):
        text = text.removeprefix(SQLITE_SCHEME)
    elif "://" in text:
        scheme = text.partition("://")[0]
        raise UsageError(
            f"{scheme}: databases of this kind are not supported; give a path, {SQLITE_SCHEME}path"
            " or postgresql://user@host:port/database"
        )
    if not text or text == ":memory:" or "\0" in text:
        raise UsageError(f"{text!r} is not the path of a database file")
    return Path(text).expanduser().absolute()


class _Place:
    """Where the journal is, and how it is to be opened."""

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        read_only: bool,
        durability: Durability,
        busy_timeout_ms: int,
    ) -> None:
        self._url = os.fspath(url)
        self._path = database_path(url)
        self._read_only = read_only
        self._durability: Durability = durability
        self._busy_timeout_ms = busy_timeout_ms

    def connect(self) -> Database:
        """Open what is there; a file that is not is made first."""
        if self._path is None:
            return self._connect_to_server()
        from genvm_replay.journal import sqlite_database

        read_only = self._read_only or not sqlite_database.is_writable(self._path)
        if sqlite_database.is_new(self._path):
            if read_only:
                raise EnvironmentProblem(f"{self._path}: {NOTHING_HERE}")
            self.prepare()
        return sqlite_database.connect(
            self._path,
            read_only=read_only,
            durability=self._durability,
            busy_timeout_ms=self._busy_timeout_ms,
        )

    def version(self) -> str | None:
        """The newest migration that it has seen; None where there is nothing yet."""
        if self._path is not None:
            from genvm_replay.journal import sqlite_database

            if sqlite_database.is_new(self._path):
                return None
        database = self.connect()
        try:
            return database.version()
        finally:
            database.close()

    def prepare(self) -> None:
        """Create or migrate the schema."""
        from genvm_replay.journal import migrate

        if self._path is not None:
            migrate.prepare_file(self._path, busy_timeout_ms=self._busy_timeout_ms)
            return
        database = self._connect_to_server()
        try:
            migrate.prepare_server(database)
        finally:
            database.close()

    def _connect_to_server(self) -> Database:
        from genvm_replay.journal.postgres_database import PostgresDatabase

        return PostgresDatabase(
            self._url,
            read_only=self._read_only,
            durability=self._durability,
            busy_timeout_ms=self._busy_timeout_ms,
        )


def _migrated(place: _Place, database: Database) -> Database:
    """Create or migrate the schema and open the database again; refuse what can't be migrated."""
    from genvm_replay.journal import migrate

    is_new = migrate.refuse(database)
    if database.read_only:
        what = (
            NOTHING_HERE
            if is_new
            else "its schema is old; run `genvm-replay db upgrade` with the right to write"
        )
        raise EnvironmentProblem(f"{database.name}: {what}")
    database.close()
    place.prepare()
    return place.connect()
