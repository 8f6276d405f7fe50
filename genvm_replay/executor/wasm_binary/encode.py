"""Write the building blocks of a WebAssembly binary (WebAssembly core 3.0, 5.1 to 5.2, 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HEADER: Final = b"\0asm\x01\0\0\0"


def unsigned(value: int) -> bytes:
    """Encode a number >= 0 in the shortest LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    """Encode a number in the shortest signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name(text: str) -> bytes:
    """Encode a name: its length in bytes, then UTF-8."""
    return sized(text.encode())


def sized(content: bytes) -> bytes:
    """Prefix bytes with their count, as names, function bodies and segments have it."""
    return unsigned(len(content)) + content


def vector(items: Sequence[bytes]) -> bytes:
    """Encode a vector of items that are encoded already."""
    return b"".join([unsigned(len(items)), *items])


def function_type(params: bytes, results: bytes) -> bytes:
    """Encode a function type; each byte of the arguments is a value type."""
    return b"\x60" + sized(params) + sized(results)


def section(section_id: int, content: bytes) -> bytes:
    """Encode a section with its header."""
    return b"".join([bytes([section_id]), unsigned(len(content)), content])
