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
        self._run_id = run_id
        self._events: deque[RunEvent] = deque()
        self._news = asyncio.Event()
        self._dropped = 0
        self._ended = False

    def tell(self, event: RunEvent) -> None:
        """Take an event that concerns this reader."""
        if self._run_id not in (None, event.run_id):
            return
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
    """Tells all subscribers."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()

    def subscribe(self, run_id: int | None) -> Subscription:
        """Events from now on: of one run, or of all."""
        reader = Subscription(self, run_id)
        self._readers.add(reader)
        return reader

    def tell(self, event: RunEvent) -> None:
        """Tell everybody."""
        for reader in list(self._readers):
            reader.tell(event)

    @property
    def watched(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def leave(self, reader: Subscription) -> None:
        """A reader has gone."""
        self._readers.discard(reader)

    def end(self) -> None:
        """The service ends: so do all readers."""
        for reader in list(self._readers):
            reader.end()
