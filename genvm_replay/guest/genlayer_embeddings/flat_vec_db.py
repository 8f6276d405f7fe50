"""The vector database of the runners v0.1.x: 20 bytes, three type parameters, cosine distance (sdk.md section 8.1)."""

import typing
from collections.abc import Iterator

from genlayer.py.storage import allow_storage

from genlayer_embeddings.distance import cosine_distance
from genlayer_embeddings.entries import Element, Entries, Id, S, T, V


@allow_storage
class FlatVecDB(Entries[T, S, V], typing.Generic[T, S, V]):
    """Vectors of type `np.ndarray[tuple[S], np.dtype[T]]` with values of type V."""

    def insert(self, key: typing.Any, value: V) -> Id:
        """Add a vector with a value."""
        return self._put(key, value)

    def knn(self, vec: typing.Any, k: int) -> "Iterator[Element[V]]":
        """Give the at most `k` elements next to a vector, nearest first."""
        return self._nearest([(cosine_distance(self._keys[id], vec), id) for id in self._ids()], k)
