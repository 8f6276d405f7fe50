"""A door that goes on where a run departs from its record, to see what the departure changes in the end.

It gives the recorded answer as long as the request is the recorded one, at the cost of a plain replay. Where it is not,
it looks ahead for it, takes what needs no answer, and answers from what the record knows: the clock, the random stream,
storage that was read. It never guesses: where the record does not know, the run ends with `Unknowable`. Nothing live is
reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from threading import get_ident
from typing import Final

from msgspec.structs import astuple

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
TAIL_BYTES_MAX: Final = 64 << 20  # of what is asked behind a difference; a guest may never stop asking
EVENT_BYTES: Final = 500  # of an event itself
SILENT: Final[tuple[type[Request], ...]] = (
    *(StorageWrite, PostEvent, PostMessage, DeployContract, EthSend, PostNondetResult, ConsumeResult),
    *(NotifyNondetDisagreement, ConsumeFuel, WriteStream, TraceMessage, WasiCall),
)
"""Requests whose answer tells the guest nothing."""
FIXED: Final[tuple[type[Request], ...]] = (GetCalldata, ReadRunningTime)
"""Requests without fields: any recorded answer is the answer."""


class Unknowable(Divergence):
    """The run asked for something that the record does not know."""


class Endless(Divergence):
    """The run asks for more behind its difference than is kept of it."""


@dataclass(slots=True)
class Journey:
    """What the lines of one run met: shared by their doors.

    Attributes:
        notice: called with the first departure of each line as it happens, while the guest waits.
        departures: these, in the order of time; with the thread each was on.
        tails: the events of each line that departed, from there on.
        thread: that the main line runs on; nondeterministic blocks of a validator have another.
    """

    notice: Callable[[Divergence], None] = lambda _: None
    departures: list[tuple[int, Divergence]] = field(default_factory=list)
    tails: dict[str, list[Event]] = field(default_factory=dict)
    thread: int = 0
    tail_bytes: int = 0

    def keep(self, tail: list[Event], event: Event) -> bool:
        """Add an event behind a difference; False if that is too much."""
        tail.append(event)
        parts = (*astuple(event.request), event.answer.value)
        self.tail_bytes += EVENT_BYTES + sum(len(part) for part in parts if isinstance(part, bytes | str))
        return self.tail_bytes <= TAIL_BYTES_MAX

    def first(self) -> Divergence | None:
        """The departure that came first; one in the background counts only if there is no other."""
        here = [found for thread, found in self.departures if thread == self.thread]
        return next(iter(here or [found for _, found in self.departures]), None)


class Continuing:
    """Answers one line of a run as far as the record can."""

    def __init__(
        self,
        run: StoredRun,
        read_line: Callable[[str], Iterator[Event]],
        journey: Journey,
        line: str = MAIN_LINE,
    ) -> None:
        """
        Args:
            read_line: gives the recorded events of a line, to be taken; nothing for one that was not recorded.
        """
        self.journey = journey
        self._run = run
        self._read_line = read_line
        self._line = line
        self._events = read_line(line)
        self._ahead: deque[Event] = deque()
        self._seq = 0
        self._own = StorageDelta()
        self._tail: list[Event] | None = None  # None: it did not depart
        self._others: dict[str, Continuing] = {}

    def line(self, name: str) -> Continuing:
        """Go on with another line."""
        self.journey.thread = get_ident()
        return self._open(name)

    def _open(self, name: str) -> Continuing:
        other = self._others[name] = Continuing(self._run, self._read_line, self.journey, name)
        return other

    def perform(self, request: AnyRequest) -> Answer:
        """Answer from the record.

        Raises:
            Unknowable: it has no answer. Endless: too much was asked behind the difference.
        """
        if self._tail is None:
            event = next(self._events, None)
            if event is not None and event.request == request:
                self._seq += 1
                return event.answer
            if event is not None:
                self._ahead.append(event)
            self._depart(request, event)
        assert self._tail is not None
        answer = self._onwards(request)
        if not self.journey.keep(self._tail, Event(request, answer)):
            raise Endless(self._line, self._seq, "kind", None, kind_of(request))
        return answer

    def finish(self) -> None:
        """Check that everything was asked for; a line that holds more has departed at its end."""
        others = {line.name for line in self._run.lines()} - {MAIN_LINE, *self._others}
        for name in sorted(others):
            self._open(name)
        for door in (self, *self._others.values()):
            event = next(door._events, None) if door._tail is None else None
            if event is not None:
                left = Divergence(door._line, door._seq, "kind", kind_of(event.request), None)
                self.journey.departures.append((self.journey.thread, left))

    def _depart(self, request: AnyRequest, recorded: Event | None) -> None:
        shown: tuple[str, object, object] = ("kind", None, kind_of(request))
        if recorded is not None:
            shown = first_difference(recorded.request, request)
        found = Divergence(self._line, self._seq, *shown)
        if self._line == MAIN_LINE:
            self.journey.thread = get_ident()
        self.journey.departures.append((get_ident(), found))
        self._tail = self.journey.tails[self._line] = []
        for event in islice(self._run.read_line(self._line), self._seq):
            if isinstance(event.request, StorageWrite):
                self._remember(event.request)
        self.journey.notice(found)

    def _onwards(self, request: AnyRequest) -> Answer:
        self._fill(AHEAD_MAX)
        for number, later in enumerate(self._ahead, 1):
            if later.request == request:
                return self._take(number, request)
        event = self._ahead[0] if self._ahead else None
        if event is not None and type(event.request) is type(request) and isinstance(request, SILENT):
            return self._take(1, request)
        return self._answered(request)

    def _fill(self, count: int) -> None:
        while len(self._ahead) < count and (event := next(self._events, None)) is not None:
            self._ahead.append(event)

    def _take(self, count: int, request: AnyRequest) -> Answer:
        for _ in range(count):
            event = self._ahead.popleft()
        self._remember(request)
        return self._present(request, event.answer)

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
        raise Unknowable(self._line, self._seq + len(self._tail or ()), "kind", None, kind_of(request))

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
