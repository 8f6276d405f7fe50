"""Permits: fair, bounded in time, changed while they are in use."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from genvm_replay.manager.permits import PERMITS_MIN, Permits, default_permits


def run(scene) -> None:
    asyncio.run(scene())


def test_nobody_overtakes() -> None:
    """A run that needs two waits in front of one that needs one, though that one would fit."""

    async def scene() -> None:
        permits, order = Permits(3), []
        await permits.take(2)

        async def come(name: str, count: int) -> None:
            await permits.take(count)
            order.append(name)

        tasks = [asyncio.create_task(come("full", 2)), asyncio.create_task(come("sync", 1))]
        await asyncio.sleep(0)
        assert (permits.current, order) == (1, [])
        permits.give(2)
        await asyncio.gather(*tasks)
        assert (permits.current, order) == (0, ["full", "sync"])

    run(scene)


def test_who_gives_up_lets_the_others_pass() -> None:
    """By time or by hand; permits that came in the same moment go back."""

    async def scene() -> None:
        permits = Permits(2)
        await permits.take(1)
        with pytest.raises(TimeoutError):
            await permits.take(2, 0.01)
        giving_up = asyncio.create_task(permits.take(2))
        behind = asyncio.create_task(permits.take(1))
        await asyncio.sleep(0)
        giving_up.cancel()
        await behind
        assert permits.used == 2
        late = asyncio.create_task(permits.take(1))
        await asyncio.sleep(0)
        permits.give(1)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert permits.used == 1

    run(scene)


def test_changing_their_number() -> None:
    """More count at once; fewer, when enough runs have ended; fewer than two, never."""

    async def scene() -> None:
        permits = Permits(2)
        await permits.take(2)
        waiting = asyncio.create_task(permits.take(2))
        await asyncio.sleep(0)
        assert await permits.set(4) == 4
        await waiting
        lowering = asyncio.create_task(permits.set(2))
        await asyncio.sleep(0)
        assert not lowering.done()
        permits.give(2)
        assert await lowering == 2
        assert [await permits.set(number) for number in (1, 0, -5)] == [2, 2, 2]

    run(scene)


@pytest.mark.parametrize(
    ("memory", "permits"),
    [
        ("MemAvailable: 16777216 kB\nSwapFree: 4194304 kB\n", 5),
        ("MemAvailable: 1024 kB\nSwapFree: 0 kB\n", PERMITS_MIN),
        ("nothing", 8),
    ],
)
def test_their_number_follows_the_memory(tmp_path: Path, memory: str, permits: int) -> None:
    """One for 4 GiB that are free, at least two; eight where the system does not tell."""
    file = tmp_path / "meminfo"
    file.write_text(memory)
    assert default_permits(file) == permits
    assert default_permits(tmp_path / "absent") == 8
