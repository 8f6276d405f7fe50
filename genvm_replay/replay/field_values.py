"""Where a field of a contract lies, by its name in the source, and which bytes a value of it is (spec/sdk.md 2). Pure.

The reverse of `field_names`: a name such as `entries['alice'].tags[1]` is followed down the layout. An entry of a map
lies where its node does, which only the stored bytes tell; everything else follows from the layout alone.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..calldata import Address
from ..errors import UsageError
from ..executor.storage_slots import ROOT_SLOT, indirection
from .field_names import (
    COUNT_BYTES,
    FLOATS,
    ITEMS_MAX,
    LINKS_BYTES,
    NESTING_MAX,
    PAYLOADS,
    TypeRow,
    plain_value,
)

NAME: Final = r"[^\W\d]\w*"
KEY: Final = r"""-?\d+|b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|True|False"""
STEP: Final = re.compile(rf"\.?(?P<name>{NAME})|\[(?P<key>{KEY})\]")
PATH: Final = re.compile(rf"{NAME}(?:\.{NAME}|\[(?:{KEY})\])*")
DATETIME: Final = struct.Struct("<QI?iii")
NAMES_SHOWN_MAX: Final = 12
KEY_BYTES_MAX: Final = 1 << 16  # of a map's key that is compared
Stretch = tuple[bytes, int, bytes]  # slot, offset, bytes
Fetch = Callable[[bytes, int, int], bytes | None]  # slot, offset, size -> what lies there, if it is known


class Place(NamedTuple):
    """Where a value lies, and what it is."""

    type: TypeRow
    slot: bytes
    at: int


def place_of(layout: Sequence[TypeRow], name: str, fetch: Fetch) -> Place:
    """Follow a name down the layout.

    Args:
        fetch: gives stored bytes; needed for the keys of maps only.

    Raises:
        UsageError: there is no such field, or it is not known where it lies.
    """
    if not layout:
        raise UsageError(f"{name}: the layout of this contract is not known; give SLOT:OFFSET=HEX instead")
    found, said = Place(layout[0], indirection(ROOT_SLOT, 0), 0), ""
    if not PATH.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a field, such as total or entries['alice'].tags[1]")
    for step in STEP.finditer(name):
        key = None if step["key"] is None else _key(step["key"])
        found = _step(layout, found, step["name"], key, said, fetch)
        said += step[0]
    return found


def _key(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"[{text[:40]}] is no key: {str(error)[:80]}") from error


def _step(
    layout: Sequence[TypeRow], place: Place, name: str | None, key: Any, said: str, fetch: Fetch
) -> Place:
    kind, slot, at = place
    if name is not None:
        for member, offset, number in kind.fields:
            if member == name:
                return Place(layout[number], slot, at + offset)
        there = ", ".join(member for member, _, _ in kind.fields[:NAMES_SHOWN_MAX]) or "none"
        raise UsageError(f"{said or 'the contract'} has no field {name}; its fields: {there}")
    if kind.kind == "treemap" and kind.key is not None and kind.value is not None:
        return _entry(layout, place, key, said, fetch)
    if kind.item is None or not isinstance(key, int) or isinstance(key, bool):
        raise UsageError(f"{said} is a {kind.name}: it has no item [{key!r}]")
    count = kind.count if kind.kind == "array" else ITEMS_MAX
    if not 0 <= key < count:
        raise UsageError(f"{said} has items [0] to [{count - 1}], not [{key}]")
    item = layout[kind.item]
    if kind.kind == "array":
        return Place(item, slot, at + key * item.size)
    return Place(item, indirection(slot, at), key * item.size)


def _entry(layout: Sequence[TypeRow], place: Place, key: Any, said: str, fetch: Fetch) -> Place:
    """The value of a map's entry: nodes lie in the order in which they were made, so their keys are looked at."""
    assert place.type.key is not None
    assert place.type.value is not None
    keys, value = layout[place.type.key], layout[place.type.value]
    nodes, size = indirection(place.slot, place.at + 4), keys.size + value.size + LINKS_BYTES
    wanted = Address.parse(key).checksummed if keys.kind == "address" and isinstance(key, str) else key
    for number in range(ITEMS_MAX):  # a run seldom reads how many there are
        raw = _held(keys, nodes, number * size, fetch)
        if raw is not None and plain_value(keys, raw) == wanted:
            return Place(value, nodes, number * size + keys.size)
    raise UsageError(
        f"{said}: the record does not show an entry [{key!r}] before the run; "
        "of a map, only what it has read has a name, SLOT:OFFSET=HEX reaches the rest"
    )


def _held(kind: TypeRow, slot: bytes, at: int, fetch: Fetch) -> bytes | None:
    """The bytes of a stored value, without the size of a payload; None where not all are known."""
    head = fetch(slot, at, kind.size)
    if head is None or kind.kind not in PAYLOADS:
        return head
    size = int.from_bytes(head, "little")
    if size > KEY_BYTES_MAX:
        return None
    return fetch(indirection(slot, at), 0, size) if size else b""


def stretches(
    layout: Sequence[TypeRow], place: Place, value: Any, name: str, depth: int = 0
) -> Iterator[Stretch]:
    """The bytes that a value is at a place, as the SDK writes them.

    Args:
        value: as of JSON, with addresses and bytes; of a record any of its fields; a map can only be emptied, by `{}`.
        name: of the field, for errors.

    Raises:
        UsageError: the type has no such value.
    """
    kind, slot, at = place
    if depth > NESTING_MAX:
        raise UsageError(f"{name}: nested too deeply")
    if kind.kind == "record" and isinstance(value, Mapping):
        for member, inner in value.items():
            there = _step(layout, place, str(member), None, name, _nothing)
            yield from stretches(layout, there, inner, f"{name}.{member}", depth + 1)
    elif (
        kind.kind in ("array", "dynarray")
        and isinstance(value, Sequence)
        and not isinstance(value, str | bytes)
    ):
        if kind.kind == "array" and len(value) != kind.count:
            raise UsageError(f"{name} has {kind.count} items, not {len(value)}")
        if kind.kind == "dynarray":
            yield slot, at, len(value).to_bytes(COUNT_BYTES, "little")
        for number, inner in enumerate(value):
            there = _step(layout, place, None, number, name, _nothing)
            yield from stretches(layout, there, inner, f"{name}[{number}]", depth + 1)
    elif kind.kind == "treemap" and value == {}:
        yield slot, at, bytes(kind.size)
    elif kind.kind in PAYLOADS:
        payload = _payload(kind, value, name)
        yield slot, at, len(payload).to_bytes(COUNT_BYTES, "little")
        if payload:
            yield indirection(slot, at), 0, payload
    elif kind.size:
        yield slot, at, _plain(kind, value, name)


def _nothing(_slot: bytes, _offset: int, _size: int) -> bytes | None:
    return None


def _payload(kind: TypeRow, value: Any, name: str) -> bytes:
    match kind.kind:
        case "str" if isinstance(value, str):
            return value.encode(errors="surrogatepass")
        case "bytes" if isinstance(value, bytes):
            return value
        case "bigint" if isinstance(value, int):
            return value.to_bytes(2 + (value.bit_length() + 7) // 8, "little", signed=True)
    raise _refusal(kind, value, name)


def _plain(kind: TypeRow, value: Any, name: str) -> bytes:
    """A value without a payload; bytes of the right size are taken for every type."""
    if isinstance(value, bytes) and len(value) == kind.size:
        return value
    try:
        match kind.kind:
            case "bool" if isinstance(value, bool):
                return bytes((value,))
            case "int" | "u32" | "numpyint" if isinstance(value, int) and not isinstance(value, bool):
                return value.to_bytes(kind.size, "little", signed=kind.signed)
            case "float" | "numpyfloat" if isinstance(value, int | float) and not isinstance(value, bool):
                return struct.pack(FLOATS[kind.size], value)
            case "address" if isinstance(value, str | Address):
                return Address.parse(str(value)).raw
            case "datetime" if isinstance(value, str):
                return _datetime(value)
    except (OverflowError, ValueError, struct.error) as error:
        raise UsageError(f"{name} is a {kind.name}: {error}") from error
    raise _refusal(kind, value, name)


def _datetime(text: str) -> bytes:
    moment = datetime.fromisoformat(text)
    zone = moment.utcoffset()
    seconds = int((moment if zone is not None else moment.replace(tzinfo=UTC)).timestamp())
    offset = (0, 0, 0) if zone is None else (zone.days, zone.seconds, zone.microseconds)
    return DATETIME.pack(seconds, moment.microsecond, zone is not None, *offset)


def _refusal(kind: TypeRow, value: Any, name: str) -> UsageError:
    shown = f"{type(value).__name__} {value!r:.60}"
    return UsageError(
        f'{name} is a {kind.name} ({kind.size} bytes): {shown} is none; {{"$bytes": HEX}} sets it as bytes'
    )
