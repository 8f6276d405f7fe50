"""One Postgres connection under our rules: serialisable writes that are repeated, one snapshot to read, losses told.

A write transaction is SERIALIZABLE: Postgres ends one of two that don't fit each other, and `write` does its work
again, a bounded number of times. A connection that is lost while idle is opened again; one that is lost inside a
transaction has changed nothing; one that is lost during COMMIT is asked about on a new one (`txid_status`).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.journal.connection import BUSY_TIMEOUT_MS, Database, Durability
from genvm_replay.journal.postgres_url import parameters, shown

Result = TypeVar("Result")
logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of on standard error, we tell

ATTEMPTS_MAX: Final = 40  # of one write transaction
PAUSE_S: Final = 0.001  # before the second attempt, at most; doubled each time
PAUSE_S_MAX: Final = 0.25
ASKED_MAX: Final = 20  # times whether a transaction was committed
AGAIN: Final = ("40001", "40P01")  # serialisation failure, deadlock: another attempt is the remedy
OPEN: Final = (TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR)
UNDEFINED_TABLE: Final = "42P01"
WRITE: Final = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
LOST: Final = (
    "the connection was lost; nothing of what was under way was committed; check the server, then try again"
)
CAN_WRITE: Final = """SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
 AND coalesce(has_table_privilege(to_regclass('runs'), 'INSERT'), has_schema_privilege(current_schema(), 'CREATE'))"""

# What went wrong and what to do about it, by SQLSTATE or by its class.
PROBLEMS: Final[dict[str, str]] = {
    **dict.fromkeys(AGAIN, "other processes wrote to it all the time; try again"),
    "08": LOST,
    "42501": "the user has no right to do this; ask for SELECT to read, and for INSERT, UPDATE, DELETE to write",
    "25006": "it can't be written: it is a replica, or set to read only",
    "53100": "the server's disk is full; nothing was committed; make room and run again",
    "53200": "the server has not enough memory; nothing was committed; try again",
    "53300": "the server has too many connections; try again",
    "55P03": "another process kept it locked for too long; try again, or end that process",
    "57P": LOST,
    "XX001": "the server reports that its files are damaged; restore the database from a backup",
    "XX002": "the server reports that an index is damaged; rebuild it with REINDEX",
}


class PostgresDatabase(Database):
    """An open Postgres database."""

    placeholder: ClassVar[str] = "%s"

    def __init__(
        self,
        url: str,
        *,
        read_only: bool = False,
        durability: Durability = "full",
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> None:
        given = parameters(url)

        def again() -> PostgresDatabase:
            return PostgresDatabase(
                url, read_only=self.read_only, durability=durability, busy_timeout_ms=busy_timeout_ms
            )

        self._again = again
        self.name = shown(given)
        self._password = given.get("password", "")
        self._settings = {
            "lock_timeout": str(busy_timeout_ms),
            "idle_in_transaction_session_timeout": "0",  # a run may think for long between two reads
            "synchronous_commit": "on" if durability == "full" else "off",
        }

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(**given, autocommit=True)  # type: ignore[arg-type]

        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=connect,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
        )
        self._driver: psycopg.Connection[Any] | None = None
        self._inside = False  # a transaction, even if its connection is lost
        self._only_reads = False
        self._connect()
        self.read_only = read_only or not self.fetch_plain(CAN_WRITE)[0][0]

    def close(self) -> None:
        """Close; what was committed is safe already."""
        with suppress(DBAPIError):
            self.connection.close()
        self._engine.dispose()

    def again(self) -> PostgresDatabase:
        """Another connection; see `Database`."""
        return self._again()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction, attempted once; see `Database`."""
        self.refuse_read_only()
        with self.translated(), self.transaction(WRITE) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction; see `Database`."""
        self.fetch_plain("SELECT 1")  # opens a lost connection again
        with self.translated(), self.transaction(READ) as connection:
            yield connection

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in a write transaction, again as long as other writers are in its way.

        Raises:
            EnvironmentProblem: read-only, no room, too many attempts: nothing was changed; or the connection was lost
                during the commit, and it can't be found out whether it was done.
        """
        self.refuse_read_only()
        found: DBAPIError | None = None
        for number in range(ATTEMPTS_MAX):
            if number:
                time.sleep(random.uniform(0, min(PAUSE_S_MAX, PAUSE_S * 2**number)))
            try:
                return self._write_once(work)
            except DBAPIError as error:
                found = error
                lost_while_idle = number == 0 and self._is_lost()
                if not lost_while_idle and _state(error) not in AGAIN:
                    raise self.problem(error) from error
        assert found is not None
        raise self.problem(found) from found

    def attempt(self, work: Callable[[], Result]) -> Result:
        """Do what reads the database; outside a transaction a lost connection is opened again, once."""
        self._refuse_lost()
        if self._is_lost():
            self._connect()
        try:
            return work()
        except DBAPIError as error:
            if self._inside or not self._is_lost():
                raise self.problem(error) from error
        self._connect()
        with self.translated():
            return work()

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Connection]:
        """A transaction that `begin` opens, on a new connection where the last one was lost."""
        if not self._inside and self._is_lost():
            self._connect()
        with super().transaction(begin) as connection:
            self._inside, self._only_reads = True, begin == READ
            try:
                yield connection
            except BaseException:
                self._inside = False
                raise

    def commit(self) -> None:
        """End the open transaction; one that only read has nothing to lose any more."""
        try:
            self._refuse_lost()
            super().commit()
        except (DBAPIError, EnvironmentProblem):
            if not self._only_reads or not self._is_lost():
                raise
        finally:
            self._inside = False

    def version(self) -> str | None:
        """The newest migration that the database has seen; None if it never saw one."""
        try:
            row = self.connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
        except DBAPIError as error:
            if _state(error) == UNDEFINED_TABLE:
                return None
            raise self.problem(error) from error
        return None if row is None else str(row[0])

    def problem(self, error: DBAPIError) -> EnvironmentProblem:
        """A driver's error in our words."""
        state, text = _state(error), str(error.orig).strip().partition("\n")[0]
        by_size = (state, state[:3], state[:2])
        known = next((PROBLEMS[part] for part in by_size if part in PROBLEMS), None)
        if known is None and not state:  # libpq's own: there is or was no connection
            known = f"{LOST}: {text}" if self._is_lost() else f"no connection: {text}"
        said = known or f"the database refused: {text}"
        return EnvironmentProblem(f"{self.name}: {self._without_secret(said)}")

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        driver = self._driver
        return self._inside or (driver is not None and driver.info.transaction_status in OPEN)

    def _write_once(self, work: Callable[[Connection], Result]) -> Result:
        number: int | None = None

        def to_commit(connection: Connection) -> Result:
            nonlocal number
            result = work(connection)
            number = connection.exec_driver_sql("SELECT txid_current()").scalar()
            return result

        try:
            with self.transaction(WRITE) as connection:
                result = to_commit(connection)
        except DBAPIError:
            if number is None or not self._is_lost() or not self._was_committed(number):
                raise
        return result

    def _was_committed(self, number: int) -> bool:
        """Whether a transaction whose COMMIT got no answer was done, asked on a new connection."""
        with suppress(EnvironmentProblem, DBAPIError):
            self._connect()
            for _ in range(ASKED_MAX):
                (status,) = self.connection.exec_driver_sql("SELECT txid_status(%s)", (number,)).one()
                if status != "in progress":
                    return bool(status == "committed")
                time.sleep(PAUSE_S_MAX)
        raise EnvironmentProblem(
            f"{self.name}: the connection was lost during the commit, and whether it was done can't be asked; "
            "look with `genvm-replay runs` before you run this again"
        )

    def _connect(self) -> None:
        if self._driver is not None:
            with suppress(DBAPIError):
                self.connection.close()
        with self.translated():
            self.connection = self._engine.connect()
            driver = self.connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            self._driver = driver
            for name, value in self._settings.items():
                self.connection.exec_driver_sql("SELECT set_config(%s, %s, false)", (name, value))

    def _refuse_lost(self) -> None:
        """Raise inside a transaction whose connection was lost: what it read, it can't read again."""
        if self._inside and self._is_lost():
            raise EnvironmentProblem(f"{self.name}: {LOST}")

    def _is_lost(self) -> bool:
        return self._driver is not None and bool(self._driver.closed)

    def _without_secret(self, text: str) -> str:
        return text.replace(self._password, "***") if self._password else text


def _state(error: DBAPIError) -> str:
    """SQLSTATE; "" where the server sent none."""
    return getattr(error.orig, "sqlstate", None) or ""
