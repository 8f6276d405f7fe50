"""Creates and migrates a database, and refuses one that is not ours. Imported only when the schema is not current.

Processes that open a new database at the same time wait for each other (a lock file next to an SQLite file, an advisory
lock on a server); the migration itself is one transaction, so that a killed one leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import alembic.command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from filelock import FileLock, Timeout
from sqlalchemy import Connection, inspect

from genvm_replay import __version__
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal import schema
from genvm_replay.journal.connection import BUSY_TIMEOUT_MS, Database
from genvm_replay.journal.sqlite_database import SqliteDatabase

PAGE_BYTES: Final = 8192  # of the SQLite file: half as fast again to write as 4096, and 4 % larger
NAMES_SHOWN_MAX: Final = 5


def prepare_file(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
    """Bring a file to the current schema; a new or empty one is created.

    Raises:
        EnvironmentProblem: not ours, from a newer release, or the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Path(f"{path}.lock")
        with FileLock(lock, timeout=busy_timeout_ms / 1000):
            database = SqliteDatabase(path, "rwc", busy_timeout_ms=busy_timeout_ms)
            try:
                if refuse(database):
                    with database.translated():
                        database.connection.exec_driver_sql(f"PRAGMA page_size={PAGE_BYTES}")
                        database.connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                with database.writing() as connection:
                    _upgrade(database, connection)
            finally:
                database.close()
            # Whoever waits for this file finds nothing left to do, so it may go while they wait.
            lock.unlink(missing_ok=True)
    except Timeout as error:
        raise EnvironmentProblem(f"{path}: another process holds {path}.lock; try again later") from error
    except OSError as error:
        raise EnvironmentProblem(
            f"{path}: it can't be created: {error.strerror}; choose another path"
        ) from error


def prepare_server(database: Database) -> None:
    """Bring a Postgres database to the current schema; an empty one is filled.

    Raises:
        EnvironmentProblem: not ours, from a newer release, or without the right to create tables.
    """
    key = schema.APPLICATION_ID
    with database.translated():  # by the session: a lock of the transaction would come after its snapshot
        database.connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (key,))
    refuse(database)
    with database.writing() as connection:
        _upgrade(database, connection)


def refuse(database: Database) -> bool:
    """Raise if the database is not ours or is newer than this release; whether it is empty.

    Raises:
        EnvironmentProblem: says which, and what to do.
    """
    with database.translated():
        tables = sorted(inspect(database.connection).get_table_names())
        if tables and not _is_ours(database.connection, tables):
            shown = ", ".join(tables[:NAMES_SHOWN_MAX])
            raise EnvironmentProblem(
                f"{database.name}: it is a database of another program (tables: {shown}); choose another path"
            )
    version = database.version()
    if version is not None and version not in known_versions():
        raise EnvironmentProblem(
            f"{database.name}: its schema {version!r} was made by a newer release; this is {__version__}, which"
            f" knows up to {schema.HEAD!r}; upgrade genvm-replay"
        )
    return not tables


def known_versions() -> list[str]:
    """All migrations of this release, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings: where the scripts are, and the connection that they use."""
    made = Config()
    made.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def scripts() -> Path:
    """Folder of the migration scripts: packed into the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_migrations"
    return packed if packed.is_dir() else package.parent / "migrations"


def _upgrade(database: Database, connection: Connection) -> None:
    try:
        alembic.command.upgrade(config(connection), "head")
    except CommandError as error:
        raise EnvironmentProblem(f"{database.name}: it can't be migrated: {error}") from error


def _is_ours(connection: Connection, tables: list[str]) -> bool:
    if schema.meta.name not in tables:
        return False
    names = {column["name"] for column in inspect(connection).get_columns(schema.meta.name)}
    if names != {"key", "value"}:
        return False
    row = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'format'").first()
    return row is not None and row[0] == schema.FORMAT
