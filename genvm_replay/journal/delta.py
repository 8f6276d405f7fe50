"""The local node state as plain values: what a run changed, and what it must still find unchanged when it is committed.

Only the local host (a node without a network, in our database) has such a state; see `state.py` for its
tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from genvm_replay.errors import JournalError

PAGE_BYTES: Final = 4096
SLOT_BYTES: Final = 32


class PageKey(NamedTuple):
    """Where a page of contract storage lies."""

    address: bytes  # 20 bytes
    slot: bytes  # 32 bytes
    page: int  # offset in the slot, in pages of PAGE_BYTES


class Account(NamedTuple):
    """Balance and nonce of an address; an unknown address has `Account(0, 0)`."""

    balance: int  # u256
    nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDelta:
    """What one run changes, all or nothing. A contract whose pages change is deployed if it was not yet."""

    pages: Mapping[PageKey, bytes] = field(default_factory=dict)  # whole pages; shorter ones end in zeros
    deployed: tuple[bytes, ...] = ()  # contracts to create even if they changed no page
    accounts: Mapping[bytes, Account] = field(default_factory=dict)  # new values

    def contracts(self) -> list[bytes]:
        """Addresses whose version this delta raises, sorted."""
        return sorted({key[0] for key in self.pages} | set(self.deployed))


class StateConflict(JournalError):
    """Another process changed the state that this run read; nothing was committed. Run the transaction again.

    Attributes:
        address: whose state it is.
        field: `version` of a contract, or `account`.
        expected: what the run had read.
        actual: what the database holds now.
    """

    def __init__(self, address: bytes, field: str, expected: object, actual: object) -> None:
        self.address = address
        self.field = field
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"0x{address.hex()}: {field} was {expected!r} when the run began and is {actual!r} now: another"
            " process changed it; run the transaction again"
        )
