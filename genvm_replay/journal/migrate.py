"""Creates and migrates a database, and refuses one that is not ours. Imported only when the schema is not current.

Processes that open a new database at the same time wait for each other (a lock file next to it); the
migration itself is one transaction, so that a killed one leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import alembic.command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from filelock import FileLock, Timeout
from sqlalchemy import Connection

from genvm_replay import __version__
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal import schema
from genvm_replay.journal.connection import BUSY_TIMEOUT_MS, Database

PAGE_BYTES: Final = 8192  # of the SQLite file: half as fast again to write as 4096, and 4 % larger
NAMES_SHOWN_MAX: Final = 5


def prepare(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
    """Bring a file to the current schema; a new or empty one is created.

    Raises:
        EnvironmentProblem: not ours, from a newer release, or the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Path(f"{path}.lock")
        with FileLock(lock, timeout=busy_timeout_ms / 1000):
            database = Database(path, "rwc", busy_timeout_ms=busy_timeout_ms)
            try:
                _prepare_locked(database)
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


def refuse(database: Database) -> None:
    """Raise if the database is not ours or is newer than this release.

    Raises:
        EnvironmentProblem: says which, and what to do.
    """
    with database.translated():
        tables = _tables(database.connection)
        if tables and not _is_ours(database.connection, tables):
            shown = ", ".join(tables[:NAMES_SHOWN_MAX])
            raise EnvironmentProblem(
                f"{database.path}: it is a database of another program (tables: {shown}); choose another path"
            )
        version = _version(database.connection, tables)
    if version is not None and version not in known_versions():
        raise EnvironmentProblem(
            f"{database.path}: its schema {version!r} was made by a newer release; this is {__version__}, which"
            f" knows up to {schema.HEAD!r}; upgrade genvm-replay"
        )


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


def _prepare_locked(database: Database) -> None:
    refuse(database)
    with database.translated():
        if not _tables(database.connection):
            database.connection.exec_driver_sql(f"PRAGMA page_size={PAGE_BYTES}")
            database.connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with database.writing() as connection:
        try:
            alembic.command.upgrade(config(connection), "head")
        except CommandError as error:
            raise EnvironmentProblem(f"{database.path}: it can't be migrated: {error}") from error


def _tables(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [str(name) for (name,) in rows]


def _is_ours(connection: Connection, tables: list[str]) -> bool:
    if schema.meta.name not in tables:
        return False
    names = {str(row[1]) for row in connection.exec_driver_sql("PRAGMA table_info(meta)")}
    if names != {"key", "value"}:
        return False
    row = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'format'").first()
    return row is not None and row[0] == schema.FORMAT


def _version(connection: Connection, tables: list[str]) -> str | None:
    if "alembic_version" not in tables:
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])
