"""Calldata: one encoding a value, strict decoding, and the forms people read and write (spec/executor.md 3)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.calldata import Address, CalldataError, decode, encode, to_text
from genvm_replay.calldata.jsonform import from_json_text, to_json
from genvm_replay.calldata.types import keccak256
from genvm_replay.errors import UsageError

VECTORS = json.loads((Path(__file__).parents[1] / "guest" / "sdk-vectors.json").read_text())
ADDRESS = Address(bytes(range(20)))
# From spec/executor.md 3.1.
WIRE = [
    (None, "00"),
    (True, "10"),
    (False, "08"),
    ({}, "06"),
    ([], "05"),
    (0, "01"),
    (1, "09"),
    (-1, "02"),
    (-2, "0a"),
    (123, "d907"),
    (2**64, "81808080808080808010"),
    ("abc", "1c616263"),
    (b"xyz", "1b78797a"),
    (ADDRESS, "18" + bytes(range(20)).hex()),
    ({"x": 10}, "0e017851"),
    ({"a": 1, "b": [1, 2, 3]}, "16016109" + "01621d091119"),
    ({"method": "foo", "args": [1, 2]}, "160461726773150911066d6574686f641c666f6f"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.binary(max_size=30)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.binary(min_size=20, max_size=20).map(Address),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("plain", "wire"), WIRE)
def test_wire(plain: object, wire: str) -> None:
    """Both directions."""
    assert encode(plain).hex() == wire  # type: ignore[arg-type]
    assert decode(bytes.fromhex(wire)) == plain


@pytest.mark.parametrize(("wire", "verdict"), VECTORS["calldata_decode_errors"].items())
def test_golden_errors(wire: str, verdict: str) -> None:
    """What the deployed decoder refuses is refused here, and nothing else."""
    data = bytes.fromhex(wire)
    if verdict.startswith("OK"):
        decode(data)
        return
    with pytest.raises(CalldataError):
        decode(data)


@given(VALUES)
def test_round_trip(plain: object) -> None:
    """Any value survives, also through its JSON form; its text form is one line."""
    wire = encode(plain)  # type: ignore[arg-type]
    back = decode(wire)
    assert back == plain
    assert encode(back) == wire
    assert from_json_text(json.dumps(to_json(back))) == back
    assert to_text(back)


@given(st.binary(max_size=60))
def test_garbage(data: bytes) -> None:
    """Any bytes give a value with exactly this encoding, or CalldataError."""
    try:
        plain = decode(data)
    except CalldataError:
        return
    assert encode(plain) == data


@pytest.mark.parametrize("plain", [1.5, {1}, object(), "\ud800", {"\ud800": 1}])
def test_no_form(plain: object) -> None:
    """Floats, sets, lone surrogates."""
    with pytest.raises(CalldataError):
        encode(plain)  # type: ignore[arg-type]


def test_deep_nesting_is_bounded() -> None:
    """Neither direction recurses without end."""
    with pytest.raises(CalldataError, match="nested deeper"):
        decode(b"\x0d" * 100_000 + b"\0")
    deep: list[object] = []
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(CalldataError, match="nested deeper"):
        encode(deep)  # type: ignore[arg-type]


def test_announced_sizes_are_not_believed() -> None:
    """A short input that announces millions of items is refused at once."""
    with pytest.raises(CalldataError, match="more than bytes are left"):
        decode(bytes.fromhex("fdffffff7f"))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('{"$address": "0x000102030405060708090A0B0C0D0E0F10111213"}', ADDRESS),
        ('{"$bytes": "0x00ff"}', b"\x00\xff"),
        ('{"a": [1, null, true, "x"]}', {"a": [1, None, True, "x"]}),
        (str(10**40), 10**40),
    ],
)
def test_json_form(text: str, plain: object) -> None:
    """Addresses and bytes have a form of their own, integers are exact."""
    assert from_json_text(text) == plain


@pytest.mark.parametrize(
    "text", ["", "abc", "1.5", "NaN", '{"$address": "0x12"}', '{"$bytes": "zz"}', "[" * 100_000, "1 2"]
)
def test_bad_json(text: str) -> None:
    """A clear refusal."""
    with pytest.raises(UsageError):
        from_json_text(text)


def test_a_bare_word_gets_a_hint() -> None:
    """The most common mistake on a command line."""
    with pytest.raises(UsageError, match="for a string write"):
        from_json_text("hello")


def test_text_form() -> None:
    """spec/executor.md 3.3."""
    plain = {"k": [1, None, True, "é", b"\x01", Address(b"\xab" * 20)]}
    assert to_text(plain) == '{"k":[1,null,true,"é",b#01,addr#' + "ab" * 20 + "]}"


@pytest.mark.parametrize(("raw", "text"), VECTORS["checksum"].items())
def test_checksummed_addresses(raw: str, text: str) -> None:
    """EIP-55, and reading is not picky about case."""
    assert str(Address(bytes.fromhex(raw))) == text
    assert Address.parse(text) == Address.parse(text.lower()) == Address(bytes.fromhex(raw))
    for bad in ("", "0x", text[:-1], text + "0", text[2:], "0x" + "g" * 40):
        with pytest.raises(UsageError):
            Address.parse(bad)


@pytest.mark.parametrize(("data", "digest"), VECTORS["keccak"].items())
def test_keccak(data: str, digest: str) -> None:
    """The original padding, not SHA-3's."""
    assert keccak256(eval(data)).hex() == digest
