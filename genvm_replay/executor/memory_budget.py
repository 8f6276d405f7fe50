"""What VMs may take of memory: one budget for all deterministic VMs that are alive, one for the others.

Source: spec/executor.md 8.1. Of the VMs of a budget only the innermost runs, and what those around it hold does not
change meanwhile. So a VM starts with what they leave, and what it takes returns when it is dropped. What does not fit
is refused and nothing is taken: a memory that grows is told -1, everything else is the VM error `OOM`.

Deliberately not here: archives and mapped files (`runners.planner` charges them before the VM exists).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .stops import VmError

TABLE_ELEMENT: Final = 64  # bytes, as all that follow
DESCRIPTOR: Final = 96  # a fresh one; burned ones are never returned
LOCKED_SLOT: Final = 32  # of the root deterministic VM, for the whole run


class MemoryBudget:
    """What one VM may take.

    Attributes:
        size: bytes.
        taken: by files and descriptors.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0
        self._linear: Callable[[], int] = lambda: 0
        self._limit: Callable[[int], None] = lambda _left: None

    def attach(self, linear: Callable[[], int], limit: Callable[[int], None]) -> None:
        """Count the memory of an instance too.

        Args:
            linear: bytes of its linear memories, now.
            limit: told how large they may become, whenever that changes.
        """
        self._linear, self._limit = linear, limit

    def in_use(self) -> int:
        """Bytes that this VM holds."""
        return self.taken + self._linear()

    def take(self, size: int, what: str) -> None:
        """Take bytes.

        Raises:
            VmError: `OOM`: there are not as many left.
        """
        left = self.size - self.in_use()
        if size > left:
            raise VmError("OOM", f"{what} of {size} bytes, {left} are left")
        self.taken += size
        self._limit(self.size - self.taken)

    def give(self, size: int) -> None:
        """Return bytes that were taken."""
        self.taken -= size
        self._limit(self.size - self.taken)
