"""File descriptors of one VM (spec/executor.md 7.1).

0 is the message, a seekable file; 1 and 2 are write-only streams; 3 is the root directory. A closed number is used
again, last closed first; a failed open keeps its number for ever (both are observable, so both are exact).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ..memory_budget import DESCRIPTOR, MemoryBudget
from .files import Directory, File, Node

ROOT_FD: Final = 3


@dataclass(frozen=True, slots=True)
class Stream:
    """Standard output (1) or standard error (2)."""

    number: int


@dataclass(slots=True)
class Open:
    """What stands behind a descriptor; `offset` matters for files only."""

    target: Node | Stream
    offset: int = 0
    charged: int = 0  # bytes that return to the budget when it is closed


@dataclass(slots=True)
class Descriptors:
    """The table of one VM."""

    table: dict[int, Open]
    budget: MemoryBudget
    next_number: int = ROOT_FD + 1
    free: list[int] = field(default_factory=list)

    @classmethod
    def standard(cls, root: Directory, stdin: bytes, budget: MemoryBudget) -> Descriptors:
        """The four descriptors that every VM starts with."""
        targets: tuple[Node | Stream, ...] = (File(stdin), Stream(1), Stream(2), root)
        return cls({number: Open(target) for number, target in enumerate(targets)}, budget)

    def reserve(self) -> int:
        """Take a number: the one closed last, or a fresh one.

        Raises:
            VmError: `OOM`: no memory is left for a fresh one.
        """
        if self.free:
            return self.free.pop()
        self.budget.take(DESCRIPTOR, "a descriptor")
        self.next_number += 1
        return self.next_number - 1

    def place(self, number: int, node: Node, *, charged: int = 0) -> None:
        """Put `node` behind a reserved number, at offset 0; `charged` bytes were taken for it."""
        self.table[number] = Open(node, charged=charged)

    def close(self, number: int) -> bool:
        """Give a number back; False if it was not open."""
        closed = self.table.pop(number, None)
        if closed is None:
            return False
        if closed.charged:
            self.budget.give(closed.charged)
        self.free.append(number)
        return True
