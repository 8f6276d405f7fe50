"""The entries of sections: types, imports, globals, exports, data, bodies (WebAssembly core 3.0, 5.5).

Each `read_*` takes one entry from a cursor; `WasmBinary.vector` applies it to a whole section.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from . import encode, opcodes
from .cursor import Cursor, WasmFormatError
from .instructions import walk
from .sections import SectionId, WasmBinary
from .value_types import read_value_type

FUNCTION_TYPE: Final = 0x60
HAS_MAXIMUM: Final = 1
LIMIT_FLAGS_MAX: Final = 7  # maximum, shared, 64 bits


class Kind(IntEnum):
    """What an import or export is."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


class FunctionType(NamedTuple):
    """A signature: each byte is a value type."""

    params: bytes
    results: bytes


class Limits(NamedTuple):
    """Bounds of a memory (in pages of 64 KiB) or a table (in elements)."""

    flags: int
    minimum: int
    maximum: int | None


class Import(NamedTuple):
    """An import. Its type stays as it was encoded, after the kind's byte."""

    module: str
    name: str
    kind: Kind
    type: bytes


@dataclass(frozen=True, slots=True)
class Export:
    """An export: a name for an index in the space of its kind."""

    name: str
    kind: Kind
    index: int


class Global(NamedTuple):
    """A defined global and the constant expression that it starts with, `end` included."""

    type: int
    mutable: bool
    start: bytes


class Data(NamedTuple):
    """A data segment: `data[start:end]` of the binary goes to `offset` of memory 0."""

    offset: bytes | None  # constant expression, `end` included; None: passive
    start: int
    end: int


class Body(NamedTuple):
    """Where a function's body lies, locals included, its size excluded."""

    start: int
    end: int


def read_function_type(cursor: Cursor) -> FunctionType:
    """Take a type that must be a function's."""
    start = cursor.pos
    if cursor.byte() != FUNCTION_TYPE:
        raise WasmFormatError(start, "a function type (no GC types)")
    return FunctionType(_value_types(cursor), _value_types(cursor))


def read_limits(cursor: Cursor) -> Limits:
    """Take the bounds of a memory or a table."""
    start = cursor.pos
    flags = cursor.byte()
    if flags > LIMIT_FLAGS_MAX:
        raise WasmFormatError(start, "limits flags")
    minimum = cursor.u32()
    return Limits(flags, minimum, cursor.u32() if flags & HAS_MAXIMUM else None)


def read_import(cursor: Cursor) -> Import:
    """Take an import."""
    module, name, kind, start = cursor.name(), cursor.name(), _kind(cursor), cursor.pos
    if kind is Kind.FUNCTION:
        cursor.u32()
    elif kind is Kind.TABLE:
        read_value_type(cursor)
        read_limits(cursor)
    elif kind is Kind.MEMORY:
        read_limits(cursor)
    elif kind is Kind.GLOBAL:
        read_value_type(cursor)
        _mutability(cursor)
    else:
        cursor.byte()
        cursor.u32()
    return Import(module, name, kind, cursor.data[start : cursor.pos])


def read_export(cursor: Cursor) -> Export:
    """Take an export."""
    return Export(cursor.name(), _kind(cursor), cursor.u32())


def read_global(cursor: Cursor) -> Global:
    """Take a global with its start value."""
    return Global(read_value_type(cursor), _mutability(cursor), read_expression(cursor))


def read_data(cursor: Cursor) -> Data:
    """Take a data segment without copying it."""
    start = cursor.pos
    mode = cursor.u32()
    if mode > 2 or (mode == 2 and cursor.u32() != 0):
        raise WasmFormatError(start, "a data segment of memory 0")
    offset = None if mode == 1 else read_expression(cursor)
    size = cursor.u32()
    begin = cursor.skip(size)
    return Data(offset, begin, begin + size)


def read_body(cursor: Cursor) -> Body:
    """Take a function body without looking into it."""
    size = cursor.u32()
    start = cursor.skip(size)
    return Body(start, start + size)


def read_expression(cursor: Cursor) -> bytes:
    """Take a constant expression: instructions up to the first `end`, without blocks."""
    start = cursor.pos
    for instruction in walk(cursor.data, start, cursor.end):
        if instruction.opcode == opcodes.END:
            cursor.pos = instruction.end
            return cursor.data[start : cursor.pos]
    raise WasmFormatError(start, "a constant expression")


def constant_i32(expression: bytes, offset: int) -> int:
    """Evaluate `i32.const n`, unsigned. Anything else is refused, blamed on `offset`."""
    cursor = Cursor(expression)
    if cursor.byte() == opcodes.I32_CONST:
        value = cursor.s32()
        if cursor.byte() == opcodes.END:
            return value & 0xFFFF_FFFF
    raise WasmFormatError(offset, "i32.const")


def imported_functions(binary: WasmBinary) -> int:
    """Count the imported functions: indices below this have no body."""
    return sum(item.kind is Kind.FUNCTION for item in binary.vector(SectionId.IMPORT, read_import))


def encode_export(export: Export) -> bytes:
    """Encode an export."""
    return encode.name(export.name) + bytes([export.kind]) + encode.unsigned(export.index)


def _kind(cursor: Cursor) -> Kind:
    start = cursor.pos
    number = cursor.byte()
    if number > max(Kind):
        raise WasmFormatError(start, "a kind of import or export")
    return Kind(number)


def _value_types(cursor: Cursor) -> bytes:
    return bytes([read_value_type(cursor) for _ in range(cursor.count())])


def _mutability(cursor: Cursor) -> bool:
    start = cursor.pos
    number = cursor.byte()
    if number > 1:
        raise WasmFormatError(start, "const or var")
    return number == 1
