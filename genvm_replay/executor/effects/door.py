"""What every door can do."""

from __future__ import annotations

from typing import Protocol

from ...journal.events import Answer, AnyRequest

MAIN_LINE = "main"


class Effects(Protocol):
    """One line's door. `Live` asks the world, `Recording` wraps another door, `Replaying` asks the journal only."""

    def perform(self, request: AnyRequest) -> Answer:
        """Carry out one request and give its answer, host error bytes included."""
        ...

    def line(self, name: str) -> Effects:
        """The door of another line of the same run: requests of different lines may interleave freely."""
        ...
