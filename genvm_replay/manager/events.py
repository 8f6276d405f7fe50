"""What happens to runs, told to whoever subscribes. Nobody is waited for: who reads too slowly loses output."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

QUEUED_MAX: Final = 1000  # events that wait for one subscriber; of output, beyond that it is dropped
BEHIND_MAX: Final = 20_000  # events of other kinds; who is further behind is left behind

Kind = Literal["queued", "started", "output", "finished"]


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened.

    Attributes:
        data: of `output`: `stream` (stdout, stderr, log), and `text` or `line`; of `finished`: `cause`, `exit_code`,
            `error`.
        dropped: how many events of output were dropped before this one, for this reader.
    """

    run_id: int
    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    dropped: int = 0


class Subscription:
    """One reader: an asynchronous iterator. Ends when the service does, or where the reader is too far behind."""

    def __init__(self, board: EventBoard, run_id: int | None) -> None:
        self._board = board
        self.run_id = run_id
        self._events: deque[RunEvent] = deque()
        self._news = asyncio.Event()
        self._dropped = 0
        self._ended = False

    def tell(self, event: RunEvent) -> None:
        """Take an event."""
        if event.kind == "output" and len(self._events) >= QUEUED_MAX:
            self._dropped += 1
            return
        if len(self._events) >= BEHIND_MAX:
            self.end()
            return
        if self._dropped:
            event = RunEvent(event.run_id, event.kind, event.data, self._dropped)
            self._dropped = 0
        self._events.append(event)
        self._news.set()

    def end(self) -> None:
        """No more events."""
        self._ended = True
        self._news.set()
        self._board.leave(self)

    def __aiter__(self) -> AsyncIterator[RunEvent]:
        return self

    async def __anext__(self) -> RunEvent:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    async def aclose(self) -> None:
        """Stop reading."""
        self._events.clear()
        self.end()


class EventBoard:
    """Tells those who want to know."""

    def __init__(self) -> None:
        self._readers: dict[int | None, set[Subscription]] = {}  # by the run that they want, None: all

    def subscribe(self, run_id: int | None) -> Subscription:
        """Events from now on: of one run, or of all."""
        reader = Subscription(self, run_id)
        self._readers.setdefault(run_id, set()).add(reader)
        return reader

    def tell(self, event: RunEvent) -> None:
        """Tell everybody whom it concerns."""
        for reader in self._of(event.run_id):
            reader.tell(event)

    def watched(self, run_id: int) -> bool:
        """Whether anybody wants to know of a run."""
        return run_id in self._readers or None in self._readers

    def leave(self, reader: Subscription) -> None:
        """A reader has gone."""
        readers = self._readers.get(reader.run_id, set())
        readers.discard(reader)
        if not readers:
            self._readers.pop(reader.run_id, None)

    def end(self) -> None:
        """The service ends: so do all readers."""
        for readers in list(self._readers.values()):
            for reader in list(readers):
                reader.end()

    def _of(self, run_id: int) -> list[Subscription]:
        return [*self._readers.get(run_id, ()), *self._readers.get(None, ())]
