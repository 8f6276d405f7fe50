"""What no door can have answered: places where a record contradicts itself. Pure, runs nothing.

Hashes tell whether bytes were changed after they were written. Who makes the hashes fit can't hide that the clock is
not the transaction's, that code is not the code whose hash the run ends with, or that a slot gives two values at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

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
    Answer,
    ConsumeResult,
    Event,
    GetLeaderNondetResult,
    ModuleAttempt,
    ModuleCall,
    ReadClock,
    ReadRandom,
    Request,
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


def audit(run: StoredRun, written: bytes | None = None) -> list[Finding]:
    """Every contradiction in a record that verifies, line by line, then those of the footer.

    Args:
        written: the hash of what the record says was written, where it is known.

    Raises:
        JournalError: an event can't be read.
    """
    checks = _Checks(run)
    for line in run.lines():
        for seq, event in enumerate(run.read_line(line.name)):
            check = checks.of.get(type(event.request))
            if check is not None:
                check(line.name, seq, event.request, event.answer)
            if event.answer.error:
                checks.error(line.name, seq, event)
    for line in run.bookkeeping():
        for seq, shown in enumerate(run.read_shown(line.name)):
            if isinstance(shown, Event):
                checks.bookkeeping(line.name, seq, shown)
    checks.footer(written)
    return checks.found


class _Checks:
    """What is known of one record so far.

    Attributes:
        of: what checks an event, by the kind of its request.
        found: the contradictions.
    """

    def __init__(self, run: StoredRun) -> None:
        self.found: list[Finding] = []
        self.of: dict[type[Request], Callable[[str, int, Any, Answer], None]] = {
            ReadClock: self._clock,
            ReadRandom: self._random,
            WriteStream: self._unasked,
            TraceMessage: self._unasked,
            WasiCall: self._unasked,
            StorageRead: self._read,
            StorageWrite: self._write,
            ModuleCall: self._called,
            ConsumeResult: self._result,
        }
        self._run = run
        self._now = _clock_of(run)
        self._stream = RandomStream()
        self._contract = run.header.message.contract_address
        self._delta = StorageDelta()
        self._known: dict[bytes, dict[int, int]] = {}  # slot -> index -> byte
        self._whole: dict[
            bytes, dict[int, bytes]
        ] = {}  # slot -> index -> the bytes last read or written as one
        self._noted = 0
        self._code_read = False
        self._calls: set[tuple[str, int]] = set()  # line of the attempts, seq of the module call

    def _find(
        self, line: str, seq: int | None, field: str, expected: object, actual: object, blame: Blame, why: str
    ) -> None:
        self.found.append(Finding(line, seq, field, expected, actual, blame, why))

    def _clock(self, line: str, seq: int, _request: ReadClock, answer: Answer) -> None:
        if self._now is not None and (answer.value != self._now or answer.error):
            why = "the clock is the transaction's time"
            self._find(line, seq, "answer.value", self._now, answer.value, "tampered", why)

    def _random(self, line: str, seq: int, request: ReadRandom, answer: Answer) -> None:
        if line != MAIN_LINE or max(request.position, request.length) > DRAWN_MAX:
            return
        drawn = self._stream.read(request.position, request.length)
        if answer.value != drawn:
            why = "random bytes of a deterministic VM are a fixed stream"
            self._find(line, seq, "answer.value", drawn, answer.value, "tampered", why)

    def _unasked(self, line: str, seq: int, _request: Request, answer: Answer) -> None:
        if answer != OK:
            why = "nobody is asked here, so nothing can come back"
            self._find(line, seq, "answer", OK, answer, "tampered", why)

    def _write(self, line: str, _seq: int, request: StorageWrite, answer: Answer) -> None:
        if line == MAIN_LINE and not answer.error:
            self._delta.write(request.slot, request.index, request.data)
            self._whole.pop(request.slot, None)
            self._note(request.slot, request.index, request.data)

    def _read(self, line: str, seq: int, request: StorageRead, answer: Answer) -> None:
        told, slot, index = answer.value, request.slot, request.index
        if answer.error:
            return
        if not isinstance(told, bytes) or len(told) != request.length:
            size = len(told) if isinstance(told, bytes) else None
            why = f"{request.length} bytes were asked for"
            self._find(line, seq, "answer.value", request.length, size, "host", why)
            return
        if request.address != self._contract or request.state != 0:
            return
        if (slot, index) == (CODE_SLOT, CODE_AT) and not self._code_read:
            self._code_read = True  # later, a contract may read code that it has written itself
            code_hash, here = self._run.footer.code_hash, blake3(told).digest()
            if code_hash is not None and here != code_hash:
                why = "the run ends with the hash of other code"
                self._find(line, seq, "answer.value", code_hash, here, "code", why)
            return
        whole = self._whole.get(slot)
        if whole is None or whole.get(index) != told:
            contrary = self._note(slot, index, told)
            if contrary:
                self._contradicts(line, seq, request, told, contrary)

    def _contradicts(
        self, line: str, seq: int, request: StorageRead, told: bytes, contrary: dict[int, int]
    ) -> None:
        held = bytes(contrary.get(at, byte) for at, byte in enumerate(told, request.index))
        source = self._source(line, seq, request.slot, min(contrary))
        why = f"the run has read or written other bytes there before, at {source}"
        self._find(line, seq, "answer.value", held, told, "host", why)

    def _source(self, line: str, end: int, slot: bytes, at: int) -> str:
        """The place of the last event before `end` that told or wrote a byte of the contract."""
        place = ""
        for seq, event in enumerate(islice(self._run.read_line(line), end)):
            request, size = event.request, 0
            if isinstance(request, StorageRead) and request.address == self._contract:
                size = request.length
            elif isinstance(request, StorageWrite):
                size = len(request.data)
            if size and request.slot == slot and request.index <= at < request.index + size:  # type: ignore[union-attr]
                place = f"{line}[{seq}]"
        return place

    def _note(self, slot: bytes, index: int, data: bytes) -> dict[int, int]:
        """Take in bytes of the contract; gives those that were known to be others, by index."""
        self._noted += len(data)
        if self._noted > NOTED_BYTES_MAX:
            self._known.clear()
            self._whole.clear()
            return {}
        known = self._known.setdefault(slot, {})
        self._whole.setdefault(slot, {})[index] = data
        contrary = {}
        for at, byte in enumerate(data, index):
            before = known.setdefault(at, byte)
            if before != byte:
                contrary[at], known[at] = before, byte
        return contrary

    def _result(self, line: str, seq: int, request: ConsumeResult, _answer: Answer) -> None:
        footer, payload = self._run.footer, request.payload
        wanted = bytes((CODES[footer.kind],))
        if payload[:1] != wanted or footer.payload not in payload:
            why = "the run ends with another result"
            self._find(line, seq, "payload", wanted + footer.payload, payload, "tampered", why)

    def _called(self, line: str, seq: int, _request: ModuleCall, _answer: Answer) -> None:
        self._calls.add((attempts_line(line), seq))

    def bookkeeping(self, line: str, seq: int, event: Event) -> None:
        """Check one event that nobody asked for: it is an attempt for an answer that the run was given."""
        request = event.request
        if not isinstance(request, ModuleAttempt):
            why = "this line tells what modules tried, and nothing else"
            kind = ModuleAttempt.__struct_config__.tag
            self._find(line, seq, "kind", kind, request.__struct_config__.tag, "tampered", why)
        elif (line, request.call) not in self._calls:
            why = "no module was asked there"
            self._find(line, seq, "call", None, request.call, "tampered", why)

    def error(self, line: str, seq: int, event: Event) -> None:
        """Check an error byte."""
        error = event.answer.error
        if error not in HOST_ERRORS and not _is_leader_sign(event):
            self._find(line, seq, "answer.error", None, error, "host", "the host has no such error byte")

    def footer(self, written: bytes | None) -> None:
        """Check what the footer says of all events."""
        told = self._run.footer.storage_hash
        written = written or self._delta.hash()
        if written != told:
            why = "the recorded writes have another hash"
            self._find("footer", None, "storage_hash", written, told, "tampered", why)


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
