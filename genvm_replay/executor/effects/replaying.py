"""The door that knows only the journal: it compares every request with the record and gives the recorded answer.

It holds no host, no clock and no module, so nothing live can be reached. The first request that is not the recorded one
raises `Divergence` with its line, index and differing field; what was recorded but never asked for, `finish` finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ...errors import Divergence
from ...journal.events import OK, Answer, AnyRequest, ConsumeResult, Event, NotifyNondetDisagreement, Request
from ..stops import TIMEOUT, VmError
from .door import MAIN_LINE


class Replaying:
    """Answers the lines of one run from their recorded events."""

    def __init__(self, read_line: Callable[[str], Iterator[Event]], line: str = MAIN_LINE) -> None:
        """
        Args:
            read_line: gives the recorded events of a line; nothing for a line that was not recorded.
        """
        self._read_line = read_line
        self._line = line
        self._events = read_line(line)
        self._next: Event | None = None
        self._seq = 0
        self._others: dict[str, Replaying] = {}

    def line(self, name: str) -> Replaying:
        """Answer another line of the run."""
        self._others[name] = type(self)(self._read_line, name)
        return self._others[name]

    def peek(self) -> Event | None:
        """The event that the next request has to fit; None at the end."""
        if self._next is None:
            self._next = next(self._events, None)
        return self._next

    def perform(self, request: AnyRequest) -> Answer:
        """Give the recorded answer of an equal request.

        Raises:
            Divergence: the recorded request at this index is another one, or the record ends here.
        """
        event = self._next or next(self._events, None)
        self._next = None
        if event is None:
            raise Divergence(self._line, self._seq, "kind", None, kind_of(request))
        if event.request != request:
            field, expected, actual = first_difference(event.request, request)
            raise Divergence(self._line, self._seq, field, expected, actual)
        self._seq += 1
        return event.answer

    def finish(self, lines: Iterable[str] = ()) -> None:
        """Check that everything was asked for: this line, those opened from it, and no other of `lines` is left.

        Raises:
            Divergence: the record holds another event.
        """
        for name in sorted(set(lines) - {self._line, *self._others}):
            self.line(name)
        for replaying in (self, *self._others.values()):
            event = replaying.peek()
            if event is not None:
                raise Divergence(replaying._line, replaying._seq, "kind", kind_of(event.request), None)


@dataclass(slots=True)
class _Stop:
    """Shared by the lines of a run."""

    reached: bool = False


class ReplayingPrefix(Replaying):
    """The same for a run that was stopped from outside: how far it got is chance, so only the common part counts.

    Where one line of the record ends, the guests of all lines are stopped: nothing recorded tells what they do then.
    """

    def __init__(
        self,
        read_line: Callable[[str], Iterator[Event]],
        line: str = MAIN_LINE,
        stop: _Stop | None = None,
    ) -> None:
        super().__init__(read_line, line)
        self._stop = stop or _Stop()

    def line(self, name: str) -> ReplayingPrefix:
        """Answer another line of the run."""
        other = self._others[name] = ReplayingPrefix(self._read_line, name, self._stop)
        return other

    def perform(self, request: AnyRequest) -> Answer:
        """Give the recorded answer, or stop the guest where the record was stopped.

        Raises:
            VmError: `timeout`: the record ends here.
        """
        recorded = None if self._stop.reached else self.peek()
        if isinstance(request, ConsumeResult):
            return OK
        if recorded is None or isinstance(recorded.request, ConsumeResult):
            self._stop.reached = True
            if isinstance(request, NotifyNondetDisagreement):
                return OK  # a validator that was stopped
            raise VmError(TIMEOUT)
        return super().perform(request)

    def finish(self, lines: Iterable[str] = ()) -> None:
        """Whatever is left was cut off."""


def kind_of(request: Request) -> str:
    """The stored kind of a request, such as `storage_read/1`."""
    return str(request.__struct_config__.tag)


def first_difference(recorded: Request, asked: Request) -> tuple[str, object, object]:
    """Name the first differing field of two unequal requests, with both values; `kind` if the kinds differ."""
    if type(recorded) is not type(asked):
        return "kind", kind_of(recorded), kind_of(asked)
    for name in recorded.__struct_fields__:
        expected, actual = getattr(recorded, name), getattr(asked, name)
        if expected != actual:
            return name, expected, actual
    raise AssertionError("the requests are equal")
