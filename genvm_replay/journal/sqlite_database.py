"""One SQLite file under our rules: write-ahead log, durable commits, read-only where nothing can be written.

Transactions are begun by hand (`BEGIN IMMEDIATE` to write): a deferred one that reads and then writes fails
as soon as two processes do it at once, whatever the timeout.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final, Literal, TypeAlias
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal.connection import BUSY_TIMEOUT_MS, Database, Durability

Mode: TypeAlias = Literal["rwc", "rw", "ro", "immutable"]

_PRIMARY_CODE: Final = 0xFF  # the rest of an SQLite error code says more than we need
NO_SUCH_TABLE: Final = sqlite3.SQLITE_ERROR

# What went wrong and what to do about it, by the driver's primary error code.
PROBLEMS: Final[dict[int, str]] = {
    sqlite3.SQLITE_BUSY: "another process kept it locked for too long; try again, or end that process",
    sqlite3.SQLITE_LOCKED: "another process kept it locked for too long; try again, or end that process",
    sqlite3.SQLITE_PERM: "access is not permitted; check the permissions of the file and its folder",
    sqlite3.SQLITE_READONLY: "it can't be written; check the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk reported an error; nothing was committed; check it and its free space",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a copy",
    sqlite3.SQLITE_FULL: "the disk is full; nothing was committed; make room and run again",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; check that its folder exists and can be written",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database; choose another path",
}


class SqliteDatabase(Database):
    """An open database file."""

    placeholder: ClassVar[str] = "?"

    def __init__(
        self,
        path: Path,
        mode: Mode,
        *,
        durability: Durability = "full",
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> None:
        self.path = path
        self._mode: Mode = mode
        self._durability: Durability = durability
        self._busy_timeout_ms = busy_timeout_ms
        self.name = str(path)
        self.read_only = mode in ("ro", "immutable")
        access = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
        address = f"file:{quote(str(path))}?{access}"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                address,
                uri=True,
                timeout=busy_timeout_ms / 1000,
                isolation_level=None,
                check_same_thread=False,
            )

        self._engine = create_engine(
            "sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        with self.translated():
            self.connection = self._engine.connect()
            self.connection.exec_driver_sql(f"PRAGMA synchronous={durability}")
            self.connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver

    def close(self) -> None:
        """Close; what was committed is safe already."""
        self.connection.close()
        self._engine.dispose()

    def again(self) -> SqliteDatabase:
        """Another connection; see `Database`."""
        return SqliteDatabase(
            self.path, self._mode, durability=self._durability, busy_timeout_ms=self._busy_timeout_ms
        )

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction; see `Database`."""
        self.refuse_read_only()
        with self.translated(), self.transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction; see `Database`."""
        with self.translated(), self.transaction("BEGIN DEFERRED") as connection:
            yield connection

    def version(self) -> str | None:
        """The newest migration that the file has seen; None if it never saw one."""
        try:
            row = self.connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) == NO_SUCH_TABLE:
                return None
            raise self.problem(error) from error
        return None if row is None else str(row[0])

    def problem(self, error: DBAPIError) -> EnvironmentProblem:
        """A driver's error in our words."""
        code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
        return EnvironmentProblem(f"{self.path}: {PROBLEMS.get(code, f'the database refused: {error.orig}')}")

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._driver.in_transaction


def connect(path: Path, *, read_only: bool, durability: Durability, busy_timeout_ms: int) -> SqliteDatabase:
    """Open a file that exists."""
    if not read_only:
        return SqliteDatabase(path, "rw", durability=durability, busy_timeout_ms=busy_timeout_ms)
    # In a folder that can't be written SQLite can't make its shared memory file. Without a log to be read there, the
    # file alone is the whole database, and "immutable" says so.
    log = Path(f"{path}-wal")
    alone = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    return SqliteDatabase(path, "immutable" if alone else "ro", busy_timeout_ms=busy_timeout_ms)


def is_new(path: Path) -> bool:
    """Whether there is nothing yet, or an empty file.

    Raises:
        EnvironmentProblem: a folder, or not accessible.
    """
    if path.is_dir():
        raise EnvironmentProblem(f"{path}: it is a folder; give the path of a file in it")
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError as error:
        raise EnvironmentProblem(f"{path}: it can't be opened: {error.strerror}") from error


def is_writable(path: Path) -> bool:
    """Whether SQLite could write: it needs the file, and its folder for the log."""
    if path.exists():
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return True  # creating it will tell
