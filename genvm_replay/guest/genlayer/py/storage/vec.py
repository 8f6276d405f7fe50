"""`DynArray`, the list of storage, and `Array`, a fixed number of items in line (sdk.md section 2.5)."""

import collections.abc
import typing

from genlayer.py.storage.annotations import bind_to_memory
from genlayer.py.storage.slices import assign_slice, delete_slice, shift_up
from genlayer.py.storage.slot import NOWHERE, Slot

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from genlayer.py.storage.vec_layout import ArrayDescriptor, DynArrayDescriptor

T = typing.TypeVar("T")
S = typing.TypeVar("S", bound=int)


class DynArray(collections.abc.MutableSequence[T], typing.Generic[T]):
    """A list whose items live in storage. A field of this type needs no initialisation: it starts empty.

    It is a view: what changes it changes storage. Removing items changes the length only, their bytes stay.
    """

    __slots__ = ("_gl_desc", "_gl_off", "_gl_slot", "_items")

    _gl_slot: Slot
    _gl_off: int
    _gl_desc: "DynArrayDescriptor"
    _items: Slot | None  # the child slot, once it was needed

    def __init__(self) -> None:
        """Make an empty array, to assign to a field; `DynArray[T]()` can also be filled first."""
        self._gl_slot = NOWHERE
        self._gl_off = 0
        self._items = None

    __orig_class__ = property(None, bind_to_memory)

    def _child(self) -> Slot:
        items = self._items
        if items is None:
            items = self._items = self._gl_slot.indirect(self._gl_off)
        return items

    def _place(self, index: int) -> int:
        """Check an index and give the offset of its item."""
        count = self._gl_slot.read_u32(self._gl_off)
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(f"index out of range: the array has {count} items")
        return index * self._gl_desc.item.size

    def __len__(self) -> int:
        return self._gl_slot.read_u32(self._gl_off)

    @typing.overload
    def __getitem__(self, index: int, /) -> T: ...
    @typing.overload
    def __getitem__(self, index: slice, /) -> list[T]: ...
    def __getitem__(self, index: int | slice, /) -> T | list[T]:
        if isinstance(index, slice):
            positions = range(*index.indices(len(self)))
            return [self._read(position) for position in positions]
        place = self._place(index)
        value: T = self._gl_desc.item.get(self._child(), place)
        return value

    def _read(self, position: int) -> T:
        item = self._gl_desc.item
        value: T = item.get(self._child(), position * item.size)
        return value

    @typing.overload
    def __setitem__(self, index: int, value: T, /) -> None: ...
    @typing.overload
    def __setitem__(self, index: slice, value: "Iterable[T]", /) -> None: ...
    def __setitem__(self, index: int | slice, value: typing.Any, /) -> None:
        if isinstance(index, slice):
            assign_slice(self, index, list(value))
        else:
            place = self._place(index)
            self._gl_desc.item.set(self._child(), place, value)

    def __delitem__(self, index: int | slice, /) -> None:
        if not isinstance(index, slice):
            count = len(self)
            position = index + count if index < 0 else index
            if not 0 <= position < count:
                raise IndexError(f"index out of range: the array has {count} items")
            index = slice(position, position + 1)
        delete_slice(self, index)

    def insert(self, index: int, value: T, /) -> None:
        """Put a value before the item at `index`; at the length, append it."""
        count = len(self)
        if index < 0:
            index += count
        if index == count:
            self.append(value)
            return
        if not 0 <= index < count:
            raise IndexError(f"cannot insert at {index}: the array has {count} items")
        self._gl_slot.write_u32(self._gl_off, count + 1)
        shift_up(self, index, count, 1)
        item = self._gl_desc.item
        item.set(self._child(), index * item.size, value)

    def append(self, value: T, /) -> None:
        """Put a value at the end. The length grows first, so a refused value leaves an item behind."""
        slot, off = self._gl_slot, self._gl_off
        count = slot.read_u32(off)
        slot.write_u32(off, count + 1)
        item = self._gl_desc.item
        item.set(self._child(), count * item.size, value)

    def append_new_get(self) -> T:
        """Grow by one and give the new item: zero, or what was removed from there before."""
        count = len(self)
        self._gl_slot.write_u32(self._gl_off, count + 1)
        return self._read(count)

    def pop(self, index: int = -1, /) -> None:  # type: ignore[override]
        """Remove an item, the last one by default. Gives None: read the item before."""
        if len(self) == 0:
            raise Exception("cannot pop from an empty array")
        del self[index]

    def clear(self) -> None:
        """Remove all items."""
        self._gl_slot.write_u32(self._gl_off, 0)

    def reverse(self) -> None:
        """Put the items into the opposite order."""
        item = self._gl_desc.item
        low, high = 0, (len(self) - 1) * item.size
        while low < high:
            kept = item.detach(self._child(), low)
            item.copy(self._child(), low, self._child(), high)
            item.set(self._child(), high, kept)
            low += item.size
            high -= item.size

    def __iter__(self) -> "Iterator[T]":
        position = 0
        while position < self._gl_slot.read_u32(self._gl_off):
            yield self._read(position)
            position += 1

    def __repr__(self) -> str:
        return "[" + ",".join(map(repr, self)) + "]"


class Array(collections.abc.Sequence[T], typing.Generic[T, S]):
    """A fixed number of items, in line: `Array[u8, typing.Literal[4]]`. It is a view of storage."""

    __slots__ = ("_gl_desc", "_gl_off", "_gl_slot")

    _gl_slot: Slot
    _gl_off: int
    _gl_desc: "ArrayDescriptor"

    def __init__(self) -> None:
        raise TypeError("an Array exists as a storage field only; assign a list of its length to the field")

    def _place(self, index: int) -> int:
        count = self._gl_desc.count
        if index < 0:
            index += count
        if not 0 <= index < count:
            raise IndexError(f"index out of range: the array has {count} items")
        return self._gl_off + index * self._gl_desc.item.size

    def __len__(self) -> int:
        return self._gl_desc.count

    @typing.overload
    def __getitem__(self, index: int, /) -> T: ...
    @typing.overload
    def __getitem__(self, index: slice, /) -> "Array[T, int]": ...
    def __getitem__(self, index: int | slice, /) -> "T | Array[T, int]":
        if isinstance(index, slice):
            positions = range(*index.indices(len(self)))
            if positions.step != 1:
                raise KeyError(f"an Array is sliced by step 1, not {positions.step}; use list(array)[...]")
            part = self._gl_desc.of_length(len(positions))
            sub_view: Array[T, int] = part.get(self._gl_slot, self._gl_off + positions.start * part.item.size)
            return sub_view
        value: T = self._gl_desc.item.get(self._gl_slot, self._place(index))
        return value

    def __setitem__(self, index: int, value: T, /) -> None:
        self._gl_desc.item.set(self._gl_slot, self._place(index), value)

    def __iter__(self) -> "Iterator[T]":
        for position in range(len(self)):
            yield self[position]

    def __repr__(self) -> str:
        return "[" + ",".join(map(repr, self)) + "]"
