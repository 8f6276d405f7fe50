"""Every change of a stored run is refused, at its exact place (docs/architecture.md section 7, promise 2)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.errors import JournalDamaged, JournalError, UnknownEvent
from genvm_replay.journal import chain, verify
from genvm_replay.journal.chain import LineSummary
from genvm_replay.journal.compression import compress
from genvm_replay.journal.events import OK, Answer, Event, ReadClock, WriteStream
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import encode_events, encode_struct, split
from genvm_replay.journal.recorder import FinishedRun
from genvm_replay.journal.run_record import field_tags, footer_fields, header_fields
from genvm_replay.journal.segment import Segment, canonical_bytes, close, leaves_of, tags_of, with_payloads
from genvm_replay.journal.source import MemorySource, RunBytes, RunSummary
from genvm_replay.journal.stored import StoredRun

from .samples import FOOTER, HEADER, changed, each_kind, many_events, record

LARGE = Event(WriteStream(1, b"large " * 2000), OK)
MAIN = [*each_kind(), LARGE, Event(ReadClock(0), Answer(0, b"v" * 5000)), *many_events(1100)]
RUN = record({"main": MAIN, "nondet:0": each_kind()})
MIDDLE = len(each_kind())

Damage = tuple[str, int | None, str]


def check(run: RunBytes, segments: Sequence[Segment], blobs: dict[bytes, bytes] | None = None) -> None:
    verify.verify(run, MemorySource(segments, RUN.blobs if blobs is None else blobs))


def damage(run: RunBytes, segments: Sequence[Segment], blobs: dict[bytes, bytes] | None = None) -> Damage:
    """Where the damage is found."""
    with pytest.raises(JournalDamaged) as caught:
        check(run, segments, blobs)
    assert len(str(caught.value)) < 2000
    return caught.value.line, caught.value.seq, caught.value.field


def encoded_events(segment: Segment) -> list[bytes]:
    return list(split(canonical_bytes(segment)))


def with_events(encoded: Sequence[bytes], number: int = 0) -> list[Segment]:
    """The run's segments, one of `main` with other events under the recorded tags and head."""
    data = compress(b"".join(encoded))
    return with_segment(number, data=data)


def with_segment(at: int, /, **changes: Any) -> list[Segment]:
    """The run's segments, one of `main` with other columns."""
    return [replace(s, **changes) if (s.line, s.number) == ("main", at) else s for s in RUN.segments]


def encode(event: Event) -> bytes:
    return encode_events([(event.request, event.answer)], BlobPool())[0]


def field_changes() -> list[Any]:
    """Each event kind with each of its fields, and those of its answer, changed."""
    cases = []
    for seq, event in enumerate(each_kind()):
        kind = type(event.request)
        for name in kind.__struct_fields__:
            fields = {n: getattr(event.request, n) for n in kind.__struct_fields__}
            fields[name] = changed(fields[name])
            cases.append(
                pytest.param(seq, Event(kind(**fields), event.answer), id=f"{kind.__name__}.{name}-{seq}")
            )
        for answer in (
            Answer(event.answer.error ^ 1, event.answer.value),
            Answer(event.answer.error, changed(event.answer.value)),
        ):
            cases.append(pytest.param(seq, Event(event.request, answer), id=f"{kind.__name__}.answer-{seq}"))
    return cases


def test_sound_runs_pass() -> None:
    """As recorded, with no events, with one."""
    check(RUN.stored, RUN.segments)
    for other in (record({}), record({"main": [Event(ReadClock(0), OK)]})):
        verify.verify(other.stored, MemorySource(other.segments, other.blobs))


@pytest.mark.parametrize(("seq", "event"), field_changes())
def test_changed_field(seq: int, event: Event) -> None:
    """Any field of any event kind, request and answer."""
    encoded = encoded_events(RUN.segments[0])
    encoded[seq] = encode(event)
    assert damage(RUN.stored, with_events(encoded)) == ("main", seq, "event")


@pytest.mark.parametrize("seq", [0, 1, MIDDLE, 1022, 1023])
def test_removed_event(seq: int) -> None:
    """The message says that it is missing."""
    encoded = encoded_events(RUN.segments[0])
    del encoded[seq]
    with pytest.raises(JournalDamaged) as caught:
        check(RUN.stored, with_events(encoded))
    found = caught.value
    assert (found.line, found.seq, found.field, found.actual) == ("main", seq, "event", None)


@pytest.mark.parametrize("seq", [0, 1, MIDDLE, 1023])
def test_duplicated_event(seq: int) -> None:
    """The copy is the surplus one."""
    encoded = encoded_events(RUN.segments[0])
    encoded.insert(seq, encoded[seq])
    with pytest.raises(JournalDamaged) as caught:
        check(RUN.stored, with_events(encoded))
    found = caught.value
    assert (found.line, found.seq, found.field, found.expected) == ("main", seq + 1, "event", None)


@pytest.mark.parametrize("seq", [0, MIDDLE, 1022])
def test_swapped_events(seq: int) -> None:
    """The first of the two is named."""
    encoded = encoded_events(RUN.segments[0])
    encoded[seq], encoded[seq + 1] = encoded[seq + 1], encoded[seq]
    assert damage(RUN.stored, with_events(encoded)) == ("main", seq, "event")


def test_inserted_event() -> None:
    """Also in a later segment, with its own index."""
    encoded = encoded_events(RUN.segments[1])
    encoded.insert(7, encode(Event(ReadClock(77), OK)))
    assert damage(RUN.stored, with_events(encoded, number=1)) == ("main", 1024 + 7, "event")


def test_event_that_is_no_event() -> None:
    """Bytes that are no msgpack, in the middle and at the end."""
    encoded = encoded_events(RUN.segments[0])
    assert damage(RUN.stored, with_events([*encoded[:9], b"\xc1", *encoded[10:]])) == ("main", 9, "event")
    assert damage(RUN.stored, with_events([*encoded[:-1], encoded[-1][:-1]])) == ("main", 1023, "event")
    assert damage(RUN.stored, with_events([b"\xc1"])) == ("main", 0, "event")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_changed_byte_is_located(data: st.DataObject) -> None:
    """Any one byte of any event: never missed, never another index."""
    encoded = encoded_events(RUN.segments[0])
    seq = data.draw(st.integers(min_value=0, max_value=len(encoded) - 1))
    event = bytearray(encoded[seq])
    event[data.draw(st.integers(min_value=0, max_value=len(event) - 1))] ^= data.draw(st.integers(1, 255))
    encoded[seq] = bytes(event)
    assert damage(RUN.stored, with_events(encoded)) == ("main", seq, "event")


SEGMENTS: list[tuple[str, list[Segment], Damage]] = [
    ("first removed", [s for s in RUN.segments if (s.line, s.number) != ("main", 0)], ("main", 0, "segment")),
    ("last removed", [s for s in RUN.segments if (s.line, s.number) != ("main", 1)], ("main", 1024, "event")),
    ("line removed", [s for s in RUN.segments if s.line != "nondet:0"], ("nondet:0", 0, "event")),
    ("line added", [*RUN.segments, replace(RUN.segments[0], line="a")], ("a", 0, "event")),
    (
        "line renamed",
        [replace(s, line="z") if s.line == "nondet:0" else s for s in RUN.segments],
        ("nondet:0", 0, "event"),
    ),
    (
        "segment added",
        [*RUN.segments, replace(RUN.segments[1], number=2, first_seq=len(MAIN))],
        ("main", len(MAIN), "event"),
    ),
    ("numbers changed", with_segment(1, number=2), ("main", 1024, "segment")),
    (
        "order changed",
        [replace(s, number=1 - s.number) if s.line == "main" else s for s in RUN.segments],
        ("main", 0, "first_seq"),
    ),
    ("first_seq", with_segment(1, first_seq=1025), ("main", 1024, "first_seq")),
    ("count", with_segment(0, count=1023), ("main", 0, "count")),
    ("tags cut", with_segment(0, tags=RUN.segments[0].tags[:-1]), ("main", 0, "tags")),
    ("tag removed", with_segment(0, tags=RUN.segments[0].tags[:-4]), ("main", 1023, "tag")),
    ("tag added", with_segment(0, tags=RUN.segments[0].tags + b"more"), ("main", 1024, "tag")),
    ("head", with_segment(0, head=bytes(32)), ("main", 0, "head")),
    ("last head", with_segment(1, head=bytes(32)), ("main", 1024, "head")),
    ("leaves cut", with_segment(0, leaves=RUN.segments[0].leaves[:-1]), ("main", 0, "leaves")),
    ("leaves empty", with_segment(0, leaves=b""), ("main", 0, "leaves")),
    ("leaves changed", with_segment(0, leaves=leaves_of([b"x" * 9] * 1024, [])), ("main", 0, "leaves")),
    ("leaves absurd", with_segment(0, leaves=b"\xff" * 16, count=2**33 - 2), ("main", 0, "count")),
    ("count negative", with_segment(0, count=-1), ("main", 0, "count")),
    ("first_seq negative", with_segment(0, first_seq=-1), ("main", 0, "first_seq")),
    (
        "everything empty",
        with_segment(0, data=compress(b""), tags=b"", count=0, leaves=b""),
        ("main", 0, "event"),
    ),
    ("zstd garbage", with_segment(1, data=b"garbage"), ("main", 1024, "segment")),
    ("no data", with_segment(0, data=b""), ("main", 0, "segment")),
]


@pytest.mark.parametrize(("segments", "place"), [pytest.param(s, p, id=name) for name, s, p in SEGMENTS])
def test_changed_segment(segments: list[Segment], place: Damage) -> None:
    """Rows that are missing, surplus, swapped or changed; a reader stops at the same place."""
    assert damage(RUN.stored, segments) == place
    run = StoredRun(RUN.stored, MemorySource(segments, RUN.blobs))
    with contextlib.suppress(JournalDamaged):
        for name in ("main", "nondet:0"):
            list(run.read_line(name))


@pytest.mark.parametrize("at", [0, MIDDLE, 1023])
def test_changed_tag(at: int) -> None:
    """It is the tag that was changed, not the event."""
    tags = bytearray(RUN.segments[0].tags)
    tags[4 * at] ^= 1
    assert damage(RUN.stored, with_segment(0, tags=bytes(tags))) == ("main", at, "tag")


def test_forged_tag_leaves_only_the_segment() -> None:
    """An event changed together with its tag is found by the chain."""
    encoded = encoded_events(RUN.segments[1])
    encoded[3] = encode(Event(ReadClock(33), OK))
    forged = with_segment(
        1,
        leaves=leaves_of(encoded, with_payloads(encoded)),
        tags=tags_of(encoded),
        data=compress(b"".join(encoded)),
    )
    assert damage(RUN.stored, forged) == ("main", 1024, "segment")


def forged_segment(number: int) -> list[Segment]:
    """A segment whose event, tag and head were all changed to fit."""
    old = RUN.segments[number]
    encoded = encoded_events(old)
    encoded[3] = encode(Event(ReadClock(33), OK))
    start = chain.line_start(chain.genesis(RUN.stored.header), "main")
    previous = RUN.segments[number - 1].head if number else start
    apart = with_payloads(encoded)
    new = close("main", number, old.first_seq, encoded, apart, start=start, previous=previous)
    return with_segment(number, leaves=new.leaves, tags=new.tags, data=new.data, head=new.head)


def test_forged_head_is_met_by_the_next_link() -> None:
    """The next segment, or the line's summary, does not fit any more."""
    assert damage(RUN.stored, forged_segment(0)) == ("main", 1024, "segment")
    assert damage(RUN.stored, forged_segment(1)) == ("main", None, "head")


def leaf_changes(kind: str) -> list[Any]:
    """Each field of header or footer, changed in the encoded bytes."""
    data = encode_struct(HEADER if kind == "header" else FOOTER)
    fields = header_fields(data) if kind == "header" else footer_fields(data)
    cases = []
    for name, _ in fields:
        plain = msgpack.unpackb(data, use_list=True)
        _change(plain, name, _flat_index(kind, name))
        cases.append(pytest.param(msgpack.packb(plain), name, id=name))
    return cases


def _flat_index(kind: str, name: str) -> list[int]:
    facts: Any = HEADER if kind == "header" else FOOTER
    path: list[int] = []
    if name == "kind" and kind == "header":
        return [0]
    for part in name.split("."):
        first = 1 if not path else 0  # only the outermost struct starts with its kind
        path.append(first + facts.__struct_fields__.index(part))
        facts = getattr(facts, part)
    return path


def _change(plain: Any, name: str, path: list[int]) -> None:
    for step in path[:-1]:
        plain = plain[step]
    plain[path[-1]] = changed(plain[path[-1]])


@pytest.mark.parametrize(("data", "field"), leaf_changes("header"))
def test_changed_header_field(data: bytes, field: str) -> None:
    """Each by its dotted name."""
    assert damage(replace(RUN.stored, header=data), RUN.segments) == ("header", None, field)


@pytest.mark.parametrize(("data", "field"), leaf_changes("footer"))
def test_changed_footer_field(data: bytes, field: str) -> None:
    """Each by its dotted name."""
    assert damage(replace(RUN.stored, footer=data), RUN.segments) == ("footer", None, field)


def changed_lines(**changes: Any) -> bytes:
    first, *others = RUN.lines
    return chain.encode_lines(
        [LineSummary(**{n: getattr(first, n) for n in first.__struct_fields__} | changes), *others]
    )


ROWS: list[tuple[dict[str, bytes], Damage]] = [
    ({"root": bytes(32)}, ("footer", None, "root")),
    ({"header": b"garbage"}, ("header", None, "header")),
    ({"footer": b""}, ("footer", None, "footer")),
    ({"footer": RUN.stored.footer + b"\0"}, ("footer", None, "footer")),
    ({"lines": b""}, ("footer", None, "lines")),
    ({"lines": changed_lines(count=1)}, ("footer", None, "lines")),
    ({"lines": changed_lines(head=bytes(32))}, ("footer", None, "lines")),
    ({"lines": changed_lines(name="other")}, ("footer", None, "lines")),
    ({"lines": b"garbage", "root": bytes(32)}, ("footer", None, "lines")),
    ({"field_tags": b""}, ("footer", None, "field_tags")),
    ({"field_tags": bytes(len(RUN.stored.field_tags))}, ("header", None, "kind.tag")),
    ({"field_tags": RUN.stored.field_tags[:-1] + b"?"}, ("footer", None, "runners.tag")),
]


@pytest.mark.parametrize(("columns", "place"), ROWS)
def test_changed_row(columns: dict[str, bytes], place: Damage) -> None:
    """Root, summaries, locator: each is told from the others."""
    assert damage(replace(RUN.stored, **columns), RUN.segments) == place


def test_forged_header_breaks_the_first_link() -> None:
    """A header changed together with its locator is found by the chain of every line."""
    header = encode_struct(
        type(HEADER)(**{n: getattr(HEADER, n) for n in HEADER.__struct_fields__} | {"tx": bytes(32)})
    )
    tags = field_tags(header_fields(header) + footer_fields(RUN.stored.footer))
    assert damage(replace(RUN.stored, header=header, field_tags=tags), RUN.segments) == ("main", 0, "segment")


def test_payload_changes() -> None:
    """A payload that is missing or changed is named by event and field."""
    for seq, (digest, payload) in enumerate(RUN.blobs.items(), MIDDLE):
        field = ["request.data", "answer.value"][seq - MIDDLE]
        others = {key: value for key, value in RUN.blobs.items() if key != digest}
        assert damage(RUN.stored, RUN.segments, others) == ("main", seq, field)
        flipped = bytes([payload[0] ^ 1]) + payload[1:]
        assert damage(RUN.stored, RUN.segments, {**RUN.blobs, digest: flipped}) == ("main", seq, field)


def test_payload_that_does_not_decompress() -> None:
    """The source's error becomes a place."""

    class Broken(MemorySource):
        def blob(self, digest: bytes) -> bytes | None:
            raise JournalError("garbage")

    with pytest.raises(JournalDamaged) as caught:
        verify.verify(RUN.stored, Broken(RUN.segments, {}))
    assert (caught.value.line, caught.value.seq, caught.value.field) == ("main", MIDDLE, "request.data")


def summary_of(run: FinishedRun, **changes: Any) -> RunSummary:
    facts: dict[str, Any] = {
        "id": 1,
        "tx": HEADER.tx,
        "role": HEADER.role,
        "parent_id": None,
        "created_at": "2025-01-01T00:00:00+00:00",
        "root": run.root,
        "kind": FOOTER.kind,
        "contract": HEADER.message.contract_address,
        "method": None,
        "event_count": run.event_count,
        "raw_bytes": run.raw_bytes,
        "stored_bytes": run.stored_bytes,
        "status": "finished",
        "release": "0.1.0",
    }
    return RunSummary(**facts | changes)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"tx": bytes(32)}, ("header", None, "column tx")),
        ({"role": "sync"}, ("header", None, "column role")),
        ({"contract": bytes(20)}, ("header", None, "column contract")),
        ({"kind": "vm_error"}, ("footer", None, "column kind")),
        ({"status": "interrupted"}, ("footer", None, "column status")),
        ({"event_count": 0}, ("footer", None, "column event_count")),
    ],
)
def test_changed_columns(changes: dict[str, Any], place: Damage) -> None:
    """Columns that repeat hashed facts are compared with them."""
    source = MemorySource(RUN.segments, RUN.blobs)
    verify.verify(RUN.stored, source, summary_of(RUN))
    with pytest.raises(JournalDamaged) as caught:
        verify.verify(RUN.stored, source, summary_of(RUN, **changes))
    assert (caught.value.line, caught.value.seq, caught.value.field) == place


def crafted(encoded: list[bytes], blobs: dict[bytes, bytes] | None = None) -> Callable[[], None]:
    """A run whose hashes all fit, over events that a recorder would not write."""
    header, footer = encode_struct(HEADER), encode_struct(FOOTER)
    genesis = chain.genesis(header)
    start = chain.line_start(genesis, "main")
    segment = close("main", 0, 0, encoded, start=start, previous=start)
    lines = chain.encode_lines([LineSummary("main", len(encoded), segment.head, 1, segment.head)])
    tags = field_tags(header_fields(header) + footer_fields(footer))
    run = RunBytes(header, footer, lines, tags, chain.root(genesis, lines, footer))
    return lambda: verify.verify(run, MemorySource([segment], blobs or {}))


GOOD = encode(Event(ReadClock(0), OK))


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (msgpack.packb([["read_clock/1", 0, 1], [0, None]]), "event"),  # a surplus field
        (msgpack.packb([["read_clock/1", 0], [0, None, 1]]), "event"),
        (msgpack.packb([["write_stream/1", 1, msgpack.ExtType(1, bytes(32)), 1], [0, None]]), "event"),
        (msgpack.packb([["read_clock/1", "0"], [0, None]]), "event"),
        (b"\x00", "event"),
    ],
)
def test_crafted_events(event: bytes, field: str) -> None:
    """Fitting hashes don't make other forms of an event acceptable."""
    crafted([GOOD, GOOD])()
    with pytest.raises(JournalDamaged) as caught:
        crafted([GOOD, event, GOOD])()
    assert (caught.value.line, caught.value.seq, caught.value.field) == ("main", 1, field)


def test_newer_events_are_no_damage() -> None:
    """A sound run of a newer release says so."""
    with pytest.raises(UnknownEvent, match="newer release"):
        crafted([GOOD, msgpack.packb([["read_clock/7", 0], [0, None]])])()
