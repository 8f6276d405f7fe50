"""Checks one segment: that its events fit their tags, and that they and their payloads mean what they should.

A segment that does not fit is narrowed down to one event by its tags; see `verify.py` for what that is worth.
"""

from __future__ import annotations

from collections.abc import Sequence

from blake3 import blake3

from genvm_replay.errors import JournalDamaged, JournalError, UnknownEvent
from genvm_replay.journal import chain
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import (
    decode_event,
    decode_plain_events,
    encode_event,
    encode_events,
    payload_fields,
    split,
)
from genvm_replay.journal.segment import TAG_BYTES, Segment, canonical_bytes, tags_of, unpack_tags
from genvm_replay.journal.source import Source

SHOWN_CHARS_MAX = 300  # of an event or a value in an error


def check_events(segment: Segment, previous: bytes) -> list[bytes]:
    """Cut a segment into its encoded events and compare them with the tags; `previous` is the head before it.

    Raises:
        JournalDamaged: an event was changed, is missing or surplus (`event`), or only its tag (`tag`), or the
            segment's `count` or its compressed data (`segment`).
    """
    try:
        canonical = canonical_bytes(segment)
    except JournalError as error:
        raise JournalDamaged(
            segment.line, segment.first_seq, "segment", "a zstd frame", str(error)
        ) from error
    encoded, broken = _cut(canonical)
    found = tags_of(encoded)
    if broken is None and found == segment.tags and len(encoded) == segment.count:
        return encoded
    if len(segment.tags) % TAG_BYTES:
        raise JournalDamaged(
            segment.line, segment.first_seq, "tags", segment.count * TAG_BYTES, len(segment.tags)
        )
    if broken is None:
        _blame_row(segment, previous, canonical, found)
    raise _located(segment, encoded, broken)


def check_contents(line: str, first_seq: int, encoded: Sequence[bytes], source: Source) -> None:
    """Check that events decode, are in canonical form, and that the payloads they name are there and sound.

    Raises:
        JournalDamaged: `event` or `encoding`, or the name of the field whose payload is missing or changed.
        UnknownEvent: written by a newer release.
    """
    events = decode_plain_events(encoded)
    if events is not None:
        pairs = [(event.request, event.answer) for event in events]
        if encode_events(pairs, BlobPool()) == encoded:
            return
    for seq, data in enumerate(encoded, first_seq):
        try:
            for field, digest in payload_fields(data):
                check_payload(line, seq, field, digest, source)
            event = decode_event(data, lambda digest: source.blob(digest) or b"")
            canonical = encode_event(event, BlobPool())
        except (JournalDamaged, UnknownEvent):
            raise
        except JournalError as error:
            raise JournalDamaged(line, seq, "event", "an event", str(error)) from error
        if canonical != data:
            raise JournalDamaged(line, seq, "encoding", canonical[:SHOWN_CHARS_MAX], data[:SHOWN_CHARS_MAX])


def check_payload(line: str, seq: int, field: str, digest: bytes, source: Source) -> None:
    """Check that a payload is there and is the one that was recorded."""
    try:
        found = source.blob(digest)
    except JournalError as error:
        raise JournalDamaged(line, seq, field, digest.hex(), str(error)) from error
    actual = None if found is None else blake3(found).digest()
    if actual != digest:
        raise JournalDamaged(line, seq, field, digest.hex(), actual and actual.hex())


def _cut(canonical: bytes) -> tuple[list[bytes], JournalError | None]:
    """The whole events at the start of `canonical`, and what is wrong with the one after them."""
    encoded: list[bytes] = []
    try:
        for data in split(canonical):
            encoded.append(data)  # what was cut before an error counts
    except JournalError as error:
        return encoded, error
    return encoded, None


def _blame_row(segment: Segment, previous: bytes, canonical: bytes, found: bytes) -> None:
    """Raise if the chain shows that not the events but a column next to them was changed."""
    line, first_seq, count = segment.line, segment.first_seq, len(found) // TAG_BYTES
    if chain.next_head(previous, first_seq, count, segment.tags, canonical) == segment.head != b"":
        raise JournalDamaged(line, first_seq, "count", count, segment.count)
    if chain.next_head(previous, first_seq, count, found, canonical) == segment.head:
        recorded, actual = unpack_tags(found), unpack_tags(segment.tags)
        at = _first_difference(recorded, actual)
        raise JournalDamaged(line, first_seq + at, "tag", _shown_tag(recorded, at), _shown_tag(actual, at))


def _located(segment: Segment, encoded: Sequence[bytes], broken: JournalError | None) -> JournalDamaged:
    """Name the first event that does not fit its tag."""
    recorded, found = unpack_tags(segment.tags), unpack_tags(tags_of(encoded))
    at = _first_difference(recorded, found)
    seq, expected = segment.first_seq + at, _shown_tag(recorded, at)
    if at == len(found):
        return JournalDamaged(segment.line, seq, "event", expected, broken and str(broken))
    if at == len(recorded) or found[at + 1 :] == recorded[at:]:
        expected = None  # a surplus event: those after it fit again
    elif found[at:] == recorded[at + 1 :]:
        return JournalDamaged(segment.line, seq, "event", expected, None)
    return JournalDamaged(
        segment.line, seq, "event", expected, f"{_shown_tag(found, at)}: {_shown_event(encoded[at])}"
    )


def _first_difference(left: Sequence[int], right: Sequence[int]) -> int:
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))


def _shown_tag(tags: Sequence[int], at: int) -> str | None:
    return f"crc32 {tags[at]:08x}" if at < len(tags) else None


def _shown_event(encoded: bytes) -> str:
    """The event for a message; payloads that are stored apart are shown by their hash."""
    try:
        return repr(decode_event(encoded, lambda digest: digest))[:SHOWN_CHARS_MAX]
    except JournalError as error:
        return str(error)[:SHOWN_CHARS_MAX]
