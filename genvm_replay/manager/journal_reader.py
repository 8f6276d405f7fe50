"""Reads the journal on threads of its own, so that no query holds up the service, nor a long one the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from ..errors import EnvironmentProblem
from ..journal.database import open_database
from ..journal.database_store import DatabaseStore
from .refusals import Busy, TookTooLong

READERS: Final = 4  # at once; each has a connection
WAITING_MAX: Final = 256
READ_SECONDS_MAX: Final = 30.0
Found = TypeVar("Found")


class JournalReader:
    """A few connections, each for one reader at a time. An async context manager.

    Attributes:
        url: path or URL of the journal.
    """

    def __init__(
        self, url: str, *, seconds: float = READ_SECONDS_MAX, waiting_max: int = WAITING_MAX
    ) -> None:
        self.url = url
        self.seconds_max, self._waiting_max = seconds, waiting_max
        self._readers = [_Reader(url) for _ in range(READERS)]
        self._free: asyncio.LifoQueue[_Reader] = (
            asyncio.LifoQueue()
        )  # the one that was used last has all at hand
        self._waiting = 0

    async def __aenter__(self) -> JournalReader:
        for reader in self._readers:
            self._free.put_nowait(reader)
        await self.read(lambda store: store.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(reader.close() for reader in self._readers))

    async def read(self, ask: Callable[[DatabaseStore], Found]) -> Found:
        """Ask the journal. What takes too long goes on, on its thread, but nobody waits for it any more.

        Raises:
            EnvironmentProblem: it can't be read; the next call opens it anew.
            Busy: too many wait. TookTooLong: not answered in time.
        """
        if self._waiting >= self._waiting_max:
            raise Busy(f"{self._waiting} readers of the journal wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(self.seconds_max):
                reader = await self._free.get()
                asking = reader.start(ask)
                asking.add_done_callback(lambda done: self._give_back(reader, done))
                return await asyncio.shield(asking)
        except TimeoutError as error:
            raise TookTooLong(f"the journal did not answer within {self.seconds_max:g} s") from error
        finally:
            self._waiting -= 1

    def _give_back(self, reader: _Reader, done: asyncio.Future[Any]) -> None:
        self._free.put_nowait(reader)
        if not done.cancelled():
            done.exception()  # whoever asked may have gone


class _Reader:
    """A thread and its connection, opened when it is first needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._store: DatabaseStore | None = None

    def start(self, ask: Callable[[DatabaseStore], Found]) -> asyncio.Future[Found]:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._read, ask)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _read(self, ask: Callable[[DatabaseStore], Found]) -> Found:
        if self._store is None:
            self._store = open_database(self._url, read_only=True)
        try:
            return ask(self._store)
        except EnvironmentProblem:
            self._close()
            raise

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
