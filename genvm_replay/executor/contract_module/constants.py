"""Constant expressions of contracts are one instruction: no engine flag forbids longer ones (spec/executor.md 8.3)."""

from __future__ import annotations

from typing import Final

from ..wasm_binary.cursor import Cursor
from ..wasm_binary.entries import read_data, read_expression, read_global
from ..wasm_binary.instructions import walk
from ..wasm_binary.sections import SectionId, WasmBinary
from ..wasm_binary.value_types import read_value_type
from .invalid import InvalidContractModule

PASSIVE_OR_DECLARED: Final = 1
"""Bits of an element segment's first number (WebAssembly core 3.0, 5.5.12)."""
EXPLICIT: Final = 2
EXPRESSIONS: Final = 4
SEGMENT_FLAGS_MAX: Final = 7


def check_constants(binary: WasmBinary) -> None:
    """Check the start values of globals and the offsets of segments.

    Raises:
        InvalidContractModule: one has more than one instruction.
    """
    for section, read in (
        (SectionId.GLOBAL, lambda cursor: read_global(cursor).start),
        (SectionId.ELEMENT, read_element_offset),
        (SectionId.DATA, lambda cursor: read_data(cursor).offset),
    ):
        found = binary.find(section)
        offset = found.start if found else 0
        for expression in binary.vector(section, read):
            if expression is not None and len(list(walk(expression, 0, len(expression)))) > 2:
                raise InvalidContractModule(offset, f"a constant of several instructions, {section.name}")


def read_element_offset(cursor: Cursor) -> bytes | None:
    """Step over an element segment; gives where it goes, as a constant expression, if it goes anywhere."""
    start = cursor.pos
    flags = cursor.u32()
    if flags > SEGMENT_FLAGS_MAX:
        raise InvalidContractModule(start, "an element segment of an unknown kind")
    offset = None
    if not flags & PASSIVE_OR_DECLARED:
        if flags & EXPLICIT:
            cursor.u32()
        offset = read_expression(cursor)
    if flags & (PASSIVE_OR_DECLARED | EXPLICIT):
        if flags & EXPRESSIONS:
            read_value_type(cursor)
        else:
            cursor.byte()
    item = read_expression if flags & EXPRESSIONS else Cursor.u32
    for _ in range(cursor.count()):
        item(cursor)
    return offset
