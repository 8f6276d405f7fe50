"""What every door can do."""

from __future__ import annotations

from typing import Protocol

from ...journal.events import Answer, AnyRequest


class Effects(Protocol):
    """One line's door. `Live` asks the world, `Recording` wraps another door, `Replaying` asks the journal only."""

    def perform(self, request: AnyRequest) -> Answer:
        """Carry out one request and give its answer, host error bytes included."""
        ...
