"""What every database kind has in common: one connection, explicit transactions, driver errors in our own words.

`sqlite_database.py` and `postgres_database.py` say how a connection is made and what its errors mean. All of it is for
one thread at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import DBAPIError

from genvm_replay.errors import EnvironmentProblem, UsageError

Durability: TypeAlias = Literal["full", "normal"]
Rows: TypeAlias = Sequence[Sequence[Any]]
Result = TypeVar("Result")

BUSY_TIMEOUT_MS: Final = 30_000


class Database(ABC):
    """An open database. Knows nothing of runs.

    Attributes:
        name: where it is, for people: a path, or a URL without its password.
        read_only: nothing can be written through this connection.
        placeholder: what stands for a value in the driver's SQL.
    """

    placeholder: ClassVar[str]
    name: str
    read_only: bool
    connection: Connection

    @abstractmethod
    def close(self) -> None:
        """Close; what was committed is safe already."""

    @abstractmethod
    def again(self) -> Database:
        """Another connection to the same database, with the same rules."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """A read transaction: all reads see the same state, whatever other processes commit meanwhile."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A write transaction: all or nothing.

        Raises:
            EnvironmentProblem: read-only, locked for too long, or the disk is full; nothing was changed.
        """

    @abstractmethod
    def version(self) -> str | None:
        """The newest migration that the database has seen; None if it never saw one."""

    @abstractmethod
    def problem(self, error: DBAPIError) -> EnvironmentProblem:
        """A driver's error in our words: where, what, what to do."""

    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in a write transaction; it may be done again where writers got into each other's way."""
        with self.writing() as connection:
            return work(connection)

    def fetch(self, statement: Executable, values: Mapping[str, object] | None = None) -> Sequence[Row[Any]]:
        """All rows of a query."""
        return self.attempt(lambda: self.connection.execute(statement, values).all())

    def fetch_plain(self, statement: str, values: tuple[object, ...] = ()) -> Rows:
        """All rows of a query in the driver's SQL: 10 us cheaper than a statement of SQLAlchemy."""
        return self.attempt(lambda: self.connection.exec_driver_sql(statement, values).all())

    def attempt(self, work: Callable[[], Result]) -> Result:
        """Do what reads the database; driver errors come out as `EnvironmentProblem`."""
        try:
            return work()
        except DBAPIError as error:
            raise self.problem(error) from error
        except UnicodeDecodeError as error:  # the driver quotes the damaged schema
            raise EnvironmentProblem(f"{self.name}: the file is damaged; restore it from a copy") from error

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn driver errors into `EnvironmentProblem`."""
        try:
            yield
        except DBAPIError as error:
            raise self.problem(error) from error
        except UnicodeDecodeError as error:  # the driver quotes the damaged schema
            raise EnvironmentProblem(f"{self.name}: the file is damaged; restore it from a copy") from error

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Connection]:
        """A transaction that `begin` opens; driver errors come out as they are."""
        if self.in_transaction():
            raise UsageError("a transaction is open already: end the snapshot before you commit")
        self.connection.exec_driver_sql(begin)
        try:
            yield self.connection
            self.commit()
        except BaseException:
            if self.in_transaction():  # a full disk or a lost server has rolled back by itself
                self.connection.exec_driver_sql("ROLLBACK")
            raise

    def commit(self) -> None:
        """End the open transaction."""
        self.connection.exec_driver_sql("COMMIT")

    def refuse_read_only(self) -> None:
        """Raise if nothing can be written."""
        if self.read_only:
            raise EnvironmentProblem(f"{self.name}: it is open for reading only; check the permissions of it")
