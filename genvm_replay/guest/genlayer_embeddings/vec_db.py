"""The vector database of the runners from v0.2 on: a cover tree (sdk.md section 8.1).

The deployed code bounds a new node's level by the highest level there is, which starts at 0 and so stays 0: the tree
is a root and its children. What is written follows from that and is the same here, level fields included.
"""

import typing
from collections.abc import Iterator

import numpy as np  # type: ignore[import-not-found]  # the guest's
from genlayer.py.storage import DynArray, TreeMap, allow_storage
from genlayer.py.types import u32

from genlayer_embeddings.entries import Element, Entries, Id, S, T, V

D = typing.TypeVar("D")

NO_PARENT: typing.Final = u32(2**32 - 1)
BASE: typing.Final = 1.3
LEVEL: typing.Final = u32(0)


@allow_storage
class CoverTreeNode:
    """A node: the element that it stands for, its children and its parent, by their places among the nodes."""

    element_id: u32
    level: u32
    children: DynArray[u32]
    parent: u32

    def __init__(self, element_id: u32) -> None:
        self.element_id = element_id
        self.level = LEVEL


@allow_storage
class VecDB(Entries[T, S, V], typing.Generic[T, S, V, D]):
    """Vectors of type `np.ndarray[tuple[S], np.dtype[T]]` with values of type V, nearness being told by D."""

    _nodes: DynArray[CoverTreeNode]
    _free_nodes: TreeMap[u32, None]
    _root_idx: u32
    _base: float
    _max_level: u32
    _dist_func: D
    _initialized: bool

    def insert(self, key: typing.Any, value: V) -> Id:
        """Add a vector with a value. Prints the distance to the nearest one there, as the deployed code does."""
        self._initialize()
        others = self._ids()
        id = self._put(key, value)
        nearest = min((self._distance(key, other) for other in others), default=0)
        if not np.isfinite(nearest):
            raise ValueError(
                f"the distance to the nearest vector is {nearest}: a key has an entry that is no number"
            )
        if nearest:
            print(nearest, self._base)
        self._add_node(u32(id))
        return id

    def knn(self, vec: typing.Any, k: int) -> "Iterator[Element[V]]":
        """Give the at most `k` elements next to a vector, nearest first; of equally near ones the root is first."""
        self._initialize()
        ids = [Id(self._nodes[place].element_id) for place in self._places()]
        return self._nearest([(self._distance(vec, id), id) for id in ids], k)

    def __iter__(self) -> "Iterator[Element[V]]":
        """Go through all elements, by id."""
        self._initialize()
        return super().__iter__()

    def _initialize(self) -> None:
        if self._initialized:
            return
        self._initialized = True
        self._root_idx = NO_PARENT
        self._base = BASE
        self._max_level = LEVEL

    def _distance(self, vec: typing.Any, id: Id) -> typing.Any:
        measure: typing.Any = self._dist_func
        return measure(vec, self._keys[id])

    def _places(self) -> list[u32]:
        root = self._root_idx
        return [] if root == NO_PARENT else [root, *self._nodes[root].children]

    def _add_node(self, element: u32) -> None:
        place = self._new_place(CoverTreeNode(element))
        root = self._root_idx
        if root == NO_PARENT:
            self._root_idx = place
            self._nodes[place].parent = NO_PARENT
            self._max_level = LEVEL
        else:
            self._adopt(root, place)

    def _new_place(self, node: CoverTreeNode) -> u32:
        if not len(self._free_nodes):
            self._nodes.append(node)
            return u32(len(self._nodes) - 1)
        place, _ = self._free_nodes.popitem()
        self._nodes[place] = node
        return place

    def _adopt(self, parent: u32, place: u32) -> None:
        self._nodes[place].parent = parent
        self._nodes[parent].children.append(place)

    def _remove(self, id: Id) -> None:
        place = next(place for place in self._places() if self._nodes[place].element_id == u32(id))
        if place == self._root_idx:
            self._replace_root(list(self._nodes[place].children))
        else:
            self._nodes[self._root_idx].children.remove(place)
        self._free_nodes[place] = None
        super()._remove(id)

    def _replace_root(self, children: list[u32]) -> None:
        """The first child takes the place of the root and adopts the others."""
        self._root_idx = children[0] if children else NO_PARENT
        if children:
            self._nodes[children[0]].parent = NO_PARENT
        for place in children[1:]:
            self._adopt(children[0], place)
