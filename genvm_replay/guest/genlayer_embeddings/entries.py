"""What both kinds of `VecDB` are made of: keys, values, and the ids of removed ones, which are taken again."""

import typing
from collections.abc import Iterator

import numpy as np  # type: ignore[import-not-found]  # the guest's
from genlayer.py.storage import DynArray, TreeMap, allow_storage
from genlayer.py.types import u32

T = typing.TypeVar("T")
S = typing.TypeVar("S")
V = typing.TypeVar("V")

Id = typing.NewType("Id", int)
"""Names an element for as long as it is there; afterwards another one may get it."""


class Element(typing.Generic[V]):
    """An element of a database: reads and writes go to storage.

    Attributes:
        id: its name in the database.
        distance: from the vector that was asked about; None if none was.
    """

    def __init__(self, entries: "Entries[typing.Any, typing.Any, V]", id: Id, distance: typing.Any) -> None:
        self._entries = entries
        self.id = id
        self.distance = distance

    @property
    def key(self) -> typing.Any:
        """The vector."""
        return self._entries._keys[self.id]

    @property
    def value(self) -> V:
        """What was stored with it."""
        return self._entries._values[self.id]

    @value.setter
    def value(self, value: V) -> None:
        self._entries._values[self.id] = value

    def remove(self) -> None:
        """Take it out of the database; KeyError if it is no longer there."""
        self._entries._check(self.id)
        self._entries._remove(self.id)

    def __repr__(self) -> str:
        return f"<element {self.id}, distance {self.distance}>"


@allow_storage
class Entries(typing.Generic[T, S, V]):
    """Vectors and their values by id."""

    _keys: DynArray[np.ndarray[tuple[S], np.dtype[T]]]
    _values: DynArray[V]
    _free_idx: TreeMap[u32, None]

    def __len__(self) -> int:
        return len(self._keys) - len(self._free_idx)

    def __iter__(self) -> "Iterator[Element[V]]":
        """Go through all elements, by id."""
        return iter([Element(self, id, None) for id in self._ids()])

    def get_by_id(self, id: Id) -> Element[V]:
        """Give the element with an id; KeyError if there is none."""
        self._check(id)
        return Element(self, id, None)

    def get_by_id_or_none(self, id: Id) -> Element[V] | None:
        """Give the element with an id, None if there is none."""
        return Element(self, id, None) if self._has(id) else None

    def _ids(self) -> list[Id]:
        free = set(self._free_idx)
        return [Id(id) for id in range(len(self._keys)) if id not in free]

    def _has(self, id: Id) -> bool:
        return 0 <= id < len(self._keys) and u32(id) not in self._free_idx

    def _check(self, id: Id) -> None:
        if not self._has(id):
            raise KeyError(id)

    def _put(self, key: typing.Any, value: V) -> Id:
        if not len(self._free_idx):
            self._keys.append(key)
            self._values.append(value)
            return Id(len(self._keys) - 1)
        id, _ = self._free_idx.popitem()
        self._keys[id] = key
        self._values[id] = value
        return Id(id)

    def _remove(self, id: Id) -> None:
        self._free_idx[u32(id)] = None

    def _nearest(self, distances: "list[tuple[typing.Any, Id]]", k: int) -> "Iterator[Element[V]]":
        finite = [found for found in distances if np.isfinite(found[0])]
        finite.sort(key=lambda found: found[0])
        return iter([Element(self, id, distance) for distance, id in finite[: max(k, 0)]])
