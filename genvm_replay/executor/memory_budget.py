"""What VMs may use: one budget for all deterministic VMs that are alive, one for the others (spec/executor.md 8.1).

A VM's own charges return when it is dropped; its children have charges of their own. What does not fit is refused and
nothing is taken. What follows differs: memory.grow and table.grow give -1, a growth above 2**32 - 1 bytes included; a
first allocation, a file, a descriptor or an archive is the VM error `OOM`. Deliberately not here: who asks, and the
engine's own limits (1000 instances, 100 tables, 100 memories in a store).
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final

from .stops import VmError

BUDGET: Final = 0xFFFF_FFFF  # bytes, of each of the two
TABLE_ELEMENT: Final = 64
MAPPED_FILE: Final = 256
DESCRIPTOR: Final = 96


class Charge(StrEnum):
    """What bytes are taken for."""

    MEMORY = "memory"  # growth of a linear memory
    TABLE = "table"  # growth of a table
    MAPPED_FILE = "mapped file"  # its name and a constant; its content belongs to the archive
    DESCRIPTOR = "descriptor"  # a fresh one
    RESULT_FILE = "result file"  # its length, until it is closed
    ARCHIVE = "archive"  # each time it is resolved, from a cache too
    LOCKED_SLOT = "locked slot"  # never returned


class MemoryBudget:
    """The budget that VMs of one kind share."""

    def __init__(self, size: int = BUDGET) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        """Take bytes; False if there are not as many."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give(self, size: int) -> None:
        """Return bytes that were taken."""
        self.left += size


class MemoryCharges:
    """What one VM has taken from its budget. Close it when the VM is dropped."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.taken: Counter[Charge] = Counter()

    def grow_memory(self, size: int) -> bool:
        """A memory grows by `size` bytes; False: it may not."""
        return self._take(Charge.MEMORY, size)

    def grow_table(self, count: int) -> bool:
        """A table grows by `count` elements; False: it may not."""
        return self._take(Charge.TABLE, count * TABLE_ELEMENT)

    def map_file(self, path: str) -> None:
        """A file becomes visible at `path`. Raises VmError: `OOM`, as all that follow."""
        self._need(Charge.MAPPED_FILE, MAPPED_FILE + len(path.encode()))

    def open_descriptor(self) -> None:
        """The VM gets a descriptor that it had not before."""
        self._need(Charge.DESCRIPTOR, DESCRIPTOR)

    def open_result(self, size: int) -> None:
        """The VM gets a file with `size` bytes of a result."""
        self._need(Charge.RESULT_FILE, size)

    def close_result(self, size: int) -> None:
        """It closes that file."""
        assert self.taken[Charge.RESULT_FILE] >= size, "closed but never opened"
        self.taken[Charge.RESULT_FILE] -= size
        self.budget.give(size)

    def resolve_archive(self, size: int) -> None:
        """An archive of `size` bytes is looked at."""
        self._need(Charge.ARCHIVE, size)

    def first_memory(self, size: int) -> None:
        """An instance starts with a memory of `size` bytes."""
        self._need(Charge.MEMORY, size)

    def first_table(self, count: int) -> None:
        """An instance starts with a table of `count` elements."""
        self._need(Charge.TABLE, count * TABLE_ELEMENT)

    def lock_slots(self, size: int) -> None:
        """The list of locked slots takes `size` bytes, from the deterministic budget and for ever."""
        self._need(Charge.LOCKED_SLOT, size)

    def close(self) -> None:
        """The VM is dropped: all returns but the locked slots."""
        kept = self.taken.pop(Charge.LOCKED_SLOT, 0)
        self.budget.give(self.taken.total())
        self.taken = Counter({Charge.LOCKED_SLOT: kept} if kept else {})

    def _need(self, charge: Charge, size: int) -> None:
        if not self._take(charge, size):
            raise VmError("OOM", f"{charge}: {size} bytes, {self.budget.left} are left")

    def _take(self, charge: Charge, size: int) -> bool:
        if not self.budget.take(size):
            return False
        self.taken[charge] += size
        return True
