"""Results that nobody has acknowledged: in memory for whoever asks, in the journal for a restart; within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from ..errors import ReplayError
from .results import Results, RunStatus

LOG: Final = logging.getLogger(__name__)
RETAINED_MAX: Final = 10_000  # results
RETAINED_BYTES_MAX: Final = 128 << 20  # of their output
RETENTION_S: Final = 24 * 3600.0
LOOK_EVERY_S: Final = 60.0


class Retention:
    """The results that are kept. What is too much, the oldest first, and what is too old, is forgotten."""

    def __init__(
        self,
        results: Results,
        *,
        count_max: int = RETAINED_MAX,
        bytes_max: int = RETAINED_BYTES_MAX,
        age_s: float = RETENTION_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._results = results
        self._clock = clock
        self._count_max, self._bytes_max, self._age_s = count_max, bytes_max, age_s
        self._kept: dict[int, RunStatus] = {}
        self._keys: dict[str, int] = {}
        self._bytes = 0
        self._unwanted: list[int] = []
        self._removal: asyncio.Task[None] | None = None
        self._look: asyncio.TimerHandle | None = None

    def start(self, known: Iterable[RunStatus]) -> None:
        """Begin with what the journal has."""
        for run in known:
            self.keep(run)
        self._watch()

    async def close(self) -> None:
        """Finish what removes rows."""
        if self._look is not None:
            self._look.cancel()
        if self._removal is not None:
            await self._removal

    def keep(self, run: RunStatus) -> None:
        """Keep a result, and forget others where there are too many."""
        assert run.finished is not None
        self._kept[run.run_id] = run
        self._bytes += run.finished.size
        if run.idempotency_key is not None:
            self._keys[run.idempotency_key] = run.run_id
        while len(self._kept) > self._count_max or (self._bytes > self._bytes_max and len(self._kept) > 1):
            self.forget([next(iter(self._kept))])

    def get(self, run_id: int) -> RunStatus | None:
        """A result; None: it is not kept."""
        return self._kept.get(run_id)

    def by_key(self, key: str) -> int | None:
        """The run that was ordered under a key."""
        return self._keys.get(key)

    def all(self) -> list[RunStatus]:
        """All results, in the order of their ends."""
        return list(self._kept.values())

    def forget(self, run_ids: Iterable[int]) -> None:
        """Forget results, and remove their rows soon. Rows of runs that came to no result are removed as well."""
        for run_id in run_ids:
            run = self._kept.pop(run_id, None)
            if run is not None and run.finished is not None:
                self._bytes -= run.finished.size
                if run.idempotency_key is not None and self._keys.get(run.idempotency_key) == run_id:
                    del self._keys[run.idempotency_key]
            self._unwanted.append(run_id)
        if self._unwanted and self._removal is None:
            self._removal = asyncio.create_task(self._remove())

    async def _remove(self) -> None:
        try:
            while self._unwanted:
                run_ids, self._unwanted = self._unwanted, []
                await self._results.forget(run_ids)
        except ReplayError as error:  # they stay, and are found again after a restart
            LOG.error("results can't be removed: %s", error)
        finally:
            self._removal = None

    def _watch(self) -> None:
        now = self._clock()
        old = [run_id for run_id, run in self._kept.items() if self._is_old(run, now)]
        if old:
            self.forget(old)
        self._look = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._watch)

    def _is_old(self, run: RunStatus, now: datetime) -> bool:
        assert run.finished is not None
        return (now - run.finished.finished_at).total_seconds() > self._age_s
