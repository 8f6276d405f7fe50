"""get_balance and get_self_balance (spec/executor.md 4.1)."""

from __future__ import annotations

from typing import Final

from ...calldata.types import ADDRESS_SIZE
from ...journal.events import GetBalance
from ..guest import Guest
from .asking import ask_bytes
from .errno import Errno

BALANCE_SIZE: Final = 32


def balance_of(guest: Guest, address: bytes) -> int:
    """The balance of an address: the host is asked once in a run, then the answer is kept (spec/executor.md 5.7)."""
    balances = guest.run.balances
    if address not in balances:
        raw = ask_bytes(guest.effects, GetBalance(address), BALANCE_SIZE)
        balances[address] = int.from_bytes(raw, "little")
    return balances[address]


def get_balance(guest: Guest, address_ptr: int, result_ptr: int) -> Errno:
    """Write an address's balance, 32 bytes little-endian. Any VM may ask."""
    address = guest.memory.read(address_ptr, ADDRESS_SIZE)
    guest.memory.span(result_ptr, BALANCE_SIZE)
    guest.memory.write(result_ptr, balance_of(guest, address).to_bytes(BALANCE_SIZE, "little"))
    return Errno.SUCCESS


def get_self_balance(guest: Guest, result_ptr: int) -> Errno:
    """Write the contract's own balance less what this VM has sent away (the latter in state mode 0 only)."""
    if not guest.rights.deterministic:
        return Errno.FORBIDDEN
    guest.memory.span(result_ptr, BALANCE_SIZE)
    spent = guest.value_spent if guest.rights.state == 0 else 0
    left = balance_of(guest, guest.message.contract_address) - spent
    guest.memory.write(result_ptr, left.to_bytes(BALANCE_SIZE, "little"))
    return Errno.SUCCESS
