"""What no door can have answered: places where a record contradicts itself. Pure, runs nothing.

Hashes tell whether bytes were changed after they were written. Who makes the hashes fit can't hide that the clock is
not the transaction's, that code is not the code whose hash the run ends with, or that a slot gives two values at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from blake3 import blake3

from ..errors import Divergence, UsageError
from ..executor.effects.door import MAIN_LINE
from ..executor.moment import clock_ns
from ..executor.outcome import CODES
from ..executor.random_stream import RandomStream
from ..executor.storage_delta import StorageDelta
from ..executor.storage_slots import CODE_SLOT
from ..executor.sub_vms import I_AM_LEADER
from ..host_bridge.host import HOST_ERRORS
from ..journal.bookkeeping import attempts_line
from ..journal.events import (
    OK,
    ConsumeResult,
    Event,
    GetLeaderNondetResult,
    ModuleAttempt,
    ModuleCall,
    ReadClock,
    ReadRandom,
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from ..journal.stored import StoredRun
from .field_names import Pieces

CODE_AT: Final = 4
NOTED_BYTES_MAX: Final = 1 << 20  # of storage that is remembered; a run that moves more is not checked so
DRAWN_MAX: Final = 1 << 20  # words and bytes of the random stream that are computed for one read
Blame = Literal["tampered", "code", "host"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction.

    Attributes:
        blame: who can have made it: `tampered`: only somebody who changed the record; `host`: the host; `code`: the
            code is not the one that ran.
    """

    line: str
    seq: int | None
    field: str
    expected: object  # what the rest of the record makes of it
    actual: object  # what stands there
    blame: Blame
    why: str

    def as_divergence(self) -> Divergence:
        """The same as an error: recorded is what stands there."""
        return Divergence(self.line, self.seq, self.field, self.actual, self.expected)

    @property
    def place(self) -> str:
        """`line[seq]`, or the name of the part."""
        return self.line if self.seq is None else f"{self.line}[{self.seq}]"


def audit(run: StoredRun) -> Iterator[Finding]:
    """Every contradiction in a record that verifies, line by line, then those of the footer.

    Raises:
        JournalError: an event can't be read.
    """
    checks = _Checks(run)
    for line in run.lines():
        for seq, event in enumerate(run.read_line(line.name)):
            yield from checks.event(line.name, seq, event)
    for line in run.bookkeeping():
        for seq, shown in enumerate(run.read_shown(line.name)):
            if isinstance(shown, Event):
                yield from checks.bookkeeping(line.name, seq, shown)
    yield from checks.footer()


class _Checks:
    """What is known of one record so far."""

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self._clock = _clock_of(run)
        self._random = RandomStream()
        self._contract = run.header.message.contract_address
        self._delta = StorageDelta()
        self._known: dict[bytes, dict[int, int]] = {}  # slot -> index -> byte
        self._noted = 0
        self._code_read = False
        self._calls: set[tuple[str, int]] = set()  # line of the attempts, seq of the module call

    def event(self, line: str, seq: int, event: Event) -> Iterator[Finding]:
        """Check one event."""
        request, answer = event.request, event.answer
        told = answer.value
        match request:
            case ReadClock() if self._clock is not None and (told != self._clock or answer.error):
                why = "the clock is the transaction's time"
                yield Finding(line, seq, "answer.value", self._clock, told, "tampered", why)
            case ReadRandom() if line == MAIN_LINE and max(request.position, request.length) <= DRAWN_MAX:
                drawn = self._random.read(request.position, request.length)
                if told != drawn:
                    why = "random bytes of a deterministic VM are a fixed stream"
                    yield Finding(line, seq, "answer.value", drawn, told, "tampered", why)
            case WriteStream() | TraceMessage() | WasiCall() if answer != OK:
                why = "nobody is asked here, so nothing can come back"
                yield Finding(line, seq, "answer", OK, answer, "tampered", why)
            case StorageRead():
                yield from self._read(line, seq, request, event)
            case StorageWrite() if line == MAIN_LINE and not answer.error:
                self._delta.write(request.slot, request.index, request.data)
                self._note(request.slot, request.index, request.data)
            case ModuleCall():
                self._calls.add((attempts_line(line), seq))
            case ConsumeResult():
                yield from self._result(line, seq, request.payload)
            case _:
                pass
        if answer.error and answer.error not in HOST_ERRORS and not _is_leader_sign(event):
            why = "the host has no such error byte"
            yield Finding(line, seq, "answer.error", None, answer.error, "host", why)

    def bookkeeping(self, line: str, seq: int, event: Event) -> Iterator[Finding]:
        """Check one event that nobody asked for: it is an attempt for an answer that the run was given."""
        request = event.request
        if not isinstance(request, ModuleAttempt):
            why = "this line tells what modules tried, and nothing else"
            kind = ModuleAttempt.__struct_config__.tag
            yield Finding(line, seq, "kind", kind, request.__struct_config__.tag, "tampered", why)
        elif (line, request.call) not in self._calls:
            why = "no module was asked there"
            yield Finding(line, seq, "call", None, request.call, "tampered", why)

    def _read(self, line: str, seq: int, request: StorageRead, event: Event) -> Iterator[Finding]:
        told = event.answer.value
        if event.answer.error:
            return
        if not isinstance(told, bytes) or len(told) != request.length:
            size = len(told) if isinstance(told, bytes) else None
            why = f"{request.length} bytes were asked for"
            yield Finding(line, seq, "answer.value", request.length, size, "host", why)
            return
        if request.address != self._contract or request.state != 0:
            return
        if (request.slot, request.index) == (CODE_SLOT, CODE_AT) and not self._code_read:
            self._code_read = True  # later, a contract may read code that it has written itself
            code_hash = self._run.footer.code_hash
            if code_hash is not None and blake3(told).digest() != code_hash:
                why = "the run ends with the hash of other code"
                yield Finding(line, seq, "answer.value", code_hash, blake3(told).digest(), "code", why)
            return
        known = self._known.get(request.slot, {})
        for at, byte in enumerate(told, request.index):
            if known.get(at, byte) != byte:
                held = bytes(known.get(at, byte) for at, byte in enumerate(told, request.index))
                why = "the run has read or written other bytes there before"
                yield Finding(line, seq, "answer.value", held, told, "host", why)
                break
        self._note(request.slot, request.index, told)

    def _note(self, slot: bytes, index: int, data: bytes) -> None:
        self._noted += len(data)
        if self._noted <= NOTED_BYTES_MAX:
            self._known.setdefault(slot, {}).update(enumerate(data, index))
        else:
            self._known.clear()

    def _result(self, line: str, seq: int, payload: bytes) -> Iterator[Finding]:
        footer = self._run.footer
        wanted = bytes((CODES[footer.kind],))
        if payload[:1] != wanted or footer.payload not in payload:
            why = "the run ends with another result"
            yield Finding(line, seq, "payload", wanted + footer.payload, payload, "tampered", why)

    def footer(self) -> Iterator[Finding]:
        """Check what the footer says of all events."""
        written, told = self._delta.hash(), self._run.footer.storage_hash
        if written != told:
            why = "the recorded writes have another hash"
            yield Finding("footer", None, "storage_hash", written, told, "tampered", why)


def _clock_of(run: StoredRun) -> int | None:
    try:
        return clock_ns(run.header.message)
    except UsageError:  # no time; no guest ever ran with it
        return None


def _is_leader_sign(event: Event) -> bool:
    """Whether the error byte is `you lead`, which is no error."""
    return isinstance(event.request, GetLeaderNondetResult) and event.answer.error == I_AM_LEADER


def first_state(run: StoredRun) -> Pieces:
    """The contract's storage as the run found it, as far as it read it before it wrote to the slot."""
    found, written = StorageDelta(), set()
    for event in run.read_line(MAIN_LINE):
        request = event.request
        if isinstance(request, StorageWrite):
            written.add(request.slot)
        if not isinstance(request, StorageRead) or request.slot in written:
            continue
        if request.address == run.header.message.contract_address and isinstance(event.answer.value, bytes):
            found.write(request.slot, request.index, event.answer.value)
    return Pieces(found)
