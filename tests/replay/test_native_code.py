"""Native code in the guest (native.c) and the SDK's plain Python agree on every input, in wasm."""

from __future__ import annotations

import random
from typing import Any

import pytest
from Crypto.Hash import keccak

from genvm_replay import calldata
from genvm_replay.calldata import Address
from genvm_replay.replay.local_node import LocalNode

from .contracts import HEADER, value

# `through` gives what native code decides alone and what Python decides alone.
CONTRACT = (
    HEADER
    + """
import dataclasses, enum
from genlayer.py import calldata_decoding, calldata_encoding, calldata_native

class Level(enum.IntEnum):
    HIGH = 3
class Name(enum.StrEnum):
    A = "a"
@dataclasses.dataclass
class Point:
    x: int
    y: list
class Custom(gl.calldata.CalldataEncodable):
    def __to_calldata__(self):
        return Point(1, [Level.HIGH, bytearray(b"x"), memoryview(b"y"), Name.A, range(2)])
class Loop(gl.calldata.CalldataEncodable):
    def __to_calldata__(self):
        return self
class Raising(gl.calldata.CalldataEncodable):
    def __to_calldata__(self):
        raise KeyError("mine")

def plain_decode(data):
    try:
        decoded, end = calldata_decoding._read(data, 0, None)
        return ["value", decoded] if end == len(data) else ["refused"]
    except (gl.calldata.DecodingError, UnicodeDecodeError):
        return ["refused"]

def plain_encode(x):
    out = bytearray()
    calldata_encoding._append(out, x, calldata_encoding.dataclass_as_mapping)
    return bytes(out)

class C(gl.Contract):
    numbers: DynArray[u32]
    names: TreeMap[str, u32]

    @gl.public.view
    def decode(self, inputs: list) -> list:
        wrong = []
        for data in inputs:
            native, plain = calldata_native.decode(data), plain_decode(data)
            found = ["refused"] if native is calldata_native.DECLINED else ["value", native]
            if found != plain or repr(found) != repr(plain):
                wrong.append([data, found, plain])
            elif plain[0] == "value" and not calldata_native.encode(plain[1]) == plain_encode(plain[1]) == data:
                wrong.append([data, "encoded otherwise"])
        return wrong

    @gl.public.view
    def hashes(self, inputs: list) -> list:
        whole = [Keccak256(data).digest() for data in inputs]
        parts = []
        for data in inputs:
            hasher = Keccak256()
            for start in range(0, len(data), 100):
                hasher.update(data[start : start + 100])
                hasher.digest()
            parts.append(hasher.digest())
        return [whole, parts]

    @gl.public.write
    def others(self) -> list:
        self.numbers.extend([1, 2])
        self.names.update({"b": 1, "a": 2})
        values = [
            Level.HIGH, Name.A, Point(1, [Point(2, [])]), Custom(), self.numbers, self.names,
            {"k": [Custom()]}, (Level.HIGH,), bytearray(b"abc"), memoryview(b"abc")[::2], "\\u20ac", True, {Name.A: 1},
        ]
        return [
            gl.calldata.encode(v) == plain_encode(v) for v in values
        ] + [bool(calldata_native.encode(v)) for v in values]

    @gl.public.view
    def refused(self) -> list:
        cycle = []
        cycle.append(cycle)
        found = []
        for v in (1.5, {1}, object(), Point, {1: 2}, {"a": 1, 2: 3}, [1.0], "\\ud800", Loop(), Raising(), cycle):
            try:
                gl.calldata.encode(v)
                found.append("encoded")
            except BaseException as error:
                found.append(type(error).__name__)
        return found

    @gl.public.view
    def deep(self, depth: int) -> int:
        nested = None
        for _ in range(depth):
            nested = [nested]
        back, depth = gl.calldata.decode(gl.calldata.encode(nested)), 0
        while back is not None:
            [back] = back
            depth += 1
        return depth
"""
)


def some_value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return dice.choice([None, True, False])
    if kind in (1, 2):
        return dice.randrange(-(1 << dice.randrange(1, 300)), 1 << dice.randrange(1, 300))
    if kind == 3:
        return dice.randbytes(dice.randrange(40))
    if kind == 4:
        return Address(dice.randbytes(20))
    if kind in (5, 6):
        return "".join(dice.choices("abcXYZ 19é€𝄞\0", k=dice.randrange(30)))
    if kind == 7:
        return [some_value(dice, depth + 1) for _ in range(dice.randrange(6))]
    return {some_key(dice): some_value(dice, depth + 1) for _ in range(dice.randrange(6))}


def some_key(dice: random.Random) -> str:
    return "".join(dice.choices("abé€𝄞", k=dice.randrange(4)))


def damaged(dice: random.Random, data: bytes) -> bytes:
    content = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(content) + 1)
        match dice.randrange(3):
            case 0:
                content[at : at + 1] = dice.randbytes(1)
            case 1:
                del content[at : at + dice.randrange(3)]
            case _:
                content[at:at] = dice.choice([b"\x80", b"\0", b"\xff", dice.randbytes(2)])
    return bytes(content)


@pytest.fixture
def address(node: LocalNode) -> Address:
    deployed = node.deploy(CONTRACT.encode()).address
    assert deployed is not None
    return deployed


HUGE = b"\xff" * 9
CORNERS = [
    *(
        calldata.encode(sign * (1 << bits) + delta)
        for bits in range(0, 130)
        for sign in (1, -1)
        for delta in (-1, 0, 1)
    ),
    *(HUGE + bytes([last, tag]) for last in (0x7F, 0x80) for tag in (0, 1, 0x7F)),
    *(bytes([tag | 0xF8]) + b"\xff" * 20 + b"\x01" for tag in range(8)),
    *(bytes([tag | 0xF8]) + b"\xff\xff\xff\x7f" for tag in range(8)),
    *(bytes([head]) for head in range(256)),
    *(bytes([head, 0]) for head in range(256)),
    b"",
    b"\x18" + bytes(19),
    b"\x16\x01a\x01\x01a\x01",
    b"\x16\x01b\x01\x01a\x01",
    b"\x1c\xff\xff\xff",
]


def test_decoding(node: LocalNode, address: Address) -> None:
    """Values, damaged ones and the corners of numbers: both give the same object, or both refuse."""
    dice = random.Random(20)
    good = [calldata.encode(some_value(dice)) for _ in range(600)]
    bad = [damaged(dice, data) for data in good for _ in range(3)]
    garbage = [dice.randbytes(dice.randrange(30)) for _ in range(500)]
    assert value(node.call(address, "decode", [[*CORNERS, *good, *bad, *garbage]], view=True)) == []


def test_encoding_of_other_types(node: LocalNode, address: Address) -> None:
    """What stands for a plain value goes through native code too, save maps whose keys are no plain str."""
    done = value(node.call(address, "others"))
    assert isinstance(done, list)
    assert done == [True] * 25 + [False]


def test_refusals(node: LocalNode, address: Address) -> None:
    """What native code declines ends as Python ends it."""
    errors = ["TypeError", "TypeError", "TypeError", "AssertionError", "TypeError", "TypeError", "TypeError"]
    errors += ["UnicodeEncodeError", "RecursionError", "KeyError", "RecursionError"]
    assert value(node.call(address, "refused", view=True)) == errors


@pytest.mark.parametrize("depth", [99, 100, 101, 120])
def test_depth(node: LocalNode, address: Address, depth: int) -> None:
    """Deeper than native code goes, Python goes on."""
    assert value(node.call(address, "deep", [depth], view=True)) == depth


def test_keccak(node: LocalNode, address: Address) -> None:
    """Every length around the block size, whole and in parts, against an independent implementation."""
    dice = random.Random(3)
    inputs = [dice.randbytes(size) for size in [*range(0, 140), 271, 272, 273, 1000, 5000]]
    expected = [keccak.new(digest_bits=256, data=data).digest() for data in inputs]
    assert value(node.call(address, "hashes", [inputs], view=True)) == [expected, expected]
