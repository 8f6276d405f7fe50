"""Opens the journal database: path rules, read-only fallback, and the check that the schema is current.

A current database costs one small statement to open; `migrate.py`, which brings in alembic, is imported
only for others.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.journal.connection import BUSY_TIMEOUT_MS, Database, Durability
from genvm_replay.journal.schema import HEAD
from genvm_replay.journal.store import Store

SQLITE_SCHEME: Final = "sqlite:///"
NO_SUCH_TABLE: Final = sqlite3.SQLITE_ERROR


def open_database(
    url: str | os.PathLike[str],
    *,
    read_only: bool = False,
    durability: Durability = "full",
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
) -> Store:
    """Open a journal, creating or migrating it where needed and allowed.

    A file or folder that can't be written is opened for reading; the first write then says so.

    Args:
        url: a path, or `sqlite:///` and a path.
        read_only: never write, not even to create or migrate.
        durability: `full` survives a power loss after each commit; `normal` may lose the last ones, and is faster.
        busy_timeout_ms: how long to wait for another process that writes.

    Raises:
        EnvironmentProblem: not ours, not SQLite, from a newer release, or not accessible.
        UsageError: a URL of another database.
    """
    path = database_path(url)
    if path.is_dir():
        raise EnvironmentProblem(f"{path}: it is a folder; give the path of a file in it")
    read_only = read_only or not _writable(path)
    if _is_new(path):
        if read_only:
            raise EnvironmentProblem(
                f"{path}: there is no journal here; check the path, or run something first"
            )
        _prepare(path, busy_timeout_ms)
    database = _connect(path, read_only, durability, busy_timeout_ms)
    try:
        if schema_version(database) != HEAD:
            database = _migrated(database, durability, busy_timeout_ms)
    except BaseException:
        database.close()
        raise
    return Store(database)


def database_path(url: str | os.PathLike[str]) -> Path:
    """The file that a URL names; `~` is the home folder."""
    text = os.fspath(url)
    if text.startswith(SQLITE_SCHEME):
        text = text.removeprefix(SQLITE_SCHEME)
    elif "://" in text:
        scheme = text.partition("://")[0]
        raise UsageError(
            f"{scheme}: databases of this kind are not supported; give a path or {SQLITE_SCHEME}path"
        )
    if not text or text == ":memory:" or "\0" in text:
        raise UsageError(f"{text!r} is not the path of a database file")
    return Path(text).expanduser().absolute()


def schema_version(database: Database) -> str | None:
    """The newest migration that the file has seen; None if it never saw one."""
    try:
        row = database.connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) == NO_SUCH_TABLE:
            return None
        raise database.problem(error) from error
    return None if row is None else str(row[0])


def _connect(path: Path, read_only: bool, durability: Durability, busy_timeout_ms: int) -> Database:
    if not read_only:
        return Database(path, "rw", durability=durability, busy_timeout_ms=busy_timeout_ms)
    # In a folder that can't be written SQLite can't make its shared memory file. Without a log to be read there, the
    # file alone is the whole database, and "immutable" says so.
    log = Path(f"{path}-wal")
    alone = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    return Database(path, "immutable" if alone else "ro", busy_timeout_ms=busy_timeout_ms)


def _migrated(database: Database, durability: Durability, busy_timeout_ms: int) -> Database:
    """Migrate an older database and open it again; refuse what can't be migrated."""
    from genvm_replay.journal import migrate

    migrate.refuse(database)
    if database.read_only:
        raise EnvironmentProblem(f"{database.path}: its schema is old; open it once with write access")
    database.close()
    migrate.prepare(database.path, busy_timeout_ms=busy_timeout_ms)
    return _connect(database.path, False, durability, busy_timeout_ms)


def _prepare(path: Path, busy_timeout_ms: int) -> None:
    from genvm_replay.journal import migrate

    migrate.prepare(path, busy_timeout_ms=busy_timeout_ms)


def _is_new(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError as error:
        raise EnvironmentProblem(f"{path}: it can't be opened: {error.strerror}") from error


def _writable(path: Path) -> bool:
    """Whether SQLite could write: it needs the file, and its folder for the log."""
    if path.exists():
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return True  # creating it will tell
