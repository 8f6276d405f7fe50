"""What one connection has cost: the answer to GetStats (spec/manager-modules.md 1.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ..calldata import Value
from .session import Session

SUMMED: Final = ("input_tokens", "output_tokens", "cost")  # of the attempts, where they tell it


@dataclass(slots=True)
class Counts:
    """What a connection has cost: the answer to GetStats."""

    requests: int = 0
    seconds: float = 0.0
    attempts: int = 0
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMMED, 0))

    def value(self) -> dict[str, Value]:
        """As the deployed modules tell it, and what the attempts add up to."""
        scripting = {"requests_count": self.requests, "requests_time": round(self.seconds * 1_000_000)}
        return {"scripting": scripting, "attempts": {"count": self.attempts, **self.sums}}

    def add(self, session: Session, seconds: float) -> None:
        """Count a request."""
        self.requests += 1
        self.seconds += seconds
        self.attempts += len(session.attempts)
        for attempt in session.attempts:
            for name in SUMMED:
                value = attempt.get(name)
                self.sums[name] += value if isinstance(value, int) else 0
