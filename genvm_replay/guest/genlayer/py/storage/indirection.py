"""`Indirection` and `VLA`: the raw building blocks under the root record (sdk.md sections 2.2, 2.7)."""

import collections.abc
import typing

from genlayer.py.storage.descriptor import Descriptor
from genlayer.py.storage.scalars import IntDescriptor
from genlayer.py.storage.slot import Slot

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

T = typing.TypeVar("T")

_ITEMS_OFF: typing.Final = 4  # behind the u32 count


class Indirection(typing.Generic[T]):
    """A value in a slot of its own. One byte stands for it in line, which is never written."""

    __slots__ = ("_gl_desc", "_gl_off", "_gl_slot")

    _gl_slot: Slot
    _gl_off: int
    _gl_desc: "IndirectionDescriptor"

    def __init__(self) -> None:
        raise TypeError("an Indirection exists as a storage field only")

    def slot(self) -> Slot:
        """Give the slot that holds the value."""
        return self._gl_slot.indirect(self._gl_off)

    def get(self) -> T:
        """Read the value; of a container or record, give a live view."""
        value: T = self._gl_desc.item.get(self.slot(), 0)
        return value

    def set(self, value: T, /) -> None:
        """Write the value."""
        self._gl_desc.item.set(self.slot(), 0, value)


class VLA(collections.abc.Sequence[T], typing.Generic[T]):
    """Items of no fixed number, in line behind their u32 count. It takes up the rest of its slot."""

    __slots__ = ("_gl_desc", "_gl_off", "_gl_slot")

    _gl_slot: Slot
    _gl_off: int
    _gl_desc: "VLADescriptor"

    def __init__(self) -> None:
        raise TypeError("a VLA exists as a storage field only")

    def slot(self) -> Slot:
        """Give the slot that holds count and items."""
        return self._gl_slot

    def __len__(self) -> int:
        return self._gl_slot.read_u32(self._gl_off)

    def _place(self, index: int) -> int:
        count = len(self)
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(f"index out of range: the array has {count} items")
        return self._gl_off + _ITEMS_OFF + index * self._gl_desc.item.size

    def __getitem__(self, index: int, /) -> T:  # type: ignore[override]
        value: T = self._gl_desc.item.get(self._gl_slot, self._place(index))
        return value

    def __setitem__(self, index: int, value: T, /) -> None:
        self._gl_desc.item.set(self._gl_slot, self._place(index), value)

    def __iter__(self) -> "Iterator[T]":
        for position in range(len(self)):
            yield self[position]

    def append(self, value: T, /) -> None:
        """Put a value at the end: the item first, then the count."""
        count = len(self)
        item = self._gl_desc.item
        item.set(self._gl_slot, self._gl_off + _ITEMS_OFF + count * item.size, value)
        self._gl_slot.write_u32(self._gl_off, count + 1)

    def extend(self, values: "collections.abc.Iterable[T]", /) -> None:
        """Replace all items, in spite of its name; bytes go into a VLA[u8] at once."""
        item = self._gl_desc.item
        is_u8 = isinstance(item, IntDescriptor) and item.size == 1 and not item.signed
        if is_u8 and isinstance(values, bytes | bytearray | memoryview):
            raw = bytes(values)
            self._gl_slot.write_u32(self._gl_off, len(raw))
            self._gl_slot.write(self._gl_off + _ITEMS_OFF, raw)
            return
        kept = list(values)
        self.truncate()
        for value in kept:
            self.append(value)

    def truncate(self, to: int = 0, /) -> None:
        """Keep the first `to` items."""
        if to and to > len(self):
            raise ValueError(f"cannot truncate {len(self)} items to {to}")
        self._gl_slot.write_u32(self._gl_off, to)


class IndirectionDescriptor(Descriptor):
    """The value is at byte 0 of the child slot."""

    size = 1

    def __init__(self, item: Descriptor, name: str) -> None:
        self.item = item
        self.name = name

    def get(self, slot: Slot, off: int, /) -> Indirection[typing.Any]:
        """Give a view."""
        view: Indirection[typing.Any] = _view(Indirection, self, slot, off)
        return view

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        """Copy what another indirection holds."""
        assert isinstance(value, Indirection), f"{self.name}: use `.set(value)` on the field"
        assert value._gl_desc == self, self.why_not(value)
        self.copy(slot, off, value._gl_slot, value._gl_off)

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Copy the value between the child slots."""
        self.item.set(to.indirect(to_off), 0, self.item.get(source.indirect(off), 0))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IndirectionDescriptor):
            return NotImplemented
        return self.item == other.item

    __hash__ = object.__hash__


class VLADescriptor(Descriptor):
    """A u32 count, then the items, to the end of the slot."""

    size = 2**32 - 1

    def __init__(self, item: Descriptor, name: str) -> None:
        self.item = item
        self.name = name

    def get(self, slot: Slot, off: int, /) -> VLA[typing.Any]:
        """Give a view."""
        view: VLA[typing.Any] = _view(VLA, self, slot, off)
        return view

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        """Replace the items by those of any iterable."""
        view = self.get(slot, off)
        view.truncate()
        view.extend(value)

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Replace the items by those of another VLA."""
        self.set(to, to_off, self.get(source, off))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VLADescriptor):
            return NotImplemented
        return self.item == other.item

    __hash__ = object.__hash__


def _view(cls: typing.Any, descriptor: Descriptor, slot: Slot, off: int) -> typing.Any:
    view = object.__new__(cls)
    view._gl_slot = slot
    view._gl_off = off
    view._gl_desc = descriptor
    return view
