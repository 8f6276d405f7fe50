"""What searches want to know of a run's events, gathered while they are recorded; nothing of it is hashed.

Events lie compressed in segments, where no database can search. So the few facts that people look for (the method, what
was written, what nondeterministic blocks and modules answered) are kept as columns beside them. Guests choose these
values: texts are cut and made printable, what does not decode is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from genvm_replay import calldata
from genvm_replay.calldata.text import to_text
from genvm_replay.journal.events import (
    Answer,
    ConsumeResult,
    GetCalldata,
    GetLeaderNondetResult,
    ModuleCall,
    PostNondetResult,
    Request,
    StorageWrite,
)

TEXT_CHARS_MAX: Final = 200
DECODED_BYTES_MAX: Final = 64 << 10  # of a payload that is decoded for a column; longer ones only have a size
SLOTS_MAX: Final = 10_000  # of one run
ANSWERS_MAX: Final = 10_000
RETURN: Final = 0  # result codes (spec/executor.md 2.1); others carry a message
NO_LEADER: Final = 3
MAIN: Final = "main"


@dataclass(slots=True)
class SlotWrites:
    """What a run wrote to one slot of its contract."""

    slot: bytes  # 32 bytes
    writes: int
    bytes_written: int
    last_seq: int  # on the line `main`: of the write that stands


@dataclass(frozen=True, slots=True)
class NondetAnswer:
    """One answer that is no function of the chain's state."""

    line: str
    seq: int
    source: str  # own: this run's result of a block; leader: the leader's; llm, web: of a module
    call_no: int | None  # of a block; None for a module's answer
    code: int | None  # result code of a block
    size: int  # of the payload
    hash: bytes  # BLAKE3 of the payload as it is in the event
    text: str | None  # its first characters, for people


class RunIndex:
    """The facts of one run; a recorder's lines call what NOTED has for the type of a request."""

    def __init__(self) -> None:
        self.method: str | None = None
        self.fingerprint: bytes | None = (
            None  # BLAKE3 of an error's fingerprint (spec/executor.md 2.3) as calldata
        )
        self.slots: dict[bytes, SlotWrites] = {}
        self.answers: list[NondetAnswer] = []

    def calldata_read(self, _line: str, _seq: int, _request: GetCalldata, answer: Answer) -> None:
        """The called method; None for a constructor."""
        called = _decoded(answer.value)
        if isinstance(called, Mapping) and isinstance(name := called.get("method"), str):
            self.method = printable(name)

    def result_consumed(self, _line: str, _seq: int, request: ConsumeResult, _answer: Answer) -> None:
        """The fingerprint of an error: equal where it happened at the same place with the same memory."""
        found = _decoded(request.payload[1:])
        if request.payload[:1] != bytes((RETURN,)) and isinstance(found, Mapping) and "fingerprint" in found:
            self.fingerprint = blake3(calldata.encode(found["fingerprint"])).digest()

    def slot_written(self, line: str, seq: int, request: StorageWrite, _answer: Answer) -> None:
        """A write to the contract's storage; only deterministic VMs write, and their line is `main`."""
        if line != MAIN:
            return
        known = self.slots.get(request.slot)
        if known is not None:
            known.writes, known.last_seq = known.writes + 1, seq
            known.bytes_written += len(request.data)
        elif len(self.slots) < SLOTS_MAX:
            self.slots[request.slot] = SlotWrites(request.slot, 1, len(request.data), seq)

    def result_posted(self, line: str, seq: int, request: PostNondetResult, _answer: Answer) -> None:
        """What this run found in a nondeterministic block."""
        self._block(line, seq, "own", request.call_no, request.result)

    def result_taken(self, line: str, seq: int, request: GetLeaderNondetResult, answer: Answer) -> None:
        """What the leader found."""
        if isinstance(answer.value, bytes) and answer.value[:1] != bytes((NO_LEADER,)):
            self._block(line, seq, "leader", request.call_no, answer.value)

    def module_asked(self, line: str, seq: int, request: ModuleCall, answer: Answer) -> None:
        """What a model or a web page said."""
        if isinstance(answer.value, bytes):
            text = _text(_decoded(answer.value))
            self._add(NondetAnswer(line, seq, request.module[:8], None, None, *_size_of(answer.value), text))

    def _block(self, line: str, seq: int, source: str, call_no: int, result: bytes) -> None:
        code, data = (result[0], result[1:]) if result else (None, b"")
        small = data[:DECODED_BYTES_MAX]
        text = _text(_decoded(data)) if code == RETURN else printable(small.decode(errors="replace"))
        self._add(NondetAnswer(line, seq, source, call_no, code, *_size_of(result), text))

    def _add(self, found: NondetAnswer) -> None:
        if len(self.answers) < ANSWERS_MAX:
            self.answers.append(found)


NOTED: Final[dict[type[Request], Callable[..., None]]] = {
    GetCalldata: RunIndex.calldata_read,
    ConsumeResult: RunIndex.result_consumed,
    StorageWrite: RunIndex.slot_written,
    PostNondetResult: RunIndex.result_posted,
    GetLeaderNondetResult: RunIndex.result_taken,
    ModuleCall: RunIndex.module_asked,
}


def printable(text: str) -> str:
    """The first characters of a text, one line; what is no character to print becomes U+FFFD."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:TEXT_CHARS_MAX])


def _size_of(payload: bytes) -> tuple[int, bytes]:
    return len(payload), blake3(payload).digest()


def _text(value: calldata.Value) -> str | None:
    """A module's `{"Ok": value}` or a block's value for people; None where it did not decode."""
    if isinstance(value, Mapping) and len(value) == 1 and "Ok" in value:
        value = value["Ok"]
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        value = value["text"]
    if value is None:
        return None
    return printable(value if isinstance(value, str) else to_text(value))


def _decoded(payload: object) -> calldata.Value:
    """Calldata that a column is made of; None where it is too long or none."""
    if not isinstance(payload, bytes) or len(payload) > DECODED_BYTES_MAX:
        return None
    try:
        return calldata.decode(payload)
    except (calldata.CalldataError, ValueError, RecursionError):
        return None
