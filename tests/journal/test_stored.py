"""Reading a run: streams, single events, and that damage is met before it is believed."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from genvm_replay.errors import JournalDamaged, JournalError, UsageError
from genvm_replay.journal.events import OK, Event, ReadClock, WriteStream
from genvm_replay.journal.run import RunFooter
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import MemorySource
from genvm_replay.journal.stored import StoredRun

from .samples import FOOTER, HEADER, many_events, record

CONTENT = many_events(2500)
FINISHED = record({"main": CONTENT, "nondet:0": [Event(WriteStream(1, b"w" * 9000), OK)]})


class CountingSource(MemorySource):
    """Counts how many segments are read."""

    read = 0

    def segment(self, line: str, number: int) -> Segment:
        self.read += 1
        return super().segment(line, number)


def test_streams_and_facts() -> None:
    """Everything that was recorded can be read."""
    run = FINISHED.open()
    assert (run.header, run.footer, run.root) == (HEADER, FOOTER, FINISHED.root)
    assert run.lines() == FINISHED.lines
    assert list(run.read_line("main")) == CONTENT
    assert list(run.read_line("never written")) == []


def test_single_events_read_one_segment() -> None:
    """Random access is right everywhere, and stays in a segment while it can."""
    source = CountingSource(FINISHED.segments, FINISHED.blobs)
    run = StoredRun(FINISHED.stored, source)
    for seq in (0, 1, 1023):
        assert run.event("main", seq) == CONTENT[seq]
    assert source.read == 1
    for seq in (1024, 2047, 2048, 2499, 5):
        assert run.event("main", seq) == CONTENT[seq]
    assert source.read == 4
    assert run.event("nondet:0", 0).request == WriteStream(1, b"w" * 9000)


@pytest.mark.parametrize(
    ("line", "seq", "message"),
    [("main", 2500, "it has 2500"), ("main", -1, "no event -1"), ("side", 0, "its lines: main, nondet:0")],
)
def test_events_that_are_not_there(line: str, seq: int, message: str) -> None:
    """The error says what there is."""
    with pytest.raises(UsageError, match=message):
        FINISHED.open().event(line, seq)


def damaged(at: int, /, **changes: object) -> StoredRun:
    segments = [replace(s, **changes) if (s.line, s.number) == ("main", at) else s for s in FINISHED.segments]  # type: ignore[arg-type]
    return StoredRun(FINISHED.stored, MemorySource(segments, FINISHED.blobs))


def test_a_stream_ends_before_the_damage() -> None:
    """Sound segments are given; the damaged one is not."""
    other = record({"main": [*CONTENT[:1030], Event(ReadClock(9), OK), *CONTENT[1031:]]}).segments[1]
    stream = damaged(1, data=other.data).read_line("main")
    for seq in range(1024):
        assert next(stream) == CONTENT[seq]
    with pytest.raises(JournalDamaged) as caught:
        next(stream)
    assert (caught.value.line, caught.value.seq, caught.value.field) == ("main", 1030, "event")


def test_a_single_event_of_a_damaged_segment() -> None:
    """The damage is reported, not the event."""
    other = record({"main": [*CONTENT[:1030], Event(ReadClock(9), OK), *CONTENT[1031:]]}).segments[1]
    run = damaged(1, data=other.data)
    assert run.event("main", 1000) == CONTENT[1000]
    for seq in (1029, 1030):
        with pytest.raises(JournalDamaged, match=r"main\[1030\]: event"):
            run.event("main", seq)


def test_a_line_that_ends_early_or_late() -> None:
    """Missing and surplus segments are met while streaming."""
    short = StoredRun(FINISHED.stored, MemorySource(FINISHED.segments[:2], FINISHED.blobs))
    with pytest.raises(JournalDamaged, match=r"main\[2048\]: event: recorded '452 more events'"):
        list(short.read_line("main"))
    with pytest.raises(JournalDamaged, match=r"main\[2048\]"):
        short.event("main", 2100)
    extra = replace(FINISHED.segments[2], number=3, first_seq=2500)
    long = StoredRun(FINISHED.stored, MemorySource([*FINISHED.segments, extra], FINISHED.blobs))
    with pytest.raises(JournalDamaged, match=r"main\[2500\]: event: recorded None, now '452 more events'"):
        list(long.read_line("main"))


def test_payloads_are_checked() -> None:
    """A payload that is gone or changed is named by event and field."""
    ((digest, _),) = FINISHED.blobs.items()
    for blobs in ({}, {digest: b"other"}):
        run = StoredRun(FINISHED.stored, MemorySource(FINISHED.segments, blobs))
        with pytest.raises(JournalDamaged, match=r"nondet:0\[0\]: request.data"):
            list(run.read_line("nondet:0"))
        with pytest.raises(JournalDamaged, match=r"nondet:0\[0\]: request.data"):
            run.event("nondet:0", 0)
        with pytest.raises(JournalError, match="payload"):
            run.payload(digest)


def test_kept_events_are_read_once() -> None:
    """Further readers get the same events without a look at the segments; a run with large payloads apart is not kept."""
    source = CountingSource(FINISHED.segments, FINISHED.blobs)
    run = StoredRun(FINISHED.stored, source)
    run.keep()
    source._segments = ()
    assert list(run.read_line("main")) == list(run.read_line("main")) == CONTENT
    assert [event.request for event in run.read_line("nondet:0")] == [WriteStream(1, b"w" * 9000)]
    assert list(run.read_line("never written")) == []
    large = [Event(WriteStream(1, b"w" * (1 << 20)), OK)] * 40
    hostile = record({"main": large}).open()
    hostile.keep()
    assert hostile._kept == {}
    assert sum(1 for _ in hostile.read_line("main")) == 40


def test_told_otherwise() -> None:
    """Another end and other events, for readers by line; the run itself stays as it is."""
    run = FINISHED.open()
    other = run.told_otherwise(replace_footer(run), {"main": CONTENT[:3]})
    assert list(other.read_line("main")) == CONTENT[:3]
    assert [(line.name, line.count) for line in other.lines()] == [("main", 3)]
    assert other.footer.kind == "user_error"
    assert (run.footer, run.lines()) == (FOOTER, FINISHED.lines)


def replace_footer(run: StoredRun) -> RunFooter:
    return msgspec.structs.replace(run.footer, kind="user_error")
