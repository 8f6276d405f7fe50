"""The layout of `TreeMap` (sdk.md sections 2.2, 2.6)."""

import functools
import typing

from genlayer.py.storage.avl import LINKS_SIZE
from genlayer.py.storage.descriptor import (
    Action,
    Descriptor,
    merge_actions,
    run_actions,
)
from genlayer.py.storage.scalars import U32Descriptor
from genlayer.py.storage.slot import NOWHERE, ROOT_SLOT_ID, InmemManager, Slot
from genlayer.py.storage.tree_map import TreeMap
from genlayer.py.storage.vec_layout import DynArrayDescriptor


class _NodeDescriptor(Descriptor):
    """A node, which only a copy of a whole map meets as a value."""

    def __init__(self, key: Descriptor, value: Descriptor) -> None:
        self.key = key
        self.value = value
        self.name = f"a node of {key.name}: {value.name}"

    @property
    def size(self) -> int:  # type: ignore[override]
        """Bytes in line. Not kept: the size of a value that holds this very map comes later."""
        return self.key.size + self.value.size + LINKS_SIZE

    @property
    def actions(self) -> tuple[Action, ...]:
        """The steps of key, value and links."""
        return merge_actions((self.key.actions, self.value.actions, (LINKS_SIZE,)))

    def get(self, slot: Slot, off: int, /) -> typing.Any:
        raise NotImplementedError

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        raise NotImplementedError

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Copy a node."""
        run_actions(self.actions, to, to_off, source, off)


class TreeMapDescriptor(Descriptor):
    """The root link, the array of nodes and the array of free nodes."""

    size = 12

    def __init__(self, key: Descriptor, value: Descriptor, name: str) -> None:
        self.key = key
        self.value = value
        self.name = name
        self._node = _NodeDescriptor(key, value)

    @functools.cached_property
    def node_size(self) -> int:
        """Bytes of a node."""
        return self._node.size

    @functools.cached_property
    def actions(self) -> tuple[Action, ...]:
        """The steps of its three fields."""
        nodes = DynArrayDescriptor(self._node, f"the nodes of {self.name}")
        return (4, nodes, DynArrayDescriptor(U32Descriptor(), f"the free nodes of {self.name}"))

    def get(self, slot: Slot, off: int, /) -> TreeMap[typing.Any, typing.Any]:
        """Give a view."""
        view: TreeMap[typing.Any, typing.Any] = object.__new__(TreeMap)
        view._gl_slot = slot
        view._gl_off = off
        view._gl_desc = self
        view._tree = None
        return view

    def set(self, slot: Slot, off: int, value: typing.Any, /) -> None:
        """Copy another map of the same layout, or empty this one; of a dict, take the entries one by one."""
        if isinstance(value, dict):
            view = self.get(slot, off)
            view.clear()
            view.update(value)
            return
        assert isinstance(value, TreeMap), self.why_not(value)
        source = value._gl_slot
        if source != NOWHERE:
            given = value._gl_desc
            assert given is self or given == self, self.why_not(value)
        self.copy(slot, off, source, value._gl_off)

    def copy(self, to: Slot, to_off: int, source: Slot, off: int, /) -> None:
        """Copy node by node."""
        run_actions(self.actions, to, to_off, source, off)

    def detach(self, slot: Slot, off: int) -> TreeMap[typing.Any, typing.Any]:
        """Give a copy in memory."""
        memory = Slot(ROOT_SLOT_ID, InmemManager())
        self.copy(memory, 0, slot, off)
        return self.get(memory, 0)

    def allocate(self) -> TreeMap[typing.Any, typing.Any]:
        """Give an empty map in memory."""
        return self.get(Slot(ROOT_SLOT_ID, InmemManager()), 0)

    def why_not(self, value: typing.Any) -> str:
        """Tell how to fill a map."""
        given = value._gl_desc.name if isinstance(value, TreeMap) else type(value).__name__
        return (
            f"{self.name} cannot be assigned from {given}: leave the field alone, it starts empty, and set "
            "entries one by one, `field[key] = value` or field.update(...)"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeMapDescriptor):
            return NotImplemented
        return self.key == other.key and self.value == other.value

    __hash__ = object.__hash__
