"""The instructions of contracts as one table: opcode -> stack effect (spec/executor.md 8.3).

What is not here is not in the language and gets a module refused, saturating conversions too, for which the engine has
no flag. The instructions that programs use most stand first: patterns made from the table try them in its order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from ..wasm_binary.opcodes import CALL, END, NUMERIC, RETURN_CALL

UNREACHABLE: Final = 0x00
BLOCK: Final = 0x02
LOOP: Final = 0x03
IF: Final = 0x04
ELSE: Final = 0x05
BRANCH: Final = 0x0C
BRANCH_IF: Final = 0x0D
RETURN: Final = 0x0F
CALL_INDIRECT: Final = 0x11
RETURN_CALL_INDIRECT: Final = 0x13
GLOBAL_GET: Final = 0x23
GLOBAL_SET: Final = 0x24
VOID: Final = 0x40

CONTROL: Final = (END, CALL, BLOCK, LOOP, IF, ELSE, CALL_INDIRECT)  # without jumps
TAIL_CALLS: Final = (RETURN_CALL, RETURN_CALL_INDIRECT)
JUMPS: Final = (BRANCH, RETURN, UNREACHABLE, *TAIL_CALLS)  # never go on; besides br_table

_ROWS: Final[list[tuple[tuple[int, int], Collection[int]]]] = [
    ((0, 1), [0x20, 0x41, GLOBAL_GET, 0x42, 0x43, 0x44, 0x3F]),  # local.get, const, memory.size
    ((1, 0), [0x21, BRANCH_IF, 0x1A, GLOBAL_SET]),  # local.set, drop
    ((1, 1), [0x22, *range(0x28, 0x36), 0x45, 0x50, 0x40]),  # local.tee, loads, eqz, memory.grow
    ((2, 1), [*range(0x6A, 0x79), *range(0x46, 0x50), *range(0x51, 0x5B), *range(0x7C, 0x8B)]),  # integers
    ((2, 0), range(0x36, 0x3F)),  # stores
    ((3, 1), [0x1B]),  # select
    ((1, 1), [*range(0x67, 0x6A), *range(0x79, 0x7C)]),  # clz, ctz, popcnt
    ((1, 1), range(0xA7, 0xC5)),  # conversions, reinterpretations, sign extensions
    ((2, 1), [*range(0x5B, 0x67), *range(0x92, 0x99), *range(0xA0, 0xA7)]),  # floats: compare, calculate
    ((1, 1), [*range(0x8B, 0x92), *range(0x99, 0xA0)]),  # floats: abs to sqrt
    ((0, 0), [0x01]),  # nop
    ((3, 0), [NUMERIC + number for number in (8, 10, 11, 12, 14)]),  # init, copy, fill
    ((0, 0), [NUMERIC + number for number in (9, 13)]),  # data.drop, elem.drop
]
EFFECTS: Final[Mapping[int, tuple[int, int]]] = {
    opcode: effect for effect, opcodes in _ROWS for opcode in opcodes
}
"""Opcode -> operands taken, results left."""

FLOAT_ARITHMETIC: Final = frozenset(
    [
        *range(0x5B, 0x67),  # comparisons
        *range(0x8B, 0xA7),  # abs to copysign
        *range(0xA8, 0xAC),  # float to i32
        *range(0xAE, 0xB2),  # float to i64
        *range(0xB2, 0xBC),  # integer to float, promote, demote
    ]
)
"""Floats may be moved, loaded, stored and reinterpreted; these compute, and trap in the deterministic mode."""
