"""Segments: tags, compression, and decompression of hostile frames."""

from __future__ import annotations

import contextlib
from zlib import crc32

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain
from genvm_replay.journal.segment import (
    Segment,
    canonical_bytes,
    close,
    compress,
    decompress,
    decompress_blob,
    tags_of,
    unpack_tags,
)

# Encoded events, and their tags.
TAGS = [
    ([], ""),
    ([b""], "00000000"),
    ([b"123456789"], "2639f4cb"),  # the check value of CRC-32, 0xcbf43926, little-endian
    ([b"a", b"b"], "43beb7e8 f9efbe71"),
]


@pytest.mark.parametrize(("encoded", "tags"), TAGS)
def test_tags_both_ways(encoded: list[bytes], tags: str) -> None:
    """A tag is the CRC-32 of an event, u32 little-endian."""
    assert tags_of(encoded) == bytes.fromhex(tags)
    assert unpack_tags(bytes.fromhex(tags)) == tuple(crc32(data) for data in encoded)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=20))
def test_segment_holds_its_events(encoded: list[bytes]) -> None:
    """What is closed can be read; the head is the chain's."""
    closed = close("main", 2, 30, encoded, previous=b"p" * 32)
    assert (closed.line, closed.number, closed.first_seq, closed.count) == ("main", 2, 30, len(encoded))
    assert canonical_bytes(closed) == b"".join(encoded)
    assert closed.head == chain.next_head(b"p" * 32, 30, len(encoded), closed.tags, b"".join(encoded))


def without_size(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b"no zstd at all", "damaged"),
        (zstandard.compress(b"x" * 100)[:-2], "damaged"),
        (zstandard.compress(b"x" * 100) + b"more", "damaged"),
        (zstandard.compress(b"x" * 100) * 2, "damaged"),
        (zstandard.compress(b"x" * 1001), "announces 1001 bytes, limit 1000"),
        (zstandard.compress(b"\0" * (64 << 20)), "announces 67108864 bytes"),
        (without_size(b"x" * 100), "announces -1 bytes"),
    ],
)
def test_hostile_frames_are_refused(data: bytes, message: str) -> None:
    """A bomb is refused before a byte of it is unpacked."""
    with pytest.raises(JournalError, match=message):
        decompress(data, 1000)


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_damaged_frames(content: bytes, data: st.DataObject) -> None:
    """A damaged frame gives bytes within the limit, or `JournalError`."""
    frame = bytearray(compress(content))
    at = data.draw(st.integers(min_value=0, max_value=len(frame) - 1))
    frame[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    with contextlib.suppress(JournalError):
        assert len(decompress(bytes(frame), 4096)) <= 4096


def test_payload_has_its_own_limit() -> None:
    """A payload may be larger than a segment."""
    content = bytes(20 << 20)
    frame = compress(content)
    assert decompress_blob(frame) == content
    with pytest.raises(JournalError, match="limit"):
        canonical_bytes(Segment("main", 0, 0, 1, b"", b"", frame))
