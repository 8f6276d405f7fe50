"""Events: told to whom they concern; who does not keep up loses output first, and is told how much."""

from __future__ import annotations

import asyncio

import pytest

from genvm_replay.manager.events import BEHIND_MAX, QUEUED_MAX, EventBoard, RunEvent


def test_readers_get_what_concerns_them() -> None:
    """One run's, or all; from when they subscribed; until the service ends."""

    async def scene() -> None:
        board = EventBoard()
        board.tell(RunEvent(1, "queued"))
        one, every = board.subscribe(1), board.subscribe(None)
        assert board.watched(7)
        board.tell(RunEvent(1, "started"))
        board.tell(RunEvent(2, "started"))
        board.end()
        assert [event.run_id async for event in one] == [1]
        assert [event.run_id async for event in every] == [1, 2]
        assert not board.watched(1)

    asyncio.run(scene())


def test_a_slow_reader_loses_output_and_knows_how_much() -> None:
    """Beginnings and ends still arrive."""

    async def scene() -> None:
        board = EventBoard()
        reader = board.subscribe(None)
        for _ in range(QUEUED_MAX + 5):
            board.tell(RunEvent(1, "output"))
        board.tell(RunEvent(1, "finished"))
        board.end()
        events = [event async for event in reader]
        assert len(events) == QUEUED_MAX + 1
        assert (events[-1].kind, events[-1].dropped) == ("finished", 5)
        assert sum(event.dropped for event in events) == 5

    asyncio.run(scene())


def test_who_reads_nothing_is_left_behind() -> None:
    """Its events end; nothing grows without bound."""

    async def scene() -> None:
        board = EventBoard()
        reader = board.subscribe(None)
        for number in range(BEHIND_MAX + 1):
            board.tell(RunEvent(number, "finished"))
        assert not board.watched(1)
        assert len([event async for event in reader]) == BEHIND_MAX

    asyncio.run(scene())


def test_leaving_ends_the_wait() -> None:
    """Whoever waits for an event, and closes, is not left hanging."""

    async def scene() -> None:
        reader = EventBoard().subscribe(3)
        waiting = asyncio.create_task(reader.__anext__())
        await asyncio.sleep(0)
        await reader.aclose()
        with pytest.raises(StopAsyncIteration):
            await waiting

    asyncio.run(scene())
