"""Reading the payload of a message: exact fields and types; anything else refuses it (spec/executor.md 3.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ....calldata import Address, Value
from ....calldata.types import ADDRESS_SIZE
from ..errno import Errno

U256_MAX: Final = 2**256 - 1
HEX_NUMBER: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
DURATION: Final = re.compile(r"(\d{1,18})(s|ms)")

Reader = Callable[[Value], Any]


class Refused(Exception):
    """The message is answered with this errno and has no effect."""

    def __init__(self, errno: Errno = Errno.INVAL) -> None:
        super().__init__(errno.name)
        self.errno = errno


def fields(payload: Value, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Read a map with exactly these fields."""
    if not isinstance(payload, Mapping) or payload.keys() != readers.keys():
        raise Refused
    return {name: read(payload[name]) for name, read in readers.items()}


def record(
    payload: Value, readers: Mapping[str, Reader], defaults: Mapping[str, Any], *, array: bool = True
) -> dict[str, Any]:
    """Read a map that may have other keys too, or, if `array`, the fields in order.

    Args:
        defaults: values of fields that may be missing.
    """
    if array and isinstance(payload, Sequence) and not isinstance(payload, (str, bytes)):
        if len(payload) != len(readers):
            raise Refused
        payload = dict(zip(readers, payload, strict=True))
    if not isinstance(payload, Mapping) or readers.keys() - payload.keys() - defaults.keys():
        raise Refused
    return {
        name: read(payload[name]) if name in payload else defaults[name] for name, read in readers.items()
    }


def _checked(kind: type, *, also: type | None = None) -> Reader:
    def read(value: Value) -> Any:
        if not isinstance(value, kind) or (also is not None and isinstance(value, also)):
            raise Refused
        return value

    return read


text: Final[Reader] = _checked(str)
raw: Final[Reader] = _checked(bytes)
flag: Final[Reader] = _checked(bool)


def anything(value: Value) -> Value:
    """Any calldata."""
    return value


def small(maximum: int) -> Reader:
    """An integer from 0 to `maximum`."""

    def read(value: Value) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
            raise Refused
        return value

    return read


def u256(value: Value) -> int:
    """An integer of 256 bits; `0x...` text is accepted too, as the deployed reader does."""
    if isinstance(value, str):
        if not HEX_NUMBER.fullmatch(value):
            raise Refused
        return int(value, 16)
    return small(U256_MAX)(value)  # type: ignore[no-any-return]


def address(value: Value) -> bytes:
    """An address; an array of 20 bytes is accepted too, as the deployed reader does."""
    if isinstance(value, Address):
        return value.raw
    if isinstance(value, list) and len(value) == ADDRESS_SIZE:
        return bytes(small(255)(byte) for byte in value)
    raise Refused


def word(*allowed: str) -> Reader:
    """One of these words."""

    def read(value: Value) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise Refused
        return value

    return read


def listed(read: Reader) -> Reader:
    """A list of such values."""

    def read_all(value: Value) -> list[Any]:
        if not isinstance(value, list):
            raise Refused
        return [read(item) for item in value]

    return read_all


def mapped(read: Reader) -> Reader:
    """A map to such values."""

    def read_all(value: Value) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Refused
        return {key: read(item) for key, item in value.items()}

    return read_all


def optional(read: Reader) -> Reader:
    """Such a value, or null."""

    def read_one(value: Value) -> Any:
        return None if value is None else read(value)

    return read_one


def duration(value: Value) -> str:
    """`10s` or `250ms`; null is none."""
    if not isinstance(value, str) or not DURATION.fullmatch(value):
        raise Refused
    return value
