"""The three doors: what passes, what is remembered, what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import Divergence
from genvm_replay.executor.effects import Live, Recording, Replaying, ReplayingPrefix, Streams
from genvm_replay.executor.effects.live import STREAM_BYTES_MAX
from genvm_replay.executor.effects.replaying import first_difference
from genvm_replay.executor.stops import VmError
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.journal.events import (
    BY_KIND,
    OK,
    Answer,
    ConsumeResult,
    Event,
    GetCalldata,
    ModuleAttempt,
    NotifyNondetDisagreement,
    ReadClock,
    ReadRandom,
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import Limits, Pins, RunHeader

from ..guests import CONTRACT, MESSAGE, Script

SLOT = b"s" * 32
HEADER = RunHeader(b"t" * 32, "leader", None, MESSAGE, "rwscn", Pins("", "", "", ""), Limits(1, None, None))
EVENTS = [
    Event(GetCalldata(), Answer(0, b"call")),
    Event(ReadClock(0), Answer(0, 5)),
    Event(ConsumeResult(b"\0\0"), OK),
]


def recorded(line: str) -> Iterator[Event]:
    """The record of a run with one line."""
    return iter(EVENTS if line == "main" else [])


class Empty:
    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b""

    def balance(self, address: bytes) -> int:
        return 0


def live(streams: Streams | None = None) -> Live:
    return Live(LocalHost(Empty(), CONTRACT, b"call", 0), 42, streams or Streams())


def test_live_answers_every_kind() -> None:
    """A kind without a handler would end a run in the middle. Bookkeeping is never asked for."""
    assert set(live()._handlers) == set(BY_KIND.values()) - {ModuleAttempt}


def test_live_asks_the_host_and_the_transaction() -> None:
    """Storage from the host, clock and random bytes from what is pinned, streams to the caller."""
    streams = Streams()
    door = live(streams)
    door.perform(StorageWrite(SLOT, 1, b"x"))
    assert door.perform(StorageRead(0, CONTRACT, SLOT, 0, 3)).value == b"\0x\0"
    assert door.perform(ReadClock(3)) == Answer(0, 42)
    assert door.perform(ReadRandom(0, 4)).value == bytes.fromhex("fd73bcb8")
    for request in (
        WriteStream(1, b"out"),
        WriteStream(2, b"err"),
        TraceMessage("t"),
        WasiCall("fd_close", (4,), 0),
    ):
        assert door.perform(request) == OK
    assert (streams.stdout, streams.stderr, streams.traces) == (b"out", b"err", ["t"])


def test_kept_streams_are_bounded() -> None:
    """A guest that prints without end fills the journal, not the caller's memory."""
    streams = Streams()
    for _ in range(3):
        streams.write(WriteStream(1, b"x" * (STREAM_BYTES_MAX // 2 + 1)))
    assert len(streams.stdout) == STREAM_BYTES_MAX


def test_recording_keeps_order_and_answers() -> None:
    """What comes back from a record is what passed; a request that failed is not in it."""

    def scripted(request: object) -> Answer:
        if isinstance(request, ReadClock):
            raise VmError("broken")
        return Answer(0, b"1")

    recorder = RunRecorder(HEADER)
    door = Recording(Script(scripted), recorder)
    door.perform(GetCalldata())
    with pytest.raises(VmError):
        door.perform(ReadClock(0))
    door.perform(WriteStream(1, b""))
    assert len(recorder.line("main")) == 2


def test_replaying_gives_the_recorded_answers() -> None:
    """In order, to the end."""
    door = Replaying(recorded)
    assert [door.perform(event.request) for event in EVENTS] == [event.answer for event in EVENTS]
    door.finish()


@pytest.mark.parametrize(
    ("asked", "seq", "field"),
    [
        ([ReadClock(0)], 0, "kind"),
        ([GetCalldata(), ReadClock(1)], 1, "clock_id"),
        ([GetCalldata(), ReadClock(0), ConsumeResult(b"\0\1")], 2, "payload"),
        ([*(event.request for event in EVENTS), GetCalldata()], 3, "kind"),
    ],
)
def test_the_first_other_request(asked: list[object], seq: int, field: str) -> None:
    """It is refused with its place; nothing is answered live."""
    door = Replaying(recorded)
    *fitting, other = asked
    for request in fitting:
        door.perform(request)  # type: ignore[arg-type]
    with pytest.raises(Divergence) as caught:
        door.perform(other)  # type: ignore[arg-type]
    assert (caught.value.line, caught.value.seq, caught.value.field) == ("main", seq, field)


def test_a_run_that_ends_early() -> None:
    """What was recorded but not asked for is a difference."""
    door = Replaying(recorded)
    door.perform(GetCalldata())
    with pytest.raises(Divergence) as caught:
        door.finish()
    assert (caught.value.seq, caught.value.expected, caught.value.actual) == (1, "read_clock/1", None)


def test_the_prefix_of_a_stopped_run() -> None:
    """Where the record was stopped, the guest is stopped; a guest that is stopped earlier differs in nothing."""
    door = ReplayingPrefix(recorded)
    door.perform(GetCalldata())
    with pytest.raises(Divergence):
        door.perform(ReadClock(9))
    door = ReplayingPrefix(recorded)
    for event in EVENTS[:2]:
        door.perform(event.request)
    with pytest.raises(VmError, match="timeout"):
        door.perform(GetCalldata())
    door = ReplayingPrefix(recorded)
    assert door.perform(ConsumeResult(b"\2other")) == OK
    door.finish()


def test_where_one_line_of_a_prefix_ends_all_end() -> None:
    """The record of a killed process may hold more of one line than of another: nothing is answered that it lacks."""
    lines = {"main": EVENTS[:2], "nondet:0": EVENTS[1:2]}
    door = ReplayingPrefix(lambda name: iter(lines[name]))
    door.perform(EVENTS[0].request)
    block = door.line("nondet:0")
    block.perform(EVENTS[1].request)
    with pytest.raises(VmError, match="timeout"):
        block.perform(GetCalldata())
    with pytest.raises(VmError, match="timeout"):
        door.perform(EVENTS[1].request)
    assert door.perform(NotifyNondetDisagreement(0)) == OK
    assert door.perform(ConsumeResult(b"\2timeout")) == OK
    door.finish(lines)


@given(st.integers(0, 3), st.binary(max_size=3), st.integers(0, 3), st.binary(max_size=3))
def test_the_first_difference_is_the_first(a: int, x: bytes, b: int, y: bytes) -> None:
    """Fields are compared in their order."""
    one, two = StorageWrite(SLOT, a, x), StorageWrite(SLOT, b, y)
    if one == two:
        return
    field, expected, actual = first_difference(one, two)
    assert (field, expected, actual) == (("index", a, b) if a != b else ("data", x, y))
