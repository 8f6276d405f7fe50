"""Reads the journal on a thread of its own, so that no query holds up the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..errors import EnvironmentProblem
from ..journal.database import open_database
from ..journal.database_store import DatabaseStore

Found = TypeVar("Found")


class JournalReader:
    """One connection, one reader at a time. An async context manager.

    Attributes:
        url: path or URL of the journal.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._store: DatabaseStore | None = None

    async def __aenter__(self) -> JournalReader:
        await self.read(lambda store: store.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def read(self, ask: Callable[[DatabaseStore], Found]) -> Found:
        """Ask the journal.

        Raises:
            EnvironmentProblem: it can't be read; the next call opens it anew.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, ask)

    def _read(self, ask: Callable[[DatabaseStore], Found]) -> Found:
        if self._store is None:
            self._store = open_database(self.url, read_only=True)
        try:
            return ask(self._store)
        except EnvironmentProblem:
            self._close()
            raise

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
