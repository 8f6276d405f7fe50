"""Permits: how many runs go on at once (spec/manager-modules.md 6.5). A fair queue: nobody overtakes."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

PERMITS_MIN: Final = 2
GIB: Final = 1 << 30
GIB_A_PERMIT: Final = 4
MEMORY: Final = Path("/proc/meminfo")


class Permits:
    """A number of permits that can be changed while some are taken.

    Attributes:
        maximum: how many there are, at least PERMITS_MIN.
        used: how many are taken; above `maximum` for a while after it was lowered.
    """

    def __init__(self, maximum: int | None = None) -> None:
        """
        Args:
            maximum: None: by the memory that is free now.
        """
        self.maximum = max(PERMITS_MIN, default_permits() if maximum is None else maximum)
        self.used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._fewer = asyncio.Event()

    @property
    def current(self) -> int:
        """How many are free now."""
        return max(0, self.maximum - self.used)

    async def take(self, count: int, timeout_s: float | None = None) -> None:
        """Wait for `count` permits, behind all who wait already.

        Raises:
            TimeoutError: not in time; none were taken.
        """
        assert count <= PERMITS_MIN
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        self._serve()
        try:
            async with asyncio.timeout(timeout_s):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # the turn came in the same moment
                self.give(count)
            else:
                with suppress(ValueError):
                    self._waiting.remove((count, turn))
                self._serve()
            raise

    def give(self, count: int) -> None:
        """Give permits back."""
        self.used -= count
        self._fewer.set()
        self._serve()

    async def set(self, maximum: int) -> int:
        """Change how many there are; the number that holds now.

        Raising counts at once; lowering waits until enough runs have ended. Fewer than PERMITS_MIN change nothing.
        """
        if maximum < PERMITS_MIN:
            return self.maximum
        self.maximum = maximum
        self._serve()
        while self.used > self.maximum:
            self._fewer.clear()
            await self._fewer.wait()
        return self.maximum

    def _serve(self) -> None:
        while self._waiting and self.used + self._waiting[0][0] <= self.maximum:
            count, turn = self._waiting.popleft()
            if not turn.done():
                self.used += count
                turn.set_result(None)


def default_permits(memory: Path = MEMORY) -> int:
    """One for each GIB_A_PERMIT GiB of free memory and swap, at least PERMITS_MIN; 8 where that can't be known."""
    try:
        lines = dict(line.split(":", 1) for line in memory.read_text().splitlines())
        free = sum(int(lines[name].split()[0]) << 10 for name in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError, IndexError):
        return 8
    return max(PERMITS_MIN, free // (GIB_A_PERMIT * GIB))
