"""zstd frames: written at one level, read within bounds.

A frame announces its size, and libzstd trusts it: 32 KiB can unpack to a gigabyte whatever `max_output_size` says. So
the announcement is checked before memory is spent, and what follows a frame is refused.
"""

from __future__ import annotations

import threading
from typing import Final

import zstandard

from genvm_replay.errors import JournalError
from genvm_replay.journal.payloads import BLOB_BYTES_MAX

# Measured on segments of real runs: level 1 takes 0 to 20 % less time and up to 6 % more space, level 5 two to four
# times the time for 1 to 5 % less, level 19 fifty times and more for 5 %. A dictionary of 2 KiB, trained on another
# contract, saves 26 % of a run of 50 events, 10 % of one of 270 and nothing of long ones. It is left out: every reader
# would need that file for ever.
ZSTD_LEVEL: Final = 3


class _Contexts(threading.local):
    """One zstd context a thread: a new one for each run costs a megabyte of fresh memory."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_CONTEXTS: Final = _Contexts()


def compress(data: bytes) -> bytes:
    """One zstd frame at our level; it announces its size."""
    return _CONTEXTS.compress(data)


def decompress_blob(data: bytes) -> bytes:
    """Decompress a payload that was stored apart.

    Raises:
        JournalError: not one whole zstd frame, or larger than a payload can be.
    """
    return decompress(data, BLOB_BYTES_MAX)


def decompress(data: bytes, size_max: int) -> bytes:
    """Decompress one zstd frame of at most `size_max` bytes.

    Raises:
        JournalError: it announces more, is cut short, or something follows it.
    """
    try:
        announced = zstandard.frame_content_size(data)
        if not 0 <= announced <= size_max:
            raise JournalError(f"compressed data announces {announced} bytes, limit {size_max}")
        found: bytes = _CONTEXTS.decompress(data, max_output_size=size_max, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise JournalError(f"compressed data is damaged: {error}") from error
    if len(found) != announced:
        raise JournalError(f"compressed data is damaged: {len(found)} bytes, {announced} announced")
    return found
