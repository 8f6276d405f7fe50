"""Which field of a contract a byte of its storage belongs to, from the layout that the SDK tells (spec/sdk.md 2). Pure.

A layout is a tree of types; a container keeps its items in a slot that is derived from where it lies itself. So the
names are found by walking from the contract's slot along the bytes that runs have seen, never by guessing.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ..calldata import Address
from ..executor.storage_delta import StorageDelta
from ..executor.storage_slots import ROOT_SLOT, indirection

ITEMS_MAX: Final = 10_000  # of one container
SPANS_MAX: Final = 100_000  # values that are walked through
LINKS_BYTES: Final = 9  # of a map's node (spec/sdk.md 2.6)
COUNT_BYTES: Final = 4
OPEN_END: Final = 1 << 32
PAYLOADS: Final = ("str", "bytes", "bigint")
FLOATS: Final = {4: "<f", 8: "<d"}
NESTING_MAX: Final = 32


class TypeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One type of a layout; other types are named by their index."""

    kind: str
    name: str
    size: int
    signed: bool = False
    count: int = 0
    fields: list[tuple[str, int, int]] = []  # name, offset, type
    item: int | None = None
    key: int | None = None
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of one slot that have a name.

    Attributes:
        payload: of a type with a payload: slot and offset of its size, and the slot of the payload.
    """

    begin: int
    end: int
    name: str
    type: TypeRow
    payload: tuple[bytes, int, bytes] | None = None

    def value(self, known: Pieces, slot: bytes, part: bytes) -> Any:
        """What the field holds, of `known`; the bytes `part` where not all of it is known."""
        if self.payload is not None:
            owner, at, child = self.payload
            size = known.fetch(owner, at, COUNT_BYTES)
            raw = None if size is None else known.fetch(child, 0, int.from_bytes(size, "little"))
        elif self.end == OPEN_END:
            raw = None
        else:
            raw = known.fetch(slot, self.begin, self.end - self.begin)
        return part if raw is None else plain_value(self.type, raw)


class Pieces:
    """Bytes of storage that are known, to be asked for by place."""

    def __init__(self, delta: StorageDelta) -> None:
        self._runs: dict[bytes, list[tuple[int, bytes]]] = {}
        for slot, index, data in delta.runs():
            self._runs.setdefault(slot, []).append((index, data))

    def slots(self) -> set[bytes]:
        """Slots of which anything is known."""
        return set(self._runs)

    def edges(self, slot: bytes) -> Iterator[int]:
        """Where known bytes of a slot begin and end."""
        for index, data in self._runs.get(slot, ()):
            yield from (index, index + len(data))

    def first_in(self, slot: bytes, begin: int, end: int) -> bytes:
        """The first known bytes between two places of a slot; none where none is known."""
        runs = self._runs.get(slot, ())
        at = max(0, bisect_right(runs, begin, key=lambda run: run[0]) - 1)
        for index, data in runs[at : at + 2]:
            low, high = max(index, begin), min(index + len(data), end)
            if low < high:
                return data[low - index : high - index]
        return b""

    def fetch(self, slot: bytes, index: int, size: int) -> bytes | None:
        """Bytes of a slot; None where not all are known."""
        runs = self._runs.get(slot, ())
        at = bisect_right(runs, index, key=lambda run: run[0]) - 1
        if size == 0 or at < 0:
            return None if size else b""
        begin, data = runs[at]
        found = data[index - begin : index - begin + size]
        return found if len(found) == size else None

    def over(self, slot: bytes, index: int, data: bytes) -> bytes:
        """Bytes that lie at a place, with what is known put over them."""
        found = bytearray(data)
        for begin, known in self._runs.get(slot, ()):
            low, high = max(begin, index), min(begin + len(known), index + len(data))
            if low < high:
                found[low - index : high - index] = known[low - begin : high - begin]
        return bytes(found)


@dataclass(slots=True)
class FieldNames:
    """Spans with names, by slot."""

    spans: dict[bytes, list[Span]] = field(default_factory=dict)

    def edges(self, slot: bytes) -> Iterator[int]:
        """Where fields of a slot begin and end."""
        for span in self.spans.get(slot, ()):
            yield from (span.begin, span.end) if span.end != OPEN_END else (span.begin,)

    def span_at(self, slot: bytes, index: int) -> Span | None:
        """The field that a byte belongs to; None where that is not known."""
        spans = self.spans.get(slot, ())
        at = bisect_right(spans, index, key=lambda span: span.begin) - 1
        return spans[at] if at >= 0 and index < spans[at].end else None


NO_NAMES: Final = FieldNames()


def field_names(layout: list[TypeRow], *seen: Pieces) -> FieldNames:
    """Name every span of the contract's storage that can be reached over the bytes in `seen`."""
    walk = _Walk(layout, seen)
    if layout:
        walk.enter(layout[0], indirection(ROOT_SLOT, 0), 0, "", 0)
    for spans in walk.found.values():
        spans.sort(key=lambda span: span.begin)
    return FieldNames(walk.found)


def plain_value(kind: TypeRow, raw: bytes) -> Any:
    """The value of a plain type; its bytes where they have no other form."""
    match kind.kind:
        case "int" | "u32" | "bigint" | "numpyint":
            return int.from_bytes(raw, "little", signed=kind.signed or kind.kind == "bigint")
        case "bool":
            return any(raw)
        case "float" | "numpyfloat" if len(raw) in FLOATS:
            return struct.unpack(FLOATS[len(raw)], raw)[0]
        case "str":
            return raw.decode(errors="replace")
        case "address" if len(raw) == 20:
            return Address(raw).checksummed
        case _:
            return raw


U32: Final = TypeRow("u32", "u32", COUNT_BYTES)
LINKS: Final = TypeRow("links", "links of the tree", LINKS_BYTES)


class _Walk:
    """Goes down a layout, from slot to slot."""

    def __init__(self, layout: list[TypeRow], seen: tuple[Pieces, ...]) -> None:
        self.found: dict[bytes, list[Span]] = {}
        self._layout = layout
        self._seen = seen
        self._slots = {slot for pieces in seen for slot in pieces.slots()}
        self._count = 0

    def enter(self, kind: TypeRow, slot: bytes, at: int, name: str, depth: int) -> None:
        """Name a value of a type that lies at byte `at` of a slot."""
        self._count += 1
        if depth > NESTING_MAX or self._count > SPANS_MAX:
            return
        if kind.kind == "record":
            for member, offset, number in kind.fields:
                inner = f"{name}.{member}" if name else member
                self.enter(self._layout[number], slot, at + offset, inner, depth + 1)
        elif kind.kind == "array" and kind.item is not None:
            item = self._layout[kind.item]
            for number in range(min(kind.count, ITEMS_MAX)):
                self.enter(item, slot, at + number * item.size, f"{name}[{number}]", depth + 1)
        elif kind.kind == "dynarray" and kind.item is not None:
            self._add(slot, at, COUNT_BYTES, f"len({name})", U32)
            self._items(kind, slot, at, name, depth)
        elif kind.kind == "treemap" and kind.key is not None and kind.value is not None:
            self._map(kind, slot, at, name, depth)
        elif kind.kind in PAYLOADS:
            payload = slot, at, indirection(slot, at)
            self._add(slot, at, COUNT_BYTES, name, kind, payload)
            self._add(payload[2], 0, 0, name, kind, payload)
        else:
            self._add(slot, at, kind.size, name, kind)

    def _items(self, kind: TypeRow, slot: bytes, at: int, name: str, depth: int) -> None:
        assert kind.item is not None
        item, child = self._layout[kind.item], indirection(slot, at)
        for number in range(self._items_in(child, item.size, self._count_at(slot, at))):
            self.enter(item, child, number * item.size, f"{name}[{number}]", depth + 1)

    def _map(self, kind: TypeRow, slot: bytes, at: int, name: str, depth: int) -> None:
        assert kind.key is not None
        assert kind.value is not None
        key, value = self._layout[kind.key], self._layout[kind.value]
        size, child = key.size + value.size + LINKS_BYTES, indirection(slot, at + 4)
        self._add(slot, at, 4, f"root of {name}", U32)
        self._add(slot, at + 4, 4, f"nodes of {name}", U32)
        self._add(slot, at + 8, 4, f"free nodes of {name}", U32)
        self._add(indirection(slot, at + 8), 0, 0, f"free nodes of {name}", LINKS)
        for number in range(self._items_in(child, size, self._count_at(slot, at + 4))):
            begin = number * size
            entry = f"{name}[{self._key_text(key, child, begin) or f'node {number}'}]"
            self.enter(key, child, begin, f"key of {entry}", depth + 1)
            self.enter(value, child, begin + key.size, entry, depth + 1)
            self._add(child, begin + key.size + value.size, LINKS_BYTES, f"links of {entry}", LINKS)

    def _key_text(self, key: TypeRow, slot: bytes, at: int) -> str:
        if key.kind in PAYLOADS:
            raw = self._fetch(indirection(slot, at), 0, self._count_at(slot, at))
        else:
            raw = self._fetch(slot, at, key.size)
        return "" if raw is None or key.kind == "record" else repr(plain_value(key, raw))

    def _add(
        self,
        slot: bytes,
        at: int,
        size: int,
        name: str,
        kind: TypeRow,
        payload: tuple[bytes, int, bytes] | None = None,
    ) -> None:
        """Name `size` bytes; 0: the rest of the slot."""
        if slot in self._slots:
            end = at + size if size else OPEN_END
            self.found.setdefault(slot, []).append(Span(at, end, name, kind, payload))

    def _fetch(self, slot: bytes, at: int, size: int) -> bytes | None:
        found = (pieces.fetch(slot, at, size) for pieces in self._seen)
        return next((raw for raw in found if raw is not None), None)

    def _count_at(self, slot: bytes, at: int) -> int:
        """The largest u32 that was seen at a place."""
        found = (pieces.fetch(slot, at, COUNT_BYTES) for pieces in self._seen)
        return max((int.from_bytes(raw, "little") for raw in found if raw is not None), default=0)

    def _items_in(self, slot: bytes, size: int, count: int) -> int:
        """How many items to name: those that are counted, and those of which bytes were seen."""
        ends = [edge for pieces in self._seen for edge in pieces.edges(slot)]
        seen = -(-max(ends, default=0) // size) if size else 0
        return min(max(count, seen), ITEMS_MAX)
