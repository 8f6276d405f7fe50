"""What a run changed in storage, as a value: independent of the order and the grouping of its writes.

The delta is the set of bytes written last, slot by slot, in maximal runs. Its hash goes into the run's footer, so that
two runs can be compared without a host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from blake3 import blake3

BLOCK: Final = 256


class StorageDelta:
    """Collects writes. Only the last write of each span is kept, in the order of these last writes."""

    def __init__(self) -> None:
        self._last: dict[tuple[bytes, int, int], bytes] = {}  # slot, index, size -> data

    def write(self, slot: bytes, index: int, data: bytes) -> None:
        """Take one write."""
        span = slot, index, len(data)
        self._last.pop(span, None)
        self._last[span] = data

    def _painted(self) -> dict[tuple[bytes, int], tuple[bytearray, int]]:
        """Blocks of BLOCK bytes by slot and number, each with a mask of the bytes that were written."""
        blocks: dict[tuple[bytes, int], tuple[bytearray, int]] = {}
        for (slot, index, _), data in self._last.items():
            at = 0
            while at < len(data):
                number, offset = divmod(index + at, BLOCK)
                size = min(len(data) - at, BLOCK - offset)
                block, mask = blocks.get((slot, number)) or (bytearray(BLOCK), 0)
                block[offset : offset + size] = data[at : at + size]
                blocks[slot, number] = block, mask | ((1 << size) - 1) << offset
                at += size
        return blocks

    def runs(self) -> Iterator[tuple[bytes, int, bytes]]:
        """(slot, index, bytes) of every maximal run, in order."""
        slot, start, run = b"", 0, bytearray()
        for here, index, piece in self._pieces():
            if here == slot and index == start + len(run):
                run += piece
                continue
            if run:
                yield slot, start, bytes(run)
            slot, start, run = here, index, bytearray(piece)
        if run:
            yield slot, start, bytes(run)

    def _pieces(self) -> Iterator[tuple[bytes, int, bytes]]:
        for (slot, number), (block, mask) in sorted(self._painted().items(), key=lambda item: item[0]):
            offset = 0
            while mask >> offset:
                offset += _trailing(mask >> offset, 0)
                size = _trailing(mask >> offset, 1)
                yield slot, number * BLOCK + offset, bytes(block[offset : offset + size])
                offset += size

    def hash(self) -> bytes:
        """BLAKE3 over all runs: 32 bytes, equal for equal deltas."""
        digest = blake3()
        for slot, index, data in self.runs():
            digest.update(slot + index.to_bytes(8, "little") + len(data).to_bytes(8, "little") + data)
        return digest.digest()


def _trailing(mask: int, bit: int) -> int:
    """How many bits equal to `bit` a mask ends with; 0s are counted of a mask that is not 0."""
    wanted = ~mask if bit else mask
    return (wanted & -wanted).bit_length() - 1
