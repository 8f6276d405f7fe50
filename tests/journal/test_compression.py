"""Compression, and decompression of hostile frames."""

from __future__ import annotations

import contextlib
import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import JournalError
from genvm_replay.journal.compression import compress, decompress, decompress_blob
from genvm_replay.journal.segment import Segment, canonical_bytes

MAGIC = bytes.fromhex("28b52ffd")
# A frame header that announces a gigabyte, and one block that repeats a byte for 128 KiB (RFC 8878, 3.1.1).
GIGABYTE = (
    MAGIC
    + b"\xa0"
    + struct.pack("<I", 1 << 30)
    + (1 | 1 << 1 | (128 << 10) << 3).to_bytes(3, "little")
    + b"x"
)


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
        (GIGABYTE, "announces 1073741824 bytes"),
        (MAGIC + b"\xe0" + b"\xff" * 8 + b"x", "announces|damaged"),
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
        canonical_bytes(Segment("main", 0, 0, 1, b"", b"", b"", frame))
