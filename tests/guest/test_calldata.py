"""Calldata outside the vectors (sdk.md section 3)."""

import dataclasses
import enum
import math
from types import MappingProxyType

import pytest
from genlayer.py import calldata
from genlayer.py.storage import DynArray, TreeMap
from genlayer.py.types import Address, u8
from hypothesis import given
from hypothesis import strategies as st

ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
LEAVES = st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=40) | ADDRESSES
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@given(VALUES)
def test_round_trip(value):
    """What was encoded is decoded, and to the same bytes again."""
    data = calldata.encode(value)
    assert calldata.decode(data) == value
    assert calldata.encode(calldata.decode(memoryview(data))) == data
    assert isinstance(calldata.to_str(value), str)


@given(st.integers(0, 5000), st.integers(0, 2))
def test_big_numbers(bits, delta):
    """Numbers of any size, on both sides of a power of two."""
    for number in ((1 << bits) - delta, -(1 << bits) + delta):
        assert calldata.decode(calldata.encode(number)) == number


@given(st.binary(max_size=60))
def test_garbage(data):
    """Bytes are a value in its only form, or an error of the two kinds."""
    try:
        value = calldata.decode(data)
    except (calldata.DecodingError, UnicodeDecodeError):
        return
    assert calldata.encode(value) == data


@given(VALUES, st.data())
def test_cut_short(value, data):
    """No part of an encoding is an encoding."""
    encoded = calldata.encode(value)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises((calldata.DecodingError, UnicodeDecodeError)):
        calldata.decode(encoded[:cut])


def test_mega_number_is_quick():
    """A number of megabytes takes linear time."""
    number = 1 << 8_000_000
    data = calldata.encode(number)
    assert len(data) == math.ceil((8_000_001 + 3) / 7)
    assert calldata.decode(data) == number


class Level(enum.IntEnum):
    HIGH = 3


class Name(enum.StrEnum):
    A = "a"


@dataclasses.dataclass
class Point:
    x: int
    y: "list[Point]"


class Custom(calldata.CalldataEncodable):
    def __to_calldata__(self):
        return [1]


REPLACED = [
    (Level.HIGH, 3),
    (Name.A, "a"),
    ((1, 2), [1, 2]),
    (range(3), [0, 1, 2]),
    (bytearray(b"x"), b"x"),
    (memoryview(b"x"), b"x"),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (Point(1, [Point(2, [])]), {"x": 1, "y": [{"x": 2, "y": []}]}),
    (Custom(), [1]),
    ({"a": Custom()}, {"a": [1]}),
]


@pytest.mark.parametrize(("value", "decoded"), REPLACED)
def test_replaced(value, decoded):
    """Values of other types are encoded as the nearest one."""
    assert calldata.decode(calldata.encode(value)) == decoded


def test_storage_containers():
    """An array and a map in storage are encoded as list and dict."""
    array, tree_map = DynArray[u8](), TreeMap[str, u8]()
    array.extend([1, 2])
    tree_map.update({"b": 1, "a": 2})
    assert calldata.encode([array, tree_map]) == calldata.encode([[1, 2], {"a": 2, "b": 1}])


@pytest.mark.parametrize("value", [1.5, {1}, object(), Point, {1: 2}, {"a": 1, 2: 3}, [1.0]])
def test_no_form(value):
    """What calldata has no form for is refused."""
    with pytest.raises((TypeError, AssertionError)):
        calldata.encode(value)


def test_key_note():
    """A bad key is named."""
    with pytest.raises(TypeError) as caught:
        calldata.encode({Address(bytes(20)): 1})
    assert "Address(" in caught.value.__notes__[0]


def test_default_and_views():
    """Both hooks are used for every value."""
    assert calldata.decode(
        calldata.encode([1.5, {"a": 2.5}], default=lambda x: int(x) if type(x) is float else x)
    ) == [
        1,
        {"a": 2},
    ]
    assert isinstance(calldata.decode(b"\x1bxyz", memview2bytes=lambda view: view), memoryview)


def test_text():
    """The readable form."""
    value = {"b": [None, True, 1, 'é"', b"\x01"], "a": Address(b"\x01" * 20)}
    assert calldata.to_str(value) == '{"b":[null,true,1,"é\\"",b#01],"a":addr#' + "01" * 20 + "}"
