"""NumPy scalars and arrays as storage fields, inside wasm: what is written is what they are in memory."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genvm_replay.calldata import Address
from genvm_replay.journal.events import StorageWrite
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, failure, value

KINDS = {
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
}
KINDS |= {"float32": "f", "float64": "d"}
SHAPE = (2, 3)

FIELDS = "".join(
    f"    one_{kind}: np.{kind}\n"
    f"    many_{kind}: np.ndarray[tuple[typing.Literal[2], typing.Literal[3]], np.dtype[np.{kind}]]\n"
    for kind in KINDS
)
CONTRACT = (
    HEADER
    + f"""
import typing
import numpy as np
from dataclasses import dataclass

Vector = np.ndarray[tuple[typing.Literal[2]], np.dtype[np.float32]]

@allow_storage
@dataclass
class Place:
    name: str
    at: Vector

class Numbers(gl.Contract):
{FIELDS}
    vectors: DynArray[Vector]
    places: TreeMap[np.uint16, Place]
    def __init__(self): ..."""
    + """
    @gl.public.write
    def put(self, kind: str, raw: bytes) -> list:
        array = np.frombuffer(raw, np.dtype(kind)).reshape(2, 3)
        setattr(self, "one_" + kind, array[1, 0])
        setattr(self, "many_" + kind, array.T.copy().T)
        return [type(getattr(self, "one_" + kind)).__name__, getattr(self, "many_" + kind).dtype.name]

    @gl.public.view
    def get(self, kind: str) -> list:
        many = getattr(self, "many_" + kind)
        many[0, 0] = 1  # a copy
        return [getattr(self, "one_" + kind).tobytes(), getattr(self, "many_" + kind).tobytes()]

    @gl.public.write
    def keep(self, key: int, name: str, at: list[int]) -> list:
        place = Place(name, np.array(at, np.float32))
        self.places[np.uint16(key)] = place
        self.vectors.append(self.places[np.uint16(key)].at * 2)
        return [[int(key), place.name, place.at.astype(int).tolist()] for key, place in self.places.items()]

    @gl.public.view
    def kept(self) -> list:
        return [vector.astype(int).tolist() for vector in self.vectors]

    @gl.public.write
    def bad(self, source: str) -> None:
        exec(source, {"self": self, "np": np})
"""
)


@pytest.fixture
def numbers(node: LocalNode) -> Address:
    return node.deploy(CONTRACT.encode()).address


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(KINDS)), st.binary(min_size=48, max_size=48))
def test_any_bytes_come_back(
    node: LocalNode, bench: Workbench, numbers: Address, kind: str, noise: bytes
) -> None:
    """Every value of every type, NaN payloads included: the bytes that are written and read are those in memory."""
    size = struct.calcsize(KINDS[kind])
    raw = noise[: 6 * size]
    done = node.call(numbers, "put", [kind, raw])
    assert value(done) == [kind, kind]
    events = [event.request for event in bench.store.load_run(done.run_id).read_line("main")]
    assert [event.data for event in events if isinstance(event, StorageWrite)] == [
        raw[3 * size : 4 * size],
        raw,
    ]
    assert value(node.call(numbers, "get", [kind], view=True)) == [raw[3 * size : 4 * size], raw]


def test_inside_containers_and_records(node: LocalNode, numbers: Address) -> None:
    """Keys of maps, fields of records, items of arrays."""
    rows = [(300, "b", [1, 2]), (7, "a", [3, 4]), (300, "c", [5, 6])]
    for row in rows:
        seen = value(node.call(numbers, "keep", list(row)))
    assert seen == [[7, "a", [3, 4]], [300, "c", [5, 6]]]
    assert value(node.call(numbers, "kept", view=True)) == [[2, 4], [6, 8], [10, 12]]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("self.one_uint8 = 256", "OverflowError"),
        ("self.one_int8 = np.int64(-129)", "OverflowError"),
        ("self.one_int8 = 1.5", "TypeError"),
        ("self.one_float32 = 'x'", "ValueError"),
        ("self.many_int8 = np.zeros((2, 3), np.int16)", "np.int8 cannot hold an array of (2, 3) np.int16"),
        (
            "self.many_int8 = np.zeros((2, 2), np.int8)",
            "(2, 3) np.int8 cannot hold an array of (2, 2) np.int8",
        ),
        ("self.many_int8 = [1]", "cannot hold list [1]"),
    ],
)
def test_what_does_not_fit_is_refused(node: LocalNode, numbers: Address, source: str, said: str) -> None:
    """With the kind of error, and with what the field takes."""
    done = node.call(numbers, "bad", [source])
    assert failure(done) == ("vm_error", "exit_code 1")
    assert said in done.streams.stderr.decode()


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ("np.float16", "no layout for the NumPy type"),
        ("np.bool_", "no layout for the NumPy type"),
        ("np.ndarray", "write shape and dtype"),
        ("np.ndarray[tuple[int], np.dtype[np.int8]]", "the shape of an array must be"),
        ("np.ndarray[tuple[typing.Literal[2]], np.dtype[np.complex64]]", "no layout for the NumPy type"),
        ("np.ndarray[tuple[typing.Literal[2]], int]", "no layout for the NumPy type"),
    ],
)
def test_types_without_layout(node: LocalNode, annotation: str, said: str) -> None:
    """The error names the field."""
    source = f"{HEADER}import typing\nimport numpy as np\nclass C(gl.Contract):\n    x: {annotation}\n"
    text = node.deploy(source.encode()).streams.stderr.decode()
    assert said in text
    assert "in the field `C.x" in text
