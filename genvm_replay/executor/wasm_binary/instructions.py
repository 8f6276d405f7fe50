"""Instructions in sequence (WebAssembly core 3.0, 5.4).

`walk` takes one instruction a match; `Search` eats whole runs of uninteresting instructions in one match,
at about 50 MB/s. The few instructions with counted immediates stand between runs and are read by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from .cursor import Cursor, WasmFormatError
from .opcodes import BRANCH_TABLE, COUNTED, IMMEDIATES, PREFIX_MIN, SHAPES, TRY_TABLE, TYPED_SELECT, pattern
from .value_types import read_value_type

CATCH_WITH_TAG_MAX: Final = 1  # catch, catch_ref
CATCH_MAX: Final = 3  # catch_all, catch_all_ref

_one: Final = re.compile(pattern(IMMEDIATES), re.DOTALL).match
_block_type: Final = re.compile(SHAPES["block"], re.DOTALL).match


class Instruction(NamedTuple):
    """One instruction at `code[start:end]`; its immediates begin at `immediates`."""

    opcode: int
    start: int
    immediates: int
    end: int


def skip_locals(code: bytes, start: int, end: int) -> int:
    """Step over the locals that a function body begins with. Returns where its instructions begin."""
    cursor = Cursor(code, start, end)
    for _ in range(cursor.count()):
        cursor.u32()
        read_value_type(cursor)
    return cursor.pos


def walk(code: bytes, start: int, end: int) -> Iterator[Instruction]:
    """Yield every instruction of `code[start:end]`; what is inside a block follows the block.

    Raises:
        WasmFormatError: something there is no instruction of the table, or the last one is cut off. What was
            yielded before is right.
    """
    pos = start
    while pos < end:
        instruction = _take(code, pos, end)
        yield instruction
        pos = instruction.end


class Search:
    """Finds the instructions with some of the opcodes, fast. All others are skipped unseen."""

    def __init__(self, opcodes: Collection[int]) -> None:
        self._wanted = frozenset(opcodes)
        others = [opcode for opcode in IMMEDIATES if opcode not in self._wanted]
        self._skip = re.compile(pattern(others) + b"*+", re.DOTALL).match

    def __call__(self, code: bytes, start: int, end: int) -> Iterator[Instruction]:
        """Yield the wanted instructions of `code[start:end]`, in order. Raises as `walk` does."""
        pos = start
        while pos < end:
            skipped = self._skip(code, pos, end)
            assert skipped, "an empty run matches too"
            pos = skipped.end()
            if pos < end:
                instruction = _take(code, pos, end)
                if instruction.opcode in self._wanted:
                    yield instruction
                pos = instruction.end


def _take(code: bytes, pos: int, end: int) -> Instruction:
    found = _one(code, pos, end)
    if found is None:
        return _take_counted(code, pos, end)
    opcode = code[pos]
    immediates = pos + 1
    if opcode >= PREFIX_MIN:
        cursor = Cursor(code, immediates, end)
        opcode = opcode << 16 | cursor.u32()
        immediates = cursor.pos
    return Instruction(opcode, pos, immediates, found.end())


def _take_counted(code: bytes, pos: int, end: int) -> Instruction:
    cursor = Cursor(code, pos, end)
    opcode = cursor.byte()
    if opcode not in COUNTED:
        raise WasmFormatError(pos, f"an instruction, not {opcode:#04x}, or more of it")
    _COUNTED_READERS[opcode](cursor)
    return Instruction(opcode, pos, pos + 1, cursor.pos)


def _branch_table(cursor: Cursor) -> None:
    for _ in range(cursor.count() + 1):
        cursor.u32()


def _typed_select(cursor: Cursor) -> None:
    for _ in range(cursor.count()):
        read_value_type(cursor)


def _try_table(cursor: Cursor) -> None:
    block_type = _block_type(cursor.data, cursor.pos, cursor.end)
    if block_type is None:
        raise WasmFormatError(cursor.pos, "a block type")
    cursor.pos = block_type.end()
    for _ in range(cursor.count()):
        start = cursor.pos
        clause = cursor.byte()
        if clause > CATCH_MAX:
            raise WasmFormatError(start, "a catch clause")
        if clause <= CATCH_WITH_TAG_MAX:
            cursor.u32()
        cursor.u32()


_COUNTED_READERS: Final[Mapping[int, Callable[[Cursor], None]]] = {
    BRANCH_TABLE: _branch_table,
    TYPED_SELECT: _typed_select,
    TRY_TABLE: _try_table,
}
