"""How much either side of the host protocol takes in one piece. The protocol itself ends at 2**32-1 bytes a slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

U32_MAX: Final = 2**32 - 1
TOPICS_MAX: Final = 4  # of an event (spec/executor.md 4.2)
JSON_BYTES_MAX: Final = 256  # the longest one, of deploy_contract with two numbers of 64 digits, has 191
RECEIVE_BYTES: Final = 1 << 16  # how much is read from a socket at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes above these are refused: as a `PeerProtocolError` if announced, as a `LocalProtocolError` if sent.

    Attributes:
        slice_bytes_max: calldata, code, results, events and what an eth_call returns.
        storage_bytes_max: one storage read or write; contract code is read in one piece.
    """

    slice_bytes_max: int = 64 << 20
    storage_bytes_max: int = 64 << 20

    def __post_init__(self) -> None:
        assert 0 < self.slice_bytes_max <= U32_MAX
        assert 0 < self.storage_bytes_max <= U32_MAX


DEFAULT_LIMITS: Final = Limits()
