"""`TreeMap`, the sorted mapping of storage (sdk.md section 2.6).

In line are the root link (u32) and two arrays: the nodes, and the indices of nodes that were removed. A removed node
keeps its bytes until an insertion reuses it; the last one removed is reused first.
"""

import collections.abc
import typing

from genlayer.py.storage.annotations import bind_to_memory
from genlayer.py.storage.avl import LEFT, LINKS_SIZE, RIGHT, Step, Tree
from genlayer.py.storage.slot import NOWHERE, Slot

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genlayer.py.storage.tree_map_layout import TreeMapDescriptor

K = typing.TypeVar("K")
V = typing.TypeVar("V")

NODES_OFF: typing.Final = 4
FREE_OFF: typing.Final = 8


class TreeMap(collections.abc.MutableMapping[K, V], typing.Generic[K, V]):
    """A mapping whose entries live in storage, iterated in the order of its keys, which need only `<`.

    A field of this type needs no initialisation: it starts empty. It is a view: what changes it changes storage. Do
    not change it while iterating.
    """

    __slots__ = ("_gl_desc", "_gl_off", "_gl_slot", "_tree")

    _gl_slot: Slot
    _gl_off: int
    _gl_desc: "TreeMapDescriptor"
    _tree: Tree | None

    def __init__(self) -> None:
        """Make an empty map, to assign to a field; `TreeMap[K, V]()` can also be filled first."""
        self._gl_slot = NOWHERE
        self._gl_off = 0
        self._tree = None

    __orig_class__ = property(None, bind_to_memory)

    def _nodes(self) -> Tree:
        tree = self._tree
        if tree is None:
            slot, off = self._gl_slot, self._gl_off
            tree = self._tree = Tree(slot, off, slot.indirect(off + NODES_OFF), self._gl_desc.node_size)
        return tree

    def _root(self) -> int:
        return self._gl_slot.read_u32(self._gl_off)

    def _find(self, key: K) -> tuple[list[Step], int]:
        """Walk from the root towards a key. Gives the steps taken and the node, 0 if the key is absent."""
        path: list[Step] = []
        node = self._root()
        if node == 0:
            return path, 0
        tree = self._nodes()
        slot, size = tree.nodes, tree.node_size
        read_key = self._gl_desc.key.get
        while node:
            node_key = read_key(slot, (node - 1) * size)
            if key < node_key:
                side = LEFT
            elif node_key < key:
                side = RIGHT
            else:
                break
            path.append((node, side))
            node = slot.read_u32(node * size - LINKS_SIZE + side)
        return path, node

    def _value_off(self, node: int) -> int:
        return (node - 1) * self._gl_desc.node_size + self._gl_desc.key.size

    def _value(self, node: int) -> V:
        value: V = self._gl_desc.value.get(self._nodes().nodes, self._value_off(node))
        return value

    def _hang(self, path: list[Step]) -> int:
        """Take a node, the last removed one or a new one, and link it at the end of the path."""
        slot, off = self._gl_slot, self._gl_off
        free_count = slot.read_u32(off + FREE_OFF)
        if free_count:
            free = slot.indirect(off + FREE_OFF)
            node = free.read_u32((free_count - 1) * 4) + 1
            slot.write_u32(off + FREE_OFF, free_count - 1)
        else:
            node = slot.read_u32(off + NODES_OFF) + 1
            slot.write_u32(off + NODES_OFF, node)
        self._nodes().link(path, len(path), node)
        return node

    def _release(self, node: int) -> None:
        """Give a node back: shorten the nodes if it is the last one, else remember it as free."""
        slot, off = self._gl_slot, self._gl_off
        if node == slot.read_u32(off + NODES_OFF):
            slot.write_u32(off + NODES_OFF, node - 1)
            return
        free_count = slot.read_u32(off + FREE_OFF)
        slot.write_u32(off + FREE_OFF, free_count + 1)
        slot.indirect(off + FREE_OFF).write_u32(free_count * 4, node - 1)

    def __len__(self) -> int:
        slot, off = self._gl_slot, self._gl_off
        return slot.read_u32(off + NODES_OFF) - slot.read_u32(off + FREE_OFF)

    def __contains__(self, key: object) -> bool:
        return self._find(typing.cast("K", key))[1] != 0

    def __getitem__(self, key: K, /) -> V:
        node = self._find(key)[1]
        if node == 0:
            raise KeyError
        return self._value(node)

    def get(self, key: K, default: typing.Any = None) -> typing.Any:
        """Give the value of a key, or `default` if it is absent."""
        node = self._find(key)[1]
        return self._value(node) if node else default

    def __setitem__(self, key: K, value: V, /) -> None:
        path, node = self._find(key)
        if node:
            self._gl_desc.value.set(self._nodes().nodes, self._value_off(node), value)
            return
        node = self._hang(path)
        tree, layout = self._nodes(), self._gl_desc
        layout.key.set(tree.nodes, (node - 1) * layout.node_size, key)
        layout.value.set(tree.nodes, self._value_off(node), value)
        tree.clear_links(node)
        tree.grown(path)

    def __delitem__(self, key: K, /) -> None:
        path, node = self._find(key)
        if node == 0:
            raise KeyError
        self._release(node)
        self._nodes().remove(path, node)

    def get_or_insert_default(self, key: K, /) -> V:
        """Give the value of a key; if it is absent, add it with a zero value, or the one a removed node left."""
        path, node = self._find(key)
        if node == 0:
            node = self._hang(path)
            tree, layout = self._nodes(), self._gl_desc
            layout.key.set(tree.nodes, (node - 1) * layout.node_size, key)
            tree.clear_links(node)
            tree.grown(path)
        return self._value(node)

    def compute_if_absent(self, key: K, supplier: "Callable[[], V]", /) -> V:
        """Give the value of a key; if it is absent, add what `supplier` returns."""
        if key not in self:
            self[key] = supplier()
        return self[key]

    def clear(self) -> None:
        """Remove all entries."""
        slot, off = self._gl_slot, self._gl_off
        for place in (0, NODES_OFF, FREE_OFF):
            slot.write_u32(off + place, 0)

    def _walk(self) -> "Iterator[int]":
        """Give the nodes in the order of their keys."""
        waiting: list[int] = []
        node = self._root()
        while node or waiting:
            while node:
                waiting.append(node)
                node = self._nodes().child(node, LEFT)
            node = waiting.pop()
            yield node
            node = self._nodes().child(node, RIGHT)

    def _key(self, node: int) -> K:
        key: K = self._gl_desc.key.get(self._nodes().nodes, (node - 1) * self._gl_desc.node_size)
        return key

    def __iter__(self) -> "Iterator[K]":
        return map(self._key, self._walk())

    def keys(self) -> "collections.abc.KeysView[K]":
        """Give a view of the keys."""
        return collections.abc.KeysView(self)

    def values(self) -> "collections.abc.ValuesView[V]":
        """Give a view of the values, in the order of their keys."""
        return _Values(self)

    def items(self) -> "collections.abc.ItemsView[K, V]":
        """Give a view of the pairs, in the order of their keys."""
        return _Items(self)

    def __repr__(self) -> str:
        return "{" + ",".join(f"{key!r}:{value!r}" for key, value in self.items()) + "}"


class _Values(collections.abc.ValuesView[V]):
    _mapping: TreeMap[typing.Any, V]

    def __iter__(self) -> "Iterator[V]":
        return map(self._mapping._value, self._mapping._walk())


class _Items(collections.abc.ItemsView[K, V]):
    _mapping: TreeMap[K, V]

    def __iter__(self) -> "Iterator[tuple[K, V]]":
        for node in self._mapping._walk():
            yield self._mapping._key(node), self._mapping._value(node)
