"""The types of values, all of one byte (WebAssembly core 3.0, 5.3.1 to 5.3.5).

References to defined types (0x63, 0x64) belong to the GC language, which neither the code module nor
contracts may use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .cursor import Cursor, WasmFormatError

I32: Final = 0x7F
I64: Final = 0x7E
F32: Final = 0x7D
F64: Final = 0x7C
VALUE_TYPES: Final[Mapping[int, str]] = {
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
    0x69: "exnref",
}


def read_value_type(cursor: Cursor) -> int:
    """Take the type of a value."""
    start = cursor.pos
    number = cursor.byte()
    if number not in VALUE_TYPES:
        raise WasmFormatError(start, f"a value type, not {number:#04x}")
    return number
