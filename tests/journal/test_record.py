"""Events and their canonical bytes: both ways, at the borders, and with hostile bytes."""

from __future__ import annotations

import contextlib

import msgpack
import msgspec
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import JournalError, UnknownEvent
from genvm_replay.journal.events import (
    OK,
    Answer,
    Event,
    GetLeaderNondetResult,
    ModuleCall,
    PostNondetResult,
    ReadClock,
    Request,
    StorageWrite,
    TraceMessage,
    WriteStream,
)
from genvm_replay.journal.payloads import (
    BLOB_BYTES_MAX,
    INLINE_BYTES_MAX,
    PRIVATE_BYTES_MIN,
    RUN_BYTES_MAX,
    BlobPool,
)
from genvm_replay.journal.record import (
    EVENT_BYTES_MAX,
    PRIVATE,
    decode_event,
    decode_events,
    decodes_plainly,
    encode_event,
    encode_events,
    payload_fields,
    split,
)

from .samples import each_kind, events, example

LARGE = b"x" * (INLINE_BYTES_MAX + 1)
SLOT = b"s" * 32

# One table for both directions: an event and its bytes.
WIRE = [
    (Event(ReadClock(1), Answer(0, 5)), "92 92 ac 726561645f636c6f636b2f31 01 92 00 05"),
    (Event(WriteStream(2, b"hi"), Answer()), "92 93 ae 77726974655f73747265616d2f31 02 c4026869 92 00 c0"),
    (Event(TraceMessage("é"), Answer(1, b"")), "92 92 af 74726163655f6d6573736167652f31 a2c3a9 92 01 c400"),
    (
        Event(ReadClock(-1), Answer(0, 2**64 - 1)),
        "92 92 ac 726561645f636c6f636b2f31 ff 92 00 cfffffffffffffffff",
    ),
]


def no_payload(digest: bytes) -> bytes:
    raise JournalError(f"no payload {digest.hex()}")


def packed(*fields: object, answer: object = (0, None)) -> bytes:
    data: bytes = msgpack.packb([list(fields), answer])
    return data


@pytest.mark.parametrize(("event", "wire"), WIRE)
def test_wire_both_ways(event: Event, wire: str) -> None:
    """The stored form is fixed."""
    assert encode_event(event, BlobPool()) == bytes.fromhex(wire)
    assert decode_event(bytes.fromhex(wire), no_payload) == event


@given(st.lists(events(), max_size=8))
def test_round_trip(recorded: list[Event]) -> None:
    """Any list of events comes back, one by one and together."""
    pool = BlobPool()
    encoded = encode_events([(event.request, event.answer) for event in recorded], pool)
    assert [decode_event(data, pool.blobs.__getitem__) for data in encoded] == recorded
    canonical = b"".join(encoded)
    assert list(split(canonical)) == encoded
    assert list(decode_events(canonical, len(encoded), pool.blobs.__getitem__)) == recorded


@given(events())
def test_bytes_are_those_of_msgpack(event: Event) -> None:
    """The fast encoder writes what the reference encoder writes for the plain lists."""

    def plain(value: object) -> object:
        if isinstance(value, bytes) and len(value) >= size_min:
            return msgpack.ExtType(1, blake3(value).digest())
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    private = type(event.request) in PRIVATE
    size_min = PRIVATE_BYTES_MIN if private else INLINE_BYTES_MAX + 1
    encoded = encode_event(event, BlobPool())
    listed = msgspec.to_builtins(event, builtin_types=(bytes,))
    whole = msgpack.packb(listed)
    assert encoded == (
        whole if len(whole) <= INLINE_BYTES_MAX and not private else msgpack.packb(plain(listed))
    )


@pytest.mark.parametrize("event", each_kind())
def test_pair_has_the_bytes_of_the_event(event: Event) -> None:
    """Writers encode pairs; readers decode events."""
    assert encode_events([(event.request, event.answer)], BlobPool())[0] == msgspec.msgpack.encode(event)


def test_large_payloads_leave_the_event() -> None:
    """Above the limit a payload is stored once, in request and answer alike; at the limit it stays."""
    pool = BlobPool()
    event = Event(StorageWrite(SLOT, 0, LARGE), Answer(0, LARGE))
    encoded = encode_event(event, pool)
    assert len(encoded) < 200
    assert pool.blobs == {blake3(LARGE).digest(): LARGE}
    assert list(payload_fields(encoded)) == [
        ("request.data", blake3(LARGE).digest()),
        ("answer.value", blake3(LARGE).digest()),
    ]
    assert decode_event(encoded, pool.blobs.__getitem__) == event
    small = Event(StorageWrite(SLOT, 0, LARGE[:-1]), Answer())
    assert LARGE[:-1] in encode_event(small, pool)
    assert len(pool.blobs) == 1


PRIVATE_PAYLOAD = b"p" * PRIVATE_BYTES_MIN


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ModuleCall("llm", PRIVATE_PAYLOAD), "request.message"),
        (PostNondetResult(3, PRIVATE_PAYLOAD), "request.result"),
        (GetLeaderNondetResult(3), None),
    ],
)
def test_private_payloads_leave_the_event(request_: Request, field: str | None) -> None:
    """Prompts, answers and results of nondeterministic blocks can be removed: the event has their hash alone."""
    pool = BlobPool()
    encoded = encode_event(Event(request_, Answer(0, PRIVATE_PAYLOAD)), pool)
    assert PRIVATE_PAYLOAD not in encoded
    assert [name for name, _ in payload_fields(encoded)] == [*filter(None, [field]), "answer.value"]
    assert decode_event(encoded, pool.blobs.__getitem__) == Event(request_, Answer(0, PRIVATE_PAYLOAD))
    short = Event(request_, Answer(0, PRIVATE_PAYLOAD[1:]))
    assert PRIVATE_PAYLOAD[1:] in encode_event(short, BlobPool())


def test_quick_check() -> None:
    """It passes events that are whole by themselves, as many as it was told, and nothing else."""
    plain = encode_event(Event(ReadClock(0), OK), BlobPool())
    apart = encode_event(Event(WriteStream(1, LARGE), OK), BlobPool())
    assert decodes_plainly(plain * 3, 3)
    for canonical, count in ((plain * 3, 2), (plain * 2, 3), (apart, 1), (plain + b"\xc0", 1), (b"\xc1", 1)):
        assert not decodes_plainly(canonical, count)


def test_missing_payload_is_the_lookups_error() -> None:
    """What `lookup` raises comes through."""
    encoded = encode_event(Event(WriteStream(1, LARGE), Answer()), BlobPool())
    with pytest.raises(JournalError, match="no payload"):
        decode_event(encoded, no_payload)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            packed("read_clock/2", 1),
            r"'read_clock/2' was written by a newer release; this is .*reads read_clock/1",
        ),
        (packed("dream/1"), r"'dream/1' was written by a newer release; this is .*knows no such event"),
        (packed("read_clock", 1), "knows no such event"),
    ],
)
def test_unknown_kinds_are_named(data: bytes, message: str) -> None:
    """A newer release's event is refused by name, with what this release can read."""
    with pytest.raises(UnknownEvent, match=message):
        decode_event(data, no_payload)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x92",
        b"\x90",
        packed("read_clock/1"),
        packed("read_clock/1", "text"),
        packed("read_clock/1", b"bytes"),
        packed("read_clock/1", 1, answer="answer"),
        packed("read_clock/1", 1, answer=[0, "text"]),
        packed("write_stream/1", 1, "text for bytes"),
        packed("write_stream/1", 1, msgpack.ExtType(1, b"short")),
        packed("write_stream/1", 1, msgpack.ExtType(2, bytes(32))),
        packed("trace_message/1", msgpack.ExtType(1, bytes(32))),
        packed(7, 1),
        packed("trace_message/1", "ok")[:-3] + b"\xff\xff\xff",
        b"\x91" * 100_000,
        b"ReadClock",
        bytes.fromhex(WIRE[0][1]) + b"\x00",
    ],
)
def test_malformed_events_are_refused(data: bytes) -> None:
    """Never a crash, never a library's own error."""
    with pytest.raises(JournalError):
        decode_event(data, lambda _digest: b"payload")


@given(st.binary(max_size=80), st.integers(min_value=0, max_value=4))
def test_garbage_gives_events_or_journal_errors(data: bytes, count: int) -> None:
    """Hostile bytes raise nothing but `JournalError`."""
    for attempt in (
        lambda: list(decode_events(data, count, no_payload)),
        lambda: decode_event(data, no_payload),
        lambda: list(split(data)),
        lambda: list(payload_fields(data)),
    ):
        with contextlib.suppress(JournalError):
            attempt()


@given(events(), st.data())
def test_damaged_events_give_events_or_journal_errors(event: Event, data: st.DataObject) -> None:
    """So do bytes that were nearly right."""
    pool = BlobPool()
    encoded = bytearray(encode_event(event, pool))
    at = data.draw(st.integers(min_value=0, max_value=len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    try:
        decode_event(bytes(encoded), lambda digest: pool.blobs.get(digest, b"?"))
        list(payload_fields(bytes(encoded)))
    except JournalError:
        pass


def test_split_stops_at_the_first_broken_event() -> None:
    """What comes before a break is given."""
    first = bytes.fromhex(WIRE[0][1])
    stream = split(first + b"\x92\x92")
    assert next(stream) == first
    with pytest.raises(JournalError, match=f"at byte {len(first)}"):
        next(stream)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_numbers_beyond_msgpack_are_refused(value: int) -> None:
    """The event is named, because it is refused later than it was appended."""
    with pytest.raises(JournalError, match="ReadClock"):
        encode_event(Event(ReadClock(value), Answer()), BlobPool())


def test_text_that_is_no_unicode_is_refused() -> None:
    """A lone surrogate has no UTF-8."""
    with pytest.raises(JournalError, match="TraceMessage"):
        encode_event(Event(TraceMessage("\ud800"), Answer()), BlobPool())


def test_bounds() -> None:
    """A payload, an event and a run each have a largest size."""
    with pytest.raises(JournalError, match="can't be recorded"):
        encode_event(Event(TraceMessage("x" * EVENT_BYTES_MAX), Answer()), BlobPool())
    with pytest.raises(JournalError, match="can't be recorded"):
        BlobPool().add(bytes(BLOB_BYTES_MAX + 1))
    pool = BlobPool()
    pool.charge(RUN_BYTES_MAX)
    with pytest.raises(JournalError, match="can't be recorded"):
        pool.charge(1)


def test_examples_differ() -> None:
    """The samples of the other tests are worth something."""
    encoded = [encode_event(event, BlobPool()) for event in each_kind()]
    assert len(set(encoded)) == len(encoded)
    assert example(ReadClock, 0) != example(ReadClock, 1)
