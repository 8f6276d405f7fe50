"""Payloads that are stored apart from their events, by their hash: code, web pages, screenshots, large outputs.

The bounds of what one run may hold in memory are here too, because payloads are what makes a run large.
"""

from __future__ import annotations

from typing import Final

from blake3 import blake3

from genvm_replay.errors import JournalError

INLINE_BYTES_MAX: Final = 4096  # of one payload; larger ones are stored once, by their hash
PRIVATE_BYTES_MIN: Final = (
    16  # shorter ones could be guessed from their hash: to remove them would hide nothing
)
BLOB_BYTES_MAX: Final = 256 << 20  # of one payload
RUN_BYTES_MAX: Final = 1 << 30  # held in memory for one run: segments and payloads


class BlobPool:
    """Payloads of one run by their hash, and the bound on what the run may hold in memory."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.added = 0  # calls of `add`
        self._size = 0

    def add(self, payload: bytes) -> bytes:
        """Keep a payload; its BLAKE3 is the name under which it is found again."""
        if len(payload) > BLOB_BYTES_MAX:
            raise JournalError(f"a payload of {len(payload)} bytes can't be recorded, limit {BLOB_BYTES_MAX}")
        digest = blake3(payload).digest()
        self.added += 1
        if digest not in self.blobs:
            self.charge(len(payload))
            self.blobs[digest] = payload
        return digest

    def charge(self, size: int) -> None:
        """Count bytes that the run holds until it is committed.

        Raises:
            JournalError: the run passes RUN_BYTES_MAX; a guest that prints for ever ends here.
        """
        self._size += size
        if self._size > RUN_BYTES_MAX:
            raise JournalError(f"this run can't be recorded: more than {RUN_BYTES_MAX} bytes")
