"""What a run changed in storage, as a value: independent of the order and the grouping of its writes.

The delta is the set of bytes written last, slot by slot, in maximal runs. Its hash goes into the run's footer, so that
two runs can be compared without a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
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

    def apart(self, other: StorageDelta) -> tuple[StorageDelta, StorageDelta]:
        """This and another one without the slots that both have written alike."""
        slots = self._by_slot(), other._by_slot()
        alike = {slot for slot, writes in slots[0].items() if slots[1].get(slot) == writes}
        rests = StorageDelta(), StorageDelta()
        for rest, whole in zip(rests, (self, other), strict=True):
            rest._last = {span: data for span, data in whole._last.items() if span[0] not in alike}
        return rests

    def _by_slot(self) -> dict[bytes, list[tuple[int, bytes]]]:
        """Index and bytes of the writes to each slot, in order."""
        slots: dict[bytes, list[tuple[int, bytes]]] = {}
        for (slot, index, size), data in self._last.items():
            if size:
                slots.setdefault(slot, []).append((index, data))
        return slots

    def runs(self) -> Iterator[tuple[bytes, int, bytes]]:
        """(slot, index, bytes) of every maximal run, in order."""
        for slot, writes in sorted(self._by_slot().items(), key=itemgetter(0)):
            pieces: Iterable[tuple[int, bytes]] = sorted(writes, key=itemgetter(0))
            if any(index + len(data) > after for (index, data), (after, _) in pairwise(pieces)):
                pieces = _painted(writes)  # they overlap: the order counts
            start, run = 0, bytearray()
            for index, data in pieces:
                if run and index != start + len(run):
                    yield slot, start, bytes(run)
                    run.clear()
                start = start if run else index
                run += data
            yield slot, start, bytes(run)

    def hash(self) -> bytes:
        """BLAKE3 over all runs: 32 bytes, equal for equal deltas."""
        digest = blake3()
        for slot, index, data in self.runs():
            digest.update(slot + index.to_bytes(8, "little") + len(data).to_bytes(8, "little") + data)
        return digest.digest()


def _painted(writes: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Pieces that do not overlap, ascending; of bytes written twice the later ones."""
    blocks: dict[
        int, tuple[bytearray, int]
    ] = {}  # BLOCK bytes by number, with a mask of those that were written
    for index, data in writes:
        at = 0
        while at < len(data):
            number, offset = divmod(index + at, BLOCK)
            size = min(len(data) - at, BLOCK - offset)
            block, mask = blocks.get(number) or (bytearray(BLOCK), 0)
            block[offset : offset + size] = data[at : at + size]
            blocks[number] = block, mask | ((1 << size) - 1) << offset
            at += size
    for number, (block, mask) in sorted(blocks.items(), key=itemgetter(0)):
        offset = 0
        while mask >> offset:
            offset += _trailing(mask >> offset, 0)
            size = _trailing(mask >> offset, 1)
            yield number * BLOCK + offset, bytes(block[offset : offset + size])
            offset += size


def _trailing(mask: int, bit: int) -> int:
    """How many bits equal to `bit` a mask ends with; 0s are counted of a mask that is not 0."""
    wanted = ~mask if bit else mask
    return (wanted & -wanted).bit_length() - 1
