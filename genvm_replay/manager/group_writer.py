"""A thread that owns the database's connection and commits what comes together in one transaction.

An event loop must not wait for a disk; and a commit that waits for the disk is worth more runs than one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from ..errors import EnvironmentProblem, ReplayError
from ..journal.database import open_database
from ..journal.database_store import DatabaseStore

GROUP_MAX: Final = 64  # jobs of one transaction
CLOSED: Final = "the journal is closed: the manager is ending"
Result = TypeVar("Result")
Job = Callable[[Connection], Any]


class GroupWriter:
    """Does jobs in write transactions, in the order of their coming."""

    def __init__(self, url: str) -> None:
        """
        Args:
            url: of the journal; opened by `start`, in the thread.
        """
        self._url = url
        self._jobs: SimpleQueue[tuple[Job, asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="results", daemon=True)
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._prepare: Callable[[DatabaseStore], None] = lambda _store: None
        self._closed = False

    async def start(self, prepare: Callable[[DatabaseStore], None]) -> None:
        """Open the journal; `prepare` is called with it, in the thread.

        Raises:
            EnvironmentProblem, UsageError: it can't be opened or written.
        """
        self._prepare = prepare
        self._thread.start()
        await self._opened

    async def do(self, job: Callable[[Connection], Result]) -> Result:
        """Do a job; returns when what it wrote is safe. It may be called again where a transaction has to be repeated.

        Raises:
            EnvironmentProblem, JournalError, UsageError: nothing of it was written.
        """
        if self._closed:  # nobody would do it
            raise EnvironmentProblem(CLOSED)
        result = self._loop.create_future()
        self._jobs.put((job, result))
        done: Result = await asyncio.shield(result)
        return done

    async def close(self) -> None:
        """Do what has come, close the journal."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            store = open_database(self._url)
            store.database.refuse_read_only()
            self._prepare(store)
        except ReplayError as error:
            self._tell([(self._opened, None, error)])
            return
        self._tell([(self._opened, None, None)])
        with store:
            while (group := self._next()) is not None:
                self._tell(self._do(store, group))

    def _next(self) -> list[tuple[Job, asyncio.Future[Any]]] | None:
        """The jobs that are there; None at the end."""
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP_MAX and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _do(
        self, store: DatabaseStore, group: list[tuple[Job, asyncio.Future[Any]]]
    ) -> list[tuple[asyncio.Future[Any], Any, Exception | None]]:
        try:
            results = store.database.write(lambda connection: [job(connection) for job, _ in group])
            return [(future, result, None) for (_, future), result in zip(group, results, strict=True)]
        except Exception as error:  # the top of the jobs: the thread must outlive them
            if len(group) == 1:
                known = isinstance(error, ReplayError)
                return [(group[0][1], None, error if known else EnvironmentProblem(f"not written: {error}"))]
        return [done for one in group for done in self._do(store, [one])]  # one must not fail the others

    def _tell(self, done: list[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
        with suppress(
            RuntimeError
        ):  # the loop was closed first: what was asked is done, and nobody waits for it
            self._loop.call_soon_threadsafe(_resolve, done)


def _resolve(done: list[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
    for future, result, error in done:
        if future.done():  # whoever asked has been cancelled
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
