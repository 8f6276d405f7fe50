"""The layouts of `DynArray` and `Array` (sdk.md sections 2.2, 2.4)."""

import functools
import typing

from genlayer.py.storage.descriptor import Action, Descriptor, merge_actions, run_actions
from genlayer.py.storage.slot import NOWHERE, ROOT_SLOT_ID, InmemManager, Slot
from genlayer.py.storage.vec import Array, DynArray


class DynArrayDescriptor(Descriptor):
    """A u32 count; the items are one behind the other in the child slot."""

    size = 4

    def __init__(self, item: Descriptor, name: str) -> None:
        self.item = item
        self.name = name

    def get(self, slot: Slot, off: int, /) -> DynArray[typing.Any]:
        """Give a view."""
        view: DynArray[typing.Any] = object.__new__(DynArray)
        view._gl_slot = slot
        view._gl_off = off
        view._gl_desc = self
        view._items = None
        return view

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        """Copy another array, or any sequence item by item."""
        if not isinstance(value, DynArray):
            count = len(value)
            slot.write_u32(off, count)
            child = slot.indirect(off)
            for position in range(count):
                self.item.set(child, position * self.item.size, value[position])
            return
        source = value._gl_slot
        if source == NOWHERE or value._gl_desc is self or value._gl_desc.item == self.item:
            if (
                source != slot or value._gl_off != off
            ):  # `field += items` ends by assigning the field to itself
                self.copy(slot, off, source, value._gl_off)
            return
        raise TypeError(f"{self.name} has other items than {value._gl_desc.name}; assign list(...) of it")

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Copy the count, then plain items at once or others one by one."""
        count = source.read_u32(off)
        to.write_u32(to_off, count)
        child = source.indirect(off)
        to_child = to.indirect(to_off)
        size = self.item.size
        if self.item.is_plain:
            to_child.write(0, child.read(0, count * size) if count else b"")
            return
        actions = self.item.actions
        for place in range(0, count * size, size):
            run_actions(actions, to_child, place, child, place)

    def detach(self, slot: Slot, off: int) -> DynArray[typing.Any]:
        """Give a copy in memory."""
        memory = Slot(ROOT_SLOT_ID, InmemManager())
        self.copy(memory, 0, slot, off)
        return self.get(memory, 0)

    def why_not(self, value: typing.Any) -> str:
        """Tell what is copied."""
        return f"{self.name} takes a list or another {self.name}, not {type(value).__name__} {value!r:.60}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DynArrayDescriptor):
            return NotImplemented
        return self.item == other.item

    __hash__ = object.__hash__


class ArrayDescriptor(Descriptor):
    """`count` items in line, with no length."""

    def __init__(self, item: Descriptor, count: int, name: str) -> None:
        self.item = item
        self.count = count
        self.name = name
        self.size = count * item.size

    def of_length(self, count: int) -> "ArrayDescriptor":
        """Give the layout of a part of the array."""
        return ArrayDescriptor(self.item, count, f"{self.name} part of {count}")

    @functools.cached_property
    def actions(self) -> tuple[Action, ...]:
        """The steps of one item, repeated."""
        if self.item.is_plain:
            return (self.size,) if self.size else ()
        return merge_actions(self.item.actions for _ in range(self.count))

    def get(self, slot: Slot, off: int, /) -> Array[typing.Any, int]:
        """Give a view."""
        view: Array[typing.Any, int] = object.__new__(Array)
        view._gl_slot = slot
        view._gl_off = off
        view._gl_desc = self
        return view

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        """Copy another array, or a sequence of the same length item by item."""
        if isinstance(value, Array):
            assert value._gl_desc == self, self.why_not(value)
            self.copy(slot, off, value._gl_slot, value._gl_off)
            return
        assert len(value) == self.count, f"{self.name} takes {self.count} items, not {len(value)}"
        for position in range(self.count):
            self.item.set(slot, off + position * self.item.size, value[position])

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Copy all items."""
        run_actions(self.actions, to, to_off, source, off)

    def detach(self, slot: Slot, off: int) -> Array[typing.Any, int]:
        """Give a copy in memory."""
        memory = Slot(ROOT_SLOT_ID, InmemManager())
        self.copy(memory, 0, slot, off)
        return self.get(memory, 0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArrayDescriptor):
            return NotImplemented
        return self.count == other.count and self.item == other.item

    __hash__ = object.__hash__
