"""A segment: consecutive events of one line, compressed (docs/architecture.md section 4).

`canonical` is the events' encoded bytes back to back; `data` is its zstd frame; `leaves` says where the tree's leaves
begin in it; `tags` holds the Adler-32 of each event. The chain (see `chain.py`) says whether a segment was changed, the
tags say which event: 4 bytes an event instead of a hash of 32.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zlib import adler32

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain, tree
from genvm_replay.journal.compression import compress, decompress
from genvm_replay.journal.record import EVENT_BYTES_MAX, PAYLOAD_MARK, payload_fields

SEGMENT_EVENTS_MAX: Final = 1024
SEGMENT_BYTES_MAX: Final = 256 << 10  # of canonical bytes, unless one event alone is longer
# Events of one leaf: a proof of one shows at most this many. Hashing each event by itself takes 600 ns an event, three
# times as long as reading and unpacking it; leaves of 32 take 120, of 64 70, of 128 45 (BLAKE3 hashes several KiB as
# fast as one).
LEAF_EVENTS_MAX: Final = 128
TAG_BYTES: Final = 4
_LEAF: Final = struct.Struct("<II")  # of the table of leaves: count, size

assert array("I").itemsize == TAG_BYTES


@dataclass(frozen=True, slots=True)
class Segment:
    """One stored segment: a row of the table `segments`."""

    line: str
    number: int  # from 0 in its line
    first_seq: int  # index in its line of the first event
    count: int  # events, at least 1
    head: bytes  # of the chain, after this segment
    leaves: bytes  # of each leaf: count of its events and size of their bytes, u32 little-endian
    tags: bytes  # Adler-32 of each event, u32 little-endian
    data: bytes  # zstd frame of the canonical bytes

    @property
    def stored_bytes(self) -> int:
        """Size of what grows with its events."""
        return len(self.data) + len(self.tags) + len(self.leaves)


def tags_of(encoded: Sequence[bytes]) -> bytes:
    """Adler-32 of each event, u32 little-endian: the locator of a change, no protection against a forger."""
    return _little_endian(array("I", map(adler32, encoded)))


def unpack_tags(tags: bytes) -> tuple[int, ...]:
    """The numbers in `tags`; its size is a multiple of 4."""
    return struct.unpack(f"<{len(tags) // TAG_BYTES}I", tags)


def leaves_of(encoded: Sequence[bytes], apart: Collection[int]) -> bytes:
    """Where leaves begin: every LEAF_EVENTS_MAX events, and before and after an event with a payload apart.

    So the proof of such an event, which can be a private one, shows no other.

    Args:
        apart: the indexes of those events; see `with_payloads`.
    """
    cuts = {*range(0, len(encoded), LEAF_EVENTS_MAX), *apart, *(index + 1 for index in apart)}
    begins = sorted(cuts - {len(encoded)})
    sizes = list(map(len, encoded))
    table = array("I")
    for begin, end in zip(begins, [*begins[1:], len(encoded)], strict=True):
        table.extend((end - begin, sum(sizes[begin:end])))
    return _little_endian(table)


def with_payloads(encoded: Sequence[bytes]) -> list[int]:
    """The indexes of the events that have a payload apart."""
    return [index for index, data in enumerate(encoded) if PAYLOAD_MARK in data and _names_payload(data)]


def cut_leaves(segment: Segment, canonical: bytes) -> Iterator[tuple[int, int, bytes]]:
    """First seq, count and bytes of each leaf, as the segment's table says.

    Raises:
        JournalError: the table does not cover the segment; the leaves before that were given.
    """
    table, seq, at = unpack_leaves(segment.leaves), segment.first_seq, 0
    if segment.count > len(canonical):
        raise JournalError("the segment holds fewer events than it says")
    for count, size in table:
        yield seq, count, canonical[at : at + size]
        seq += count
        at += size
    if (seq, at) != (segment.first_seq + segment.count, len(canonical)):
        raise JournalError("the table of leaves does not fit the segment")


def plain_stretches(segment: Segment, canonical: bytes) -> Iterable[tuple[int, int, bytes]]:
    """First seq, count and bytes of what is decoded in one go: all, or each leaf where payloads are apart."""
    if len(segment.leaves) // _LEAF.size > -(-segment.count // LEAF_EVENTS_MAX):
        return cut_leaves(segment, canonical)
    return [(segment.first_seq, segment.count, canonical)]


def unpack_leaves(leaves: bytes) -> list[tuple[int, int]]:
    """Count and size of each leaf.

    Raises:
        JournalError: not a whole number of leaves, or none.
    """
    if not leaves or len(leaves) % _LEAF.size:
        raise JournalError(f"the table of leaves has {len(leaves)} bytes")
    return list(_LEAF.iter_unpack(leaves))


def leaf_hashes(segment: Segment, start: bytes, canonical: bytes) -> list[bytes]:
    """The leaves of a segment; `start` is the start of its line."""
    return chain.leaves(start, cut_leaves(segment, canonical))


def head_after(segment: Segment, previous: bytes, start: bytes, canonical: bytes) -> bytes:
    """The head after this segment.

    Raises:
        JournalError: the table of leaves does not fit.
    """
    hashes = leaf_hashes(segment, start, canonical)
    return chain.next_head(
        previous,
        segment.first_seq,
        segment.count,
        len(hashes),
        tree.root(hashes),
        chain.tags_hash(segment.tags),
    )


def close(
    line: str,
    number: int,
    first_seq: int,
    encoded: Sequence[bytes],
    apart: Collection[int] = (),
    *,
    start: bytes,
    previous: bytes,
    only_head: bool = False,
) -> Segment:
    """Make a segment of encoded events.

    Args:
        apart: the indexes of those with a payload apart.
        only_head: leave the data out: only what the chain makes of it is asked for.
        start: of the line.
        previous: the head before this segment.
    """
    canonical = b"".join(encoded)
    leaves, tags = leaves_of(encoded, apart), tags_of(encoded)
    data = b"" if only_head else compress(canonical)
    opened = Segment(line, number, first_seq, len(encoded), b"", leaves, tags, data)
    return replace(opened, head=head_after(opened, previous, start, canonical))


def canonical_bytes(segment: Segment) -> bytes:
    """Decompress a segment.

    Raises:
        JournalError: not one whole zstd frame, or larger than a segment can be.
    """
    return decompress(segment.data, EVENT_BYTES_MAX)


def _names_payload(encoded: bytes) -> bool:
    try:
        return any(payload_fields(encoded))
    except JournalError:
        return False


def _little_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
