"""Payloads that are stored apart from their events, by their hash: code, web pages, screenshots, large outputs.

The bounds of what one run may hold in memory are here too, because payloads are what makes a run large.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from blake3 import blake3

from genvm_replay.errors import JournalError

INLINE_BYTES_MAX: Final = 4096  # of one payload; larger ones are stored once, by their hash
PRIVATE_BYTES_MIN: Final = (
    16  # shorter ones could be guessed from their hash: to remove them would hide nothing
)
BLOB_BYTES_MAX: Final = 256 << 20  # of one payload
RUN_BYTES_MAX: Final = 1 << 30  # held in memory for one run: segments and payloads
RECORDED_BYTES_MAX: Final = (
    16 << 30
)  # of one run, with what checkpoints took out of memory: disks are not endless


class BlobPool:
    """Payloads of one run by their hash, and the bounds on what the run may hold in memory, and be at all."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.added = 0  # calls of `add`
        self.named: set[bytes] = set()  # of `blobs`: those that a closed segment names
        self.named_bytes = 0  # of all payloads that closed segments name, released ones too
        self._released: set[bytes] = set()
        self._size = 0
        self._held = 0

    def add(self, payload: bytes) -> bytes:
        """Keep a payload; its BLAKE3 is the name under which it is found again."""
        if len(payload) > BLOB_BYTES_MAX:
            raise JournalError(f"a payload of {len(payload)} bytes can't be recorded, limit {BLOB_BYTES_MAX}")
        digest = blake3(payload).digest()
        self.added += 1
        if digest not in self.blobs and digest not in self._released:
            self.charge(len(payload))
            self.blobs[digest] = payload
        return digest

    def name(self, digests: Iterable[bytes]) -> int:
        """Note what a closed segment names; bytes of those that no segment had named."""
        first = {digest for digest in digests if digest not in self._released} - self.named
        size = sum(len(self.blobs[digest]) for digest in first)
        self.named |= first
        self.named_bytes += size
        return size

    def charge(self, size: int) -> None:
        """Count bytes that the run holds until it is committed, or a checkpoint takes them.

        Raises:
            JournalError: the run passes RUN_BYTES_MAX in memory, or RECORDED_BYTES_MAX; a guest that prints for ever
                ends here.
        """
        self._size += size
        self._held += size
        if self._held > RUN_BYTES_MAX:
            raise JournalError(f"this run can't be recorded: more than {RUN_BYTES_MAX} bytes in memory")
        if self._size > RECORDED_BYTES_MAX:
            raise JournalError(f"this run can't be recorded: more than {RECORDED_BYTES_MAX} bytes")

    def release(self, digests: Collection[bytes], size: int) -> None:
        """Let go of payloads that are stored, and of `size` bytes, theirs included."""
        self._released.update(digests)  # first: another line may add one of them meanwhile
        for digest in digests:
            del self.blobs[digest]
        self.named.difference_update(digests)
        self._held -= size
