"""How far apart two vectors are."""

import abc
import typing

import numpy as np  # type: ignore[import-not-found]  # the guest's
from genlayer.py.storage import allow_storage


@allow_storage
class Distance(abc.ABC):
    """A distance function, as the type of a `VecDB`. Without fields it takes no room in storage."""

    @abc.abstractmethod
    def __call__(self, left: typing.Any, right: typing.Any, /) -> typing.Any:
        """Give the distance of two vectors of one shape: 0 or more, 0 for equal ones."""


@allow_storage
class EuclideanDistanceSquared(Distance):
    """The sum of the squared differences, in the vectors' own type."""

    def __call__(self, left: typing.Any, right: typing.Any, /) -> typing.Any:
        """Give the distance."""
        difference = left - right
        return np.sum(difference * difference)


def cosine_distance(left: typing.Any, right: typing.Any) -> typing.Any:
    """Give 1 less the cosine of the angle between two vectors; 1 where one of them has no direction."""
    lengths = np.linalg.norm(left) * np.linalg.norm(right)
    return 1 - np.dot(left, right) / lengths if lengths else lengths + 1
