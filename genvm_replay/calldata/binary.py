"""The wire form of calldata: one encoding a value, strictly checked on reading (spec/executor.md 3.1).

Every value starts with a ULEB128 number whose low three bits are the type; the rest is the payload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..errors import ReplayError
from .types import ADDRESS_SIZE, Address, Value

SPECIAL, UNSIGNED, NEGATIVE, BYTES, STRING, ARRAY, MAP = range(7)
NULL: Final = b"\x00"
CONSTANTS: Final[dict[int, Value]] = {0: None, 1: False, 2: True}
ADDRESS_MARK: Final = 3
SIZE_MAX: Final = 0xFFFF_FFFF  # lengths and counts must fit 32 bits
DEPTH_MAX: Final = (
    128  # what later executors allow (spec/executor.md 3.1); v0.2.5 recurses until it falls over
)


class CalldataError(ReplayError):
    """The bytes are no calldata, or a value has no calldata form."""


def encode(value: Value) -> bytes:
    """Encode a value: shortest numbers, map keys in code-point order.

    Raises:
        CalldataError: the value (or one inside it) has no calldata form, or nests deeper than DEPTH_MAX.
    """
    out = bytearray()
    _write(out, value, DEPTH_MAX)
    return bytes(out)


def _head(out: bytearray, kind: int, payload: int) -> None:
    _uleb(out, payload << 3 | kind)


def _uleb(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _write(out: bytearray, value: Value, depth: int) -> None:
    if depth == 0:
        raise CalldataError(f"nested deeper than {DEPTH_MAX}")
    if value is None or isinstance(value, bool):
        out.append({None: 0x00, False: 0x08, True: 0x10}[value])
    elif isinstance(value, int):
        _head(out, UNSIGNED, value) if value >= 0 else _head(out, NEGATIVE, -1 - value)
    elif isinstance(value, Address):
        out.append(ADDRESS_MARK << 3)
        out += value.raw
    elif isinstance(value, (bytes, bytearray)):
        _head(out, BYTES, len(value))
        out += value
    elif isinstance(value, str):
        raw = _utf8(value)
        _head(out, STRING, len(raw))
        out += raw
    elif isinstance(value, Mapping):
        _write_map(out, value, depth)
    elif isinstance(value, Sequence):
        _head(out, ARRAY, len(value))
        for item in value:
            _write(out, item, depth - 1)
    else:
        raise CalldataError(f"{type(value).__name__} has no calldata form")


def _write_map(out: bytearray, value: Mapping[str, Value], depth: int) -> None:
    _head(out, MAP, len(value))
    for key in sorted(value):
        raw = _utf8(key)
        _uleb(out, len(raw))
        out += raw
        _write(out, value[key], depth - 1)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CalldataError(f"a string with a lone surrogate has no UTF-8: {text!r}") from error


def decode(data: bytes) -> Value:
    """Decode exactly one value.

    Raises:
        CalldataError: names the offset and what is wrong there; trailing bytes are an error too.
    """
    reader = _Reader(data)
    value = reader.value(DEPTH_MAX)
    if reader.at != len(data):
        raise CalldataError(f"{len(data) - reader.at} bytes after the value, at offset {reader.at}")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def uleb(self) -> int:
        start, number, shift = self.at, 0, 0
        while True:
            if self.at >= len(self.data):
                raise CalldataError(f"ends inside the number at offset {start}")
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if byte == 0 and shift > 7:
                    raise CalldataError(f"the number at offset {start} is not in its shortest form")
                return number

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise CalldataError(f"ends inside the {size} bytes at offset {self.at}")
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self, size: int) -> str:
        try:
            return self.take(size).decode()
        except UnicodeDecodeError as error:
            raise CalldataError(f"no UTF-8 in the string that ends at offset {self.at}") from error

    def value(self, depth: int) -> Value:
        if depth == 0:
            raise CalldataError(f"nested deeper than {DEPTH_MAX}")
        start = self.at
        head = self.uleb()
        kind, payload = head & 7, head >> 3
        if kind == SPECIAL:
            return self.special(payload, start)
        if kind == UNSIGNED:
            return payload
        if kind == NEGATIVE:
            return -1 - payload
        if kind > MAP or payload > SIZE_MAX:
            raise CalldataError(f"invalid head {head:#x} at offset {start}")
        if kind == BYTES:
            return self.take(payload)
        if kind == STRING:
            return self.text(payload)
        if kind == ARRAY:
            return [self.value(depth - 1) for _ in range(self.counted(payload))]
        return self.map(payload, depth)

    def special(self, payload: int, start: int) -> Value:
        if payload == ADDRESS_MARK:
            return Address(self.take(ADDRESS_SIZE))
        if payload not in CONSTANTS:
            raise CalldataError(f"unknown special {payload} at offset {start}")
        return CONSTANTS[payload]

    def counted(self, count: int) -> int:
        if count > len(self.data) - self.at:
            raise CalldataError(f"{count} items announced at offset {self.at}, more than bytes are left")
        return count

    def map(self, count: int, depth: int) -> dict[str, Value]:
        out: dict[str, Value] = {}
        last: str | None = None
        for _ in range(self.counted(count)):
            start = self.at
            size = self.uleb()
            key = self.text(size)
            if last is not None and key <= last:
                raise CalldataError(f"map key {key!r} at offset {start} is not above {last!r}")
            out[key] = self.value(depth - 1)
            last = key
        return out
