"""Calldata bytes to Python values (sdk.md section 3.1)."""

import typing

from genlayer.py import calldata_native
from genlayer.py.types import Address
from genlayer.py.varint import DecodingError, read_uleb128

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

_SPECIALS: typing.Final[dict[int, bool | None]] = {0x00: None, 0x08: False, 0x10: True}
_ADDRESS: typing.Final = 0x18


def decode(buf: "Buffer", /, *, memview2bytes: "Callable[[memoryview], typing.Any]" = bytes) -> typing.Any:
    """Decode one value that fills `buf`.

    Args:
        buf: the calldata, any bytes-like object.
        memview2bytes: makes the object that stands for bytes from a view of `buf`.

    Raises:
        DecodingError: the data is cut short, not in its canonical form, or goes on after the value.
        UnicodeDecodeError: a string is not UTF-8.
    """
    data = buf if type(buf) is bytes else bytes(buf)
    if memview2bytes is bytes and (value := calldata_native.decode(data)) is not calldata_native.DECLINED:
        return value
    value, pos = _read(data, 0, None if memview2bytes is bytes else memview2bytes)
    if pos != len(data):
        raise DecodingError(f"{len(data) - pos} bytes follow the calldata value")
    return value


def _read(
    data: bytes, pos: int, as_bytes: "Callable[[memoryview], typing.Any] | None"
) -> tuple[typing.Any, int]:
    start = pos
    try:
        head = data[pos]
    except IndexError:
        raise DecodingError(f"calldata ends at byte {pos}, where a value should begin") from None
    if head < 0x80:
        pos += 1
    else:
        head, pos = read_uleb128(data, pos)
    number = head >> 3
    match head & 7:
        case 1:
            return number, pos
        case 2:
            return ~number, pos
        case 3:
            end = _end(data, pos, number)
            return data[pos:end] if as_bytes is None else as_bytes(memoryview(data)[pos:end]), end
        case 4:
            end = _end(data, pos, number)
            return str(data[pos:end], "utf-8"), end
        case 5:
            items = []
            for _ in range(number):
                item, pos = _read(data, pos, as_bytes)
                items.append(item)
            return items, pos
        case 6:
            return _read_map(data, pos, number, as_bytes)
        case 0 if head in _SPECIALS:
            return _SPECIALS[head], pos
        case 0 if head == _ADDRESS:
            end = _end(data, pos, Address.SIZE)
            return Address(data[pos:end]), end
    raise DecodingError(f"no calldata value begins with the head {head:#x} at byte {start}")


def _read_map(
    data: bytes, pos: int, count: int, as_bytes: "Callable[[memoryview], typing.Any] | None"
) -> tuple[dict[str, typing.Any], int]:
    result: dict[str, typing.Any] = {}
    previous: str | None = None
    for _ in range(count):
        size, pos = read_uleb128(data, pos)
        end = _end(data, pos, size)
        key = str(data[pos:end], "utf-8")
        if previous is not None and key <= previous:
            raise DecodingError(
                f"map key {key!r} may not come after {previous!r}: keys are sorted and differ"
            )
        result[key], pos = _read(data, end, as_bytes)
        previous = key
    return result, pos


def _end(data: bytes, pos: int, size: int) -> int:
    end = pos + size
    if end > len(data):
        raise DecodingError(f"calldata ends at byte {len(data)}, {end - len(data)} bytes early")
    return end
