"""The account of calls: one global that every function of a module charges and gives back (spec/executor.md 8.2).

At most 1024 calls may be active, the entry function being the first, and all their frames together may have 65,535
value slots. A frame has as many as the function declares locals, parameters excluded, plus the maximum height of its
operand stack. Host functions are no calls in this sense.

The global holds what is left of both in one i32, each with a guard bit that only an overdraft sets:

    bit 31 guard | bits 17 to 30: calls left | bit 16 guard | bits 0 to 15: slots left

So one subtraction charges both and one test checks both. Charging at entry and giving back at the exits leaves loops as
they were. Before the code traps on purpose, the global says why: the host reads it after an `unreachable` trap.
"""

from __future__ import annotations

from typing import Final

from ..wasm_binary import encode
from ..wasm_binary.opcodes import END, I32_CONST
from ..wasm_binary.value_types import I32
from .language import BLOCK, GLOBAL_GET, GLOBAL_SET, IF, UNREACHABLE, VOID

CALLS_MAX: Final = 1024
SLOTS_MAX: Final = 0xFFFF
CALL_UNIT: Final = 1 << 17
FULL: Final = CALLS_MAX * CALL_UNIT + SLOTS_MAX
OVERDRAWN: Final = 1 << 31 | 1 << 16  # the guard bits
BANNED_FLOAT: Final = 1 << 30  # no account ever holds as much

I32_ADD: Final = 0x6A
I32_SUB: Final = 0x6B
I32_AND: Final = 0x71
MUTABLE: Final = 1


def stop_reason(account: int) -> str | None:
    """Read why rewritten code executed `unreachable`.

    Args:
        account: the global, signed or not.

    Returns:
        The name of the trap (spec/executor.md 2.4); None: the `unreachable` is the contract's own.
    """
    if account == BANNED_FLOAT:
        return "DeterministicMode"
    return "StackOverflow" if account & OVERDRAWN else None


class AccountCode:
    """The code that uses the account. All of it takes and leaves nothing, so it fits anywhere."""

    def __init__(self, index: int) -> None:
        """
        Args:
            index: of the global.
        """
        self._get = bytes([GLOBAL_GET]) + encode.unsigned(index)
        self._set = bytes([GLOBAL_SET]) + encode.unsigned(index)
        self.declaration = bytes([I32, MUTABLE]) + _constant(FULL) + bytes([END])
        self._if_overdrawn = _constant(OVERDRAWN) + bytes([I32_AND, IF, VOID])
        self._stop = bytes([UNREACHABLE, END])
        self.stop_float = bytes([BLOCK, VOID]) + _constant(BANNED_FLOAT) + self._set + self._stop
        """Traps. A block ends unreachable code, so that what follows is checked as if this were not there."""

    def charge(self, slots: int) -> bytes:
        """Enter a function: take a call and its slots, trap if that is too much."""
        return b"".join([self._less(slots), self._set, self._get, self._if_overdrawn, self._stop])

    def check(self, slots: int) -> bytes:
        """Enter a function that calls none: trap if there is not enough left, but take nothing."""
        failed = _constant(OVERDRAWN) + self._set
        return b"".join([self._less(slots), self._if_overdrawn, failed, self._stop])

    def give_back(self, slots: int) -> bytes:
        """Leave a function that charged."""
        return b"".join([self._get, _constant(CALL_UNIT + slots), bytes([I32_ADD]), self._set])

    def _less(self, slots: int) -> bytes:
        return b"".join([self._get, _constant(CALL_UNIT + slots), bytes([I32_SUB])])


def _constant(value: int) -> bytes:
    """`i32.const`, which takes a signed number."""
    return bytes([I32_CONST]) + encode.signed(value - (1 << 32) if value >> 31 else value)
