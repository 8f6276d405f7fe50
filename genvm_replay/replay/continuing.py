"""A door that goes on where a run departs from its record, to see what the departure changes in the end.

It gives the recorded answer as long as the request is the recorded one. Where it is not, it looks ahead for it, takes
what needs no answer, and answers from what the record knows: the clock, the random stream, storage that was read. It
never guesses: where the record does not know, the run ends with `Unknowable`. Nothing live is reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from ..errors import Divergence
from ..executor.effects.door import MAIN_LINE
from ..executor.effects.replaying import first_difference, kind_of
from ..executor.moment import clock_ns
from ..executor.random_stream import RandomStream
from ..executor.storage_delta import StorageDelta
from ..journal.events import (
    OK,
    Answer,
    AnyRequest,
    ConsumeFuel,
    ConsumeResult,
    DeployContract,
    EthSend,
    Event,
    GetCalldata,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    ReadClock,
    ReadRandom,
    ReadRunningTime,
    Request,
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from ..journal.stored import StoredRun
from .audit import first_state
from .field_names import Pieces

AHEAD_MAX: Final = 16  # events that the record may have more
SILENT: Final[tuple[type[Request], ...]] = (
    *(StorageWrite, PostEvent, PostMessage, DeployContract, EthSend, PostNondetResult, ConsumeResult),
    *(NotifyNondetDisagreement, ConsumeFuel, WriteStream, TraceMessage, WasiCall),
)
"""Requests whose answer tells the guest nothing."""
FIXED: Final[tuple[type[Request], ...]] = (GetCalldata, ReadRunningTime)
"""Requests without fields: any recorded answer is the answer."""


class Unknowable(Divergence):
    """The run asked for something that the record does not know."""


class Continuing:
    """Answers one line of a run as far as the record can.

    Attributes:
        first: the first departure on this line; None: it did not depart.
    """

    def __init__(self, run: StoredRun, line: str = MAIN_LINE) -> None:
        self._run = run
        self._line = line
        self._events: Iterator[Event] = run.read_line(line)
        self._ahead: deque[Event] = deque()
        self._seq = 0
        self._own = StorageDelta()
        self.first: Divergence | None = None
        self.others: list[Continuing] = []

    def line(self, name: str) -> Continuing:
        """Go on with another line."""
        self.others.append(Continuing(self._run, name))
        return self.others[-1]

    def departures(self) -> list[Divergence]:
        """The first departure of each line."""
        return [door.first for door in (self, *self.others) if door.first is not None]

    def perform(self, request: AnyRequest) -> Answer:
        """Answer from the record.

        Raises:
            Unknowable: it has no answer.
        """
        self._fill(1)
        event = self._ahead[0] if self._ahead else None
        if event is not None and event.request == request:
            return self._take(1, request)
        if self.first is None:
            shown = ("kind", None, kind_of(request))
            self.first = Divergence(
                self._line,
                self._seq,
                *(shown if event is None else first_difference(event.request, request)),
            )
        self._fill(AHEAD_MAX)
        for number, later in enumerate(self._ahead, 1):
            if later.request == request:
                return self._take(number, request)
        if event is not None and type(event.request) is type(request) and isinstance(request, SILENT):
            return self._take(1, request)
        return self._answered(request)

    def _fill(self, count: int) -> None:
        while len(self._ahead) < count and (event := next(self._events, None)) is not None:
            self._ahead.append(event)

    def _take(self, count: int, request: AnyRequest) -> Answer:
        for _ in range(count):
            event = self._ahead.popleft()
        self._seq += count
        self._remember(request)
        return self._present(request, event.answer) if self.first is not None else event.answer

    def _present(self, request: AnyRequest, recorded: Answer) -> Answer:
        """What a read gives once the run has gone another way: its own writes are there, not the recorded ones."""
        contract = self._run.header.message.contract_address
        if not isinstance(request, StorageRead) or request.address != contract:
            return recorded
        if not isinstance(recorded.value, bytes):
            return recorded
        return Answer(recorded.error, Pieces(self._own).over(request.slot, request.index, recorded.value))

    def _remember(self, request: AnyRequest) -> None:
        if isinstance(request, StorageWrite):
            self._own.write(request.slot, request.index, request.data)

    def _answered(self, request: AnyRequest) -> Answer:
        """What the record knows beyond its next event."""
        message = self._run.header.message
        match request:
            case ReadClock():
                return Answer(0, clock_ns(message))
            case ReadRandom() if self._line == MAIN_LINE:
                return Answer(0, RandomStream().read(request.position, request.length))
            case StorageRead() if request.address == message.contract_address:
                held = self._storage(request)
                if held is not None:
                    return Answer(0, held)
            case _ if isinstance(request, SILENT):
                self._remember(request)
                return OK
            case _ if isinstance(request, FIXED):
                for event in self._run.read_line(self._line):
                    if event.request == request:
                        return event.answer
            case _:
                pass
        raise Unknowable(self._line, self._seq, "kind", None, kind_of(request))

    @cached_property
    def _before(self) -> Pieces:
        return first_state(self._run)

    def _storage(self, request: StorageRead) -> bytes | None:
        """Bytes that the run wrote itself, or that the record read before any write to their slot."""
        own, slot, at = Pieces(self._own), request.slot, request.index
        whole = own.fetch(slot, at, request.length)
        if whole is None and (found := self._before.fetch(slot, at, request.length)) is not None:
            return own.over(slot, at, found)
        return whole
