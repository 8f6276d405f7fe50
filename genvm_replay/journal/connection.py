"""One SQLite connection under our rules: explicit transactions, durability, and driver errors in our own words.

Transactions are begun by hand (`BEGIN IMMEDIATE` to write): a deferred one that reads and then writes fails
as soon as two processes do it at once, whatever the timeout. Everything here is for one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from genvm_replay.errors import EnvironmentProblem, UsageError

Durability: TypeAlias = Literal["full", "normal"]
Mode: TypeAlias = Literal["rwc", "rw", "ro", "immutable"]

BUSY_TIMEOUT_MS: Final = 30_000
_PRIMARY_CODE: Final = 0xFF  # the rest of an SQLite error code says more than we need

# What went wrong and what to do about it, by the driver's primary error code.
PROBLEMS: Final[dict[int, str]] = {
    sqlite3.SQLITE_BUSY: "another process kept it locked for too long; try again, or end that process",
    sqlite3.SQLITE_LOCKED: "another process kept it locked for too long; try again, or end that process",
    sqlite3.SQLITE_PERM: "access is not permitted; check the permissions of the file and its folder",
    sqlite3.SQLITE_READONLY: "it can't be written; check the permissions of the file and its folder",
    sqlite3.SQLITE_IOERR: "the disk reported an error; check it and the free space, then try again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a copy",
    sqlite3.SQLITE_FULL: "the disk is full; nothing was committed; make room and run again",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; check that its folder exists and can be written",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database; choose another path",
}


class Database:
    """An open database file. Knows nothing of runs."""

    def __init__(
        self,
        path: Path,
        mode: Mode,
        *,
        durability: Durability = "full",
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> None:
        self.path = path
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
            self.connection: Final[Connection] = self._engine.connect()
            self.connection.exec_driver_sql(f"PRAGMA synchronous={durability}")
            self.connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        self._driver = self.connection.connection.driver_connection

    def close(self) -> None:
        """Close; what was committed is safe already."""
        self.connection.close()
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction: all or nothing.

        Raises:
            EnvironmentProblem: read-only, locked for too long, or the disk is full; nothing was changed.
        """
        if self.read_only:
            raise EnvironmentProblem(
                f"{self.path}: it is open for reading only; check the permissions of the file and its folder"
            )
        with self._transaction("IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction: all reads see the same state, whatever other processes commit meanwhile."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn driver errors into `EnvironmentProblem`."""
        try:
            yield
        except DBAPIError as error:
            raise self.problem(error) from error

    def problem(self, error: DBAPIError) -> EnvironmentProblem:
        """A driver's error in our words: where, what, what to do."""
        code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
        return EnvironmentProblem(f"{self.path}: {PROBLEMS.get(code, f'the database refused: {error.orig}')}")

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[Connection]:
        if self._in_transaction():
            raise UsageError("a transaction is open already: end the snapshot before you commit")
        with self.translated():
            self.connection.exec_driver_sql(f"BEGIN {kind}")
            try:
                yield self.connection
                self.connection.exec_driver_sql("COMMIT")
            except BaseException:
                if self._in_transaction():  # a full disk has rolled back by itself
                    self.connection.exec_driver_sql("ROLLBACK")
                raise

    def _in_transaction(self) -> bool:
        assert isinstance(self._driver, sqlite3.Connection)
        return self._driver.in_transaction
