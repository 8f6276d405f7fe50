"""Reading the journal: a long read delays nobody, and nobody waits for it without end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from genvm_replay.journal.database import open_database
from genvm_replay.manager.journal_reader import READERS, JournalReader
from genvm_replay.manager.refusals import Busy, TookTooLong


def test_a_long_read_delays_no_other(tmp_path: Path) -> None:
    """As long as one place is free; who waits longer than he may is told, and places come back when reads end."""
    path = str(tmp_path / "journal.db")
    open_database(path).close()
    end = threading.Event()

    async def scene() -> None:
        async with JournalReader(path, waiting_max=READERS + 1) as journal:
            long = [asyncio.create_task(journal.read(lambda _: end.wait())) for _ in range(READERS - 1)]
            await asyncio.sleep(0)
            assert await journal.read(lambda store: store.name)
            journal.seconds_max = 0.2
            long.append(asyncio.create_task(journal.read(lambda _: end.wait())))
            waiting = asyncio.create_task(journal.read(lambda store: store.name))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await journal.read(lambda store: store.name)
            for task in (long.pop(), waiting):
                with pytest.raises(TookTooLong):
                    await task
            journal.seconds_max = 60
            end.set()
            assert all(await asyncio.gather(*long))
            assert await journal.read(lambda store: store.name)

    try:
        asyncio.run(scene())
    finally:
        end.set()
