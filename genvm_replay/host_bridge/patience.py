"""How long a node waits for its executor: a rule about moments, without a clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds.

    Attributes:
        connect_s: until an executor connects.
        idle_s: between two requests; a contract may compute for long.
        transfer_s: for one whole request from its first byte to its last, and for sending one answer.
    """

    connect_s: float = 60.0
    idle_s: float = 3600.0
    transfer_s: float = 60.0

    def __post_init__(self) -> None:
        assert min(self.connect_s, self.idle_s, self.transfer_s) > 0


DEFAULT_TIMEOUTS: Final = Timeouts()


class Patience:
    """Bounds the wait for the next bytes, so that a byte now and then does not keep a session for ever."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._deadline_s: float | None = None  # for the last byte of the request that has begun

    def wait_s(self, now_s: float, request_begun: bool) -> float | None:
        """How long to wait at the moment `now_s` of any steady clock; None for the usual `idle_s`."""
        if not request_begun:
            self._deadline_s = None
            return None
        if self._deadline_s is None:
            self._deadline_s = now_s + self._timeouts.transfer_s
        return max(0.0, self._deadline_s - now_s)
