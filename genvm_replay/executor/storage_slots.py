"""The slots of a contract that the executor itself knows: its code, its locks, its upgraders (spec/executor.md 5.6)."""

from __future__ import annotations

import hashlib
from typing import Final

from ..journal.events import StorageRead
from ..journal.run import Message
from .effects import Effects
from .genlayer_sdk.asking import ask_bytes

ROOT_SLOT: Final = bytes(32)
ADDRESS_SIZE: Final = 20


def indirection(slot: bytes, offset: int) -> bytes:
    """The slot that holds what offset `offset` of `slot` points to: SHA3-256 (spec/executor.md 5.6)."""
    return hashlib.sha3_256(slot + offset.to_bytes(4, "little")).digest()


CODE_SLOT: Final = indirection(ROOT_SLOT, 1)
LOCKED_SLOT: Final = indirection(ROOT_SLOT, 2)
UPGRADERS_SLOT: Final = indirection(ROOT_SLOT, 3)


def read_locked_slots(message: Message, effects: Effects) -> frozenset[bytes]:
    """The slots that this transaction may not write: none if its sender is an upgrader (spec/executor.md 5.6)."""
    address = message.contract_address
    for number in range(_read_count(address, UPGRADERS_SLOT, effects)):
        entry = StorageRead(0, address, UPGRADERS_SLOT, 4 + ADDRESS_SIZE * number, ADDRESS_SIZE)
        if ask_bytes(effects, entry, ADDRESS_SIZE) == message.sender_address:
            return frozenset()
    size = 32 * _read_count(address, LOCKED_SLOT, effects)
    slots = ask_bytes(effects, StorageRead(0, address, LOCKED_SLOT, 4, size), size)
    return frozenset(slots[at : at + 32] for at in range(0, size, 32))


def read_code(address: bytes, state: int, effects: Effects) -> bytes:
    """The contract's code; empty where there is no contract."""
    size = _read_count(address, CODE_SLOT, effects, state)
    return ask_bytes(effects, StorageRead(state, address, CODE_SLOT, 4, size), size)


def _read_count(address: bytes, slot: bytes, effects: Effects, state: int = 0) -> int:
    return int.from_bytes(ask_bytes(effects, StorageRead(state, address, slot, 0, 4), 4), "little")
