"""The writer of a line: where segments end, and that nothing is lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain
from genvm_replay.journal.events import OK, Answer, Event, ReadClock, TraceMessage, WriteStream
from genvm_replay.journal.line import BATCH_EVENTS, LineWriter
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import decode_events
from genvm_replay.journal.segment import (
    SEGMENT_BYTES_MAX,
    SEGMENT_EVENTS_MAX,
    Segment,
    canonical_bytes,
    head_after,
)

from .samples import events, many_events

GENESIS = b"g" * 32


def written(content: list[Event], pool: BlobPool) -> LineWriter:
    line = LineWriter("main", GENESIS, pool)
    for event in content:
        line.append(event.request, event.answer)
    return line


def read(segments: list[Segment], pool: BlobPool) -> list[Event]:
    lookup = pool.blobs.__getitem__
    return [event for s in segments for event in decode_events(canonical_bytes(s), s.count, lookup)]


def check_chain(line: LineWriter) -> None:
    head, seq = chain.line_start(GENESIS, "main"), 0
    for number, segment in enumerate(line.segments):
        canonical = canonical_bytes(segment)
        assert (segment.number, segment.first_seq) == (number, seq)
        assert 1 <= segment.count <= SEGMENT_EVENTS_MAX
        assert segment.count == 1 or len(canonical) <= SEGMENT_BYTES_MAX
        head = head_after(segment, head, chain.line_start(GENESIS, "main"), canonical)
        assert head == segment.head
        seq += segment.count


@pytest.mark.parametrize(
    ("count", "counts"),
    [
        (0, []),
        (1, [1]),
        (BATCH_EVENTS, [64]),
        (SEGMENT_EVENTS_MAX, [1024]),
        (SEGMENT_EVENTS_MAX + 1, [1024, 1]),
        (3000, [1024, 1024, 952]),
    ],
)
def test_segments_by_count(count: int, counts: list[int]) -> None:
    """A segment takes 1024 events; the last takes what is left."""
    pool, content = BlobPool(), many_events(count)
    line = written(content, pool)
    assert len(line) == count
    summary = line.finish()
    assert [segment.count for segment in line.segments] == counts
    assert (summary.name, summary.count) == ("main", count)
    assert read(line.segments, pool) == content
    assert line.raw_bytes == sum(len(canonical_bytes(segment)) for segment in line.segments)
    check_chain(line)


def test_segments_by_size() -> None:
    """No segment passes 256 KiB, unless one event alone does."""
    pool = BlobPool()
    content = [Event(WriteStream(1, bytes([i % 256]) * 4000), OK) for i in range(300)]
    content.insert(100, Event(TraceMessage("x" * (SEGMENT_BYTES_MAX + 10)), OK))
    line = written(content, pool)
    line.finish()
    check_chain(line)
    assert read(line.segments, pool) == content
    assert [s.count for s in line.segments if len(canonical_bytes(s)) > SEGMENT_BYTES_MAX] == [1]
    assert len(line.segments) < 10


@given(st.lists(events(), max_size=150))
@settings(max_examples=25)
def test_any_events(content: list[Event]) -> None:
    """Whatever is written is read, in order."""
    pool = BlobPool()
    line = written(content, pool)
    line.finish()
    assert read(line.segments, pool) == content
    check_chain(line)


def test_nothing_after_the_end() -> None:
    """A finished line takes no more events; finishing twice changes nothing."""
    line = written(many_events(3), BlobPool())
    summary = line.finish()
    with pytest.raises(JournalError, match="finished"):
        line.append(ReadClock(0), OK)
    assert line.finish() == summary


def test_refused_event_stays_refused() -> None:
    """An event that can't be stored stops the recording; it is not skipped."""
    line = LineWriter("main", GENESIS, BlobPool())
    line.append(ReadClock(2**64), Answer())
    with pytest.raises(JournalError, match="ReadClock"):
        line.finish()
    with pytest.raises(JournalError, match="ReadClock"):
        line.finish()
