"""The door of a run in another role: it goes along the main line of a record as long as the run asks the same.

While it does, the recorded answers are given. From the first request that is another one, the world is asked: a host
that knows what the record tells (`host_bridge/recorded_host.py`). Requests that are a matter of the role (whose results
nondeterministic blocks have, and who is told of them) and the lines of these blocks always go to the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ...journal.events import (
    Answer,
    AnyRequest,
    ConsumeResult,
    DeployContract,
    EthSend,
    Event,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    Request,
    StorageWrite,
    TraceMessage,
    WriteStream,
)
from .door import Effects

OF_THE_ROLE: Final[frozenset[type[Request]]] = frozenset(
    (GetLeaderNondetResult, PostNondetResult, NotifyNondetDisagreement)
)
TOLD: Final[frozenset[type[Request]]] = frozenset(
    (
        StorageWrite,
        PostEvent,
        PostMessage,
        DeployContract,
        EthSend,
        ConsumeResult,
        WriteStream,
        TraceMessage,
    )
)
"""What the world is told while the run goes along the record: it has to know when the ways part."""


class Following:
    """The main line of a run that follows a record.

    Attributes:
        departed: the run has asked for something else than the record holds.
    """

    def __init__(self, world: Effects, recorded: Iterable[Event]) -> None:
        """
        Args:
            recorded: the events of the recorded main line.
        """
        self._world = world
        self._recorded: Iterator[Event] = deterministic(recorded)
        self.departed = False

    def perform(self, request: AnyRequest) -> Answer:
        """Give the recorded answer of an equal request, else ask the world."""
        kind = type(request)
        if kind in OF_THE_ROLE or self.departed:
            return self._world.perform(request)
        event = next(self._recorded, None)
        if event is None or event.request != request:
            self.departed = True
            return self._world.perform(request)
        if kind in TOLD:
            self._world.perform(request)
        return event.answer

    def line(self, name: str) -> Effects:
        """The door of a nondeterministic block."""
        return self._world.line(name)


def deterministic(events: Iterable[Event]) -> Iterator[Event]:
    """The events of a main line that are the same in every role."""
    return (event for event in events if type(event.request) not in OF_THE_ROLE)
