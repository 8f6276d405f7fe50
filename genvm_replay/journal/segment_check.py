"""Checks one segment: that its bytes fit the chain, and that events and payloads mean what they should.

A segment that does not fit is narrowed down to one event by its tags; see `verify.py` for what that is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from blake3 import blake3

from genvm_replay.errors import JournalDamaged, JournalError, PayloadRedacted, UnknownEvent
from genvm_replay.journal.record import (
    decode_event,
    decodes_plainly,
    payload_fields,
    split,
)
from genvm_replay.journal.segment import (
    TAG_BYTES,
    Segment,
    canonical_bytes,
    head_after,
    leaves_of,
    plain_stretches,
    tags_of,
    unpack_tags,
    with_payloads,
)
from genvm_replay.journal.source import Source

SHOWN_CHARS_MAX = 300  # of an event or a value in an error


@dataclass(slots=True)
class Payloads:
    """The payloads stored apart that a walk over a run met."""

    named: set[bytes] = field(default_factory=set)  # their hashes
    redacted: list[PayloadRedacted] = field(default_factory=list)  # where removed ones were


def sound_bytes(segment: Segment, previous: bytes, start: bytes) -> bytes | None:
    """The canonical bytes of a segment that fits the chain; None for one that needs a closer look."""
    try:
        canonical = canonical_bytes(segment)
        return canonical if head_after(segment, previous, start, canonical) == segment.head else None
    except JournalError:
        return None


def check_events(segment: Segment, previous: bytes, start: bytes) -> tuple[Segment, bytes]:
    """Compare the events of a segment that does not fit the chain with their tags.

    Returns:
        The segment with a fitting table of leaves and the head that its events make, and its canonical bytes.

    Args:
        previous: the head before the segment.
        start: of its line.

    Raises:
        JournalDamaged: an event was changed, is missing or surplus (`event`), or only its tag (`tag`), or the
            segment's `count`, its table of `leaves`, or its compressed data (`segment`).
    """
    line, first_seq = segment.line, segment.first_seq
    try:
        canonical = canonical_bytes(segment)
    except JournalError as error:
        raise JournalDamaged(line, first_seq, "segment", "a zstd frame", str(error)) from error
    encoded, broken = _cut(canonical)
    if broken is None and encoded:
        _blame_row(segment, previous, start, encoded)
    if len(segment.tags) % TAG_BYTES:
        raise JournalDamaged(line, first_seq, "tags", segment.count * TAG_BYTES, len(segment.tags))
    if broken or not encoded or tags_of(encoded) != segment.tags or len(encoded) != segment.count:
        raise _located(segment, encoded, broken)
    fitting = replace(segment, leaves=leaves_of(encoded, with_payloads(encoded)))
    return replace(fitting, head=head_after(fitting, previous, start, canonical)), canonical


def check_contents(segment: Segment, canonical: bytes, source: Source, met: Payloads) -> None:
    """Check that the events of a segment decode, and that the payloads they name are there and sound.

    Raises:
        JournalDamaged: `event`, or the name of the field whose payload is missing or changed.
        UnknownEvent: written by a newer release.
    """
    for first_seq, count, events in plain_stretches(segment, canonical):
        if not decodes_plainly(events, count):
            _check_each(segment.line, first_seq, count, events, source, met)


def _check_each(line: str, first_seq: int, count: int, events: bytes, source: Source, met: Payloads) -> None:
    seq = first_seq - 1
    try:
        for seq, data in enumerate(split(events), first_seq):
            for name, digest in payload_fields(data):
                check_payload(line, seq, name, digest, source, met)
            decode_event(data, lambda digest: source.blob(digest) or b"")
    except (JournalDamaged, UnknownEvent):
        raise
    except JournalError as error:
        raise JournalDamaged(line, seq, "event", "an event", str(error)) from error
    if seq + 1 != first_seq + count:
        raise JournalDamaged(line, first_seq, "leaves", seq + 1 - first_seq, count)


def check_payload(line: str, seq: int, field: str, digest: bytes, source: Source, met: Payloads) -> bool:
    """Check that a payload is the one that was recorded; False if it was removed and is marked so.

    Raises:
        JournalDamaged: it is missing or changed.
    """
    met.named.add(digest)
    try:
        found = source.blob(digest)
    except JournalError as error:
        raise JournalDamaged(line, seq, field, digest.hex(), str(error)) from error
    if found is None and source.redacted(digest):
        met.redacted.append(PayloadRedacted(digest, line, seq, field))
        return False
    actual = None if found is None else blake3(found).digest()
    if actual != digest:
        raise JournalDamaged(line, seq, field, digest.hex(), actual and actual.hex())
    return True


def _cut(canonical: bytes) -> tuple[list[bytes], JournalError | None]:
    """The whole events at the start of `canonical`, and what is wrong with the one after them."""
    encoded: list[bytes] = []
    try:
        for data in split(canonical):
            encoded.append(data)  # what was cut before an error counts
    except JournalError as error:
        return encoded, error
    return encoded, None


def _blame_row(segment: Segment, previous: bytes, start: bytes, encoded: Sequence[bytes]) -> None:
    """Raise if the chain shows that not the events but a column next to them was changed."""
    line, first_seq = segment.line, segment.first_seq
    canonical, found = b"".join(encoded), tags_of(encoded)
    fitting = replace(segment, count=len(encoded), leaves=leaves_of(encoded, with_payloads(encoded)))
    if head_after(fitting, previous, start, canonical) == segment.head:
        if segment.count != len(encoded):
            raise JournalDamaged(line, first_seq, "count", len(encoded), segment.count)
        raise JournalDamaged(line, first_seq, "leaves", fitting.leaves.hex(), segment.leaves.hex())
    if head_after(replace(fitting, tags=found), previous, start, canonical) == segment.head:
        if len(segment.tags) % TAG_BYTES:
            raise JournalDamaged(line, first_seq, "tags", len(found), len(segment.tags))
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
    return f"adler32 {tags[at]:08x}" if at < len(tags) else None


def _shown_event(encoded: bytes) -> str:
    """The event for a message; payloads that are stored apart are shown by their hash."""
    try:
        return repr(decode_event(encoded, lambda digest: digest))[:SHOWN_CHARS_MAX]
    except JournalError as error:
        return str(error)[:SHOWN_CHARS_MAX]
