"""A segment: consecutive events of one line, compressed (docs/architecture.md section 4).

`canonical` is the events' encoded bytes back to back; `data` is its zstd frame; `tags` holds the CRC-32 of
each event. The chain (see `chain.py`) says whether a segment was changed, the tags say which event: 4 bytes
an event instead of a hash of 32. Decompression is bounded: the frame's own announcement is checked first,
because libzstd trusts it.
"""

from __future__ import annotations

import struct
import sys
import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import zstandard

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain
from genvm_replay.journal.payloads import BLOB_BYTES_MAX
from genvm_replay.journal.record import EVENT_BYTES_MAX

SEGMENT_EVENTS_MAX: Final = 1024
SEGMENT_BYTES_MAX: Final = 256 << 10  # of canonical bytes, unless one event alone is longer
# Measured on synthetic lines of 80 bytes an event: level 1 saves 13 to 60 ns an event (of 70 to 260 at level 3) and
# needs 1 to 4 % more space; level 5 takes three times as long for 8 % less. Decompression costs the same at all levels.
ZSTD_LEVEL: Final = 3
TAG_BYTES: Final = 4

assert array("I").itemsize == TAG_BYTES


@dataclass(frozen=True, slots=True)
class Segment:
    """One stored segment: a row of the table `segments`."""

    line: str
    number: int  # from 0 in its line
    first_seq: int  # index in its line of the first event
    count: int  # events, at least 1
    head: bytes  # of the chain, after this segment
    tags: bytes  # CRC-32 of each event, u32 little-endian
    data: bytes  # zstd frame of the canonical bytes


class _Contexts(threading.local):
    """One zstd context a thread: a new one for each run costs a megabyte of fresh memory."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress


_CONTEXTS: Final = _Contexts()


def compress(data: bytes) -> bytes:
    """One zstd frame at our level; it announces its size."""
    return _CONTEXTS.compress(data)


def tags_of(encoded: Sequence[bytes]) -> bytes:
    """CRC-32 of each event, u32 little-endian: the locator of a change, no protection against a forger."""
    tags = array("I", map(crc32, encoded))
    if sys.byteorder == "big":
        tags.byteswap()
    return tags.tobytes()


def unpack_tags(tags: bytes) -> tuple[int, ...]:
    """The numbers in `tags`; its size is a multiple of 4."""
    return struct.unpack(f"<{len(tags) // TAG_BYTES}I", tags)


def close(
    line: str,
    number: int,
    first_seq: int,
    encoded: Sequence[bytes],
    *,
    previous: bytes,
) -> Segment:
    """Make a segment of encoded events; `previous` is the head before it."""
    canonical = b"".join(encoded)
    tags = tags_of(encoded)
    head = chain.next_head(previous, first_seq, len(encoded), tags, canonical)
    return Segment(line, number, first_seq, len(encoded), head, tags, compress(canonical))


def canonical_bytes(segment: Segment) -> bytes:
    """Decompress a segment.

    Raises:
        JournalError: not one whole zstd frame, or larger than a segment can be.
    """
    return decompress(segment.data, EVENT_BYTES_MAX)


def decompress_blob(data: bytes) -> bytes:
    """Decompress a payload that was stored apart.

    Raises:
        JournalError: not one whole zstd frame, or larger than a payload can be.
    """
    return decompress(data, BLOB_BYTES_MAX)


def decompress(data: bytes, size_max: int) -> bytes:
    """Decompress one zstd frame of at most `size_max` bytes.

    `max_output_size` alone is no bound: libzstd ignores it when the frame announces its size.
    """
    try:
        announced = zstandard.frame_content_size(data)
        if not 0 <= announced <= size_max:
            raise JournalError(f"compressed data announces {announced} bytes, limit {size_max}")
        found: bytes = zstandard.ZstdDecompressor().decompress(
            data, max_output_size=size_max, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise JournalError(f"compressed data is damaged: {error}") from error
    if len(found) != announced:
        raise JournalError(f"compressed data is damaged: {len(found)} bytes, {announced} announced")
    return found
