"""The instructions as one table: opcode -> shape of its immediates (WebAssembly core 3.0, 5.4).

The table becomes regular expressions, because Python's `re` runs at C speed. Possessive quantifiers keep
the matching linear. Numbers in LEB128 may be padded, so their patterns take the longer forms too.

An opcode is one number: the byte itself, or `prefix << 16 | number` after the prefixes 0xFC and 0xFD.
Threads (0xFE), GC (0xFB) and the legacy exceptions are not in the table: no code of ours may use them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

END: Final = 0x0B
BRANCH_TABLE: Final = 0x0E
CALL: Final = 0x10
RETURN_CALL: Final = 0x12
TYPED_SELECT: Final = 0x1C
TRY_TABLE: Final = 0x1F
I32_CONST: Final = 0x41
REF_FUNC: Final = 0xD2
PREFIX_MIN: Final = 0xFC  # no plain opcode is this or above
NUMERIC: Final = 0xFC << 16  # saturating truncation and bulk memory
VECTOR: Final = 0xFD << 16  # SIMD
COUNTED: Final = frozenset(
    {BRANCH_TABLE, TYPED_SELECT, TRY_TABLE}
)  # immediates with a count: no regular expression

_LEB32: Final = rb"(?:[\x80-\xff]{0,4}+[\x00-\x7f])"
_LEB64: Final = rb"(?:[\x80-\xff]{0,9}+[\x00-\x7f])"
_LEB32_REST: Final = rb"[\x80-\xff]{0,3}+[\x00-\x7f]"
# Alignment, then offset; bit 6 of the alignment announces the index of a memory in between.
_ALIGNMENT: Final = rb"[\x00-\x3f]|[\x80-\xbf]" + _LEB32_REST
_ALIGNMENT_AND_MEMORY: Final = rb"(?:[\x40-\x7f]|[\xc0-\xff]" + _LEB32_REST + rb")" + _LEB32
_MEMORY: Final = rb"(?:(?:" + _ALIGNMENT + rb"|" + _ALIGNMENT_AND_MEMORY + rb")" + _LEB64 + rb")"

# Shape of the immediates -> their pattern.
SHAPES: Final[Mapping[str, bytes]] = {
    "": b"",
    "index": _LEB32,
    "two indices": _LEB32 + _LEB32,
    "i32": _LEB32,
    "i64": _LEB64,
    "4 bytes": rb"[\x00-\xff]{4}",
    "8 bytes": rb"[\x00-\xff]{8}",
    "16 bytes": rb"[\x00-\xff]{16}",
    "lane": rb"[\x00-\xff]",
    "memory": _MEMORY,
    "memory lane": _MEMORY + rb"[\x00-\xff]",
    # A value type or the index of a type; 0x63 and 0x64 begin a GC type.
    "block": rb"(?:[\x00-\x62\x65-\x7f]|[\x80-\xff]{1,4}+[\x00-\x7f])",
}
_TABLE: Final[list[tuple[str, Collection[int]]]] = [
    ("", [0x00, 0x01, 0x05, 0x0A, END, 0x0F, 0x1A, 0x1B, 0xD1]),
    ("block", [0x02, 0x03, 0x04]),
    ("index", [0x08, 0x0C, 0x0D, CALL, RETURN_CALL, 0x14, 0x15, 0xD0, REF_FUNC, 0xD4, 0xD5, 0xD6]),
    ("two indices", [0x11, 0x13]),
    ("index", range(0x20, 0x27)),
    ("memory", range(0x28, 0x3F)),
    ("index", [0x3F, 0x40]),
    ("i32", [I32_CONST]),
    ("i64", [0x42]),
    ("4 bytes", [0x43]),
    ("8 bytes", [0x44]),
    ("", range(0x45, 0xC5)),
    ("", range(NUMERIC, NUMERIC + 8)),
    ("two indices", [NUMERIC + number for number in (8, 10, 12, 14)]),
    ("index", [NUMERIC + number for number in (9, 11, 13, 15, 16, 17)]),
    ("memory", [*range(VECTOR, VECTOR + 12), VECTOR + 92, VECTOR + 93]),
    ("16 bytes", [VECTOR + 12, VECTOR + 13]),
    ("", range(VECTOR + 14, VECTOR + 21)),
    ("lane", range(VECTOR + 21, VECTOR + 35)),
    ("", range(VECTOR + 35, VECTOR + 84)),
    ("memory lane", range(VECTOR + 84, VECTOR + 92)),
    ("", range(VECTOR + 94, VECTOR + 276)),
]
IMMEDIATES: Final[Mapping[int, str]] = {opcode: shape for shape, opcodes in _TABLE for opcode in opcodes}


def pattern(opcodes: Iterable[int]) -> bytes:
    """Write a regular expression for one instruction with any of these opcodes, all of IMMEDIATES."""
    plain: dict[str, list[int]] = {}
    prefixed: dict[int, dict[str, list[int]]] = {}
    for opcode in opcodes:
        groups = prefixed.setdefault(opcode >> 16, {}) if opcode > 0xFF else plain
        groups.setdefault(IMMEDIATES[opcode], []).append(opcode & 0xFFFF)
    options = [_any_byte(numbers) + SHAPES[shape] for shape, numbers in plain.items()]
    for prefix, groups in prefixed.items():
        inner = [_any_number(numbers) + SHAPES[shape] for shape, numbers in groups.items()]
        options.append(_any_byte([prefix]) + _any_of(inner))
    return _any_of(options)


def _any_number(numbers: Collection[int]) -> bytes:
    """Any of some numbers below 2**14 in LEB128, up to 5 bytes."""
    options = [_any_byte([number for number in numbers if number < 0x80])]
    by_high: dict[int, list[int]] = {}
    for number in numbers:
        by_high.setdefault(number >> 7, []).append(number & 0x7F | 0x80)
    for high, lows in by_high.items():
        padded = _any_byte([high | 0x80]) + rb"\x80{0,2}+\x00"
        options.append(_any_byte(lows) + _any_of([_any_byte([high]), padded]))
    return _any_of(options)


def _any_byte(numbers: Collection[int]) -> bytes:
    if not numbers:
        return rb"(?!)"
    return b"[" + b"".join(b"\\x%02x" % number for number in numbers) + b"]"


def _any_of(options: Collection[bytes]) -> bytes:
    return b"(?:" + b"|".join(options or [rb"(?!)"]) + b")"
