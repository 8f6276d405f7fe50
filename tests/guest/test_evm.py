"""The Ethereum ABI of `gl.evm` against eth-abi, which knows nothing of ours (sdk.md section 7.1)."""

import collections.abc
import contextlib
import enum
import typing
from dataclasses import dataclass

import eth_abi
import eth_abi.exceptions
import pytest
from genlayer.py import evm
from genlayer.py import types as value_types
from genlayer.py.evm import calldata, generate, support
from genlayer.py.storage import Array, DynArray
from genlayer.py.types import Address, SizedArray, bigint, i8, i64, i256, u8, u32, u256
from hypothesis import given, settings
from hypothesis import strategies as st

WORD = 32


@dataclass(frozen=True)
class Kind:
    """One type in both worlds: the annotation, the ABI's name, its values; `theirs` turns a value into eth-abi's."""

    annotation: object
    name: str
    values: st.SearchStrategy
    theirs: collections.abc.Callable = lambda value: value


def integer(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    letter, name = ("i", f"int{bits}") if signed else ("u", f"uint{bits}")
    return Kind(getattr(value_types, f"{letter}{bits}"), name, st.integers(low, high))


def fixed_bytes(size):
    return Kind(getattr(evm, f"bytes{size}"), f"bytes{size}", st.binary(min_size=size, max_size=size))


LEAVES = st.one_of(
    st.builds(integer, st.integers(1, 32).map(lambda size: size * 8), st.booleans()),
    st.builds(fixed_bytes, st.integers(1, 32)),
    st.sampled_from(
        [
            Kind(bool, "bool", st.booleans()),
            Kind(str, "string", st.text(max_size=70)),
            Kind(bytes, "bytes", st.binary(max_size=70)),
            Kind(
                Address,
                "address",
                st.binary(min_size=20, max_size=20).map(Address),
                lambda address: address.as_bytes,
            ),
        ]
    ),
)


def listed(kind):
    theirs = lambda values: tuple(map(kind.theirs, values))  # noqa: E731
    return Kind(list[kind.annotation], f"{kind.name}[]", st.lists(kind.values, max_size=4), theirs)


def fixed(kind, count):
    theirs = lambda values: tuple(map(kind.theirs, values))  # noqa: E731
    values = st.lists(kind.values, min_size=count, max_size=count)
    return Kind(Array[kind.annotation, typing.Literal[count]], f"{kind.name}[{count}]", values, theirs)


def tupled(kinds):
    def theirs(values):
        return tuple(kind.theirs(value) for kind, value in zip(kinds, values, strict=True))

    name = f"({','.join(kind.name for kind in kinds)})"
    values = st.tuples(*(kind.values for kind in kinds))
    return Kind(tuple[*(kind.annotation for kind in kinds)], name, values, theirs)


KINDS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(listed, inner),
        st.builds(fixed, inner, st.integers(1, 3)),
        st.lists(inner, min_size=1, max_size=4).map(tupled),
    ),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_values(data):
    """One value, of any type: the same bytes, and back again."""
    kind = data.draw(KINDS)
    value = data.draw(kind.values)
    encoded = evm.encode(kind.annotation, value)
    assert evm.type_name_of(kind.annotation) == kind.name
    assert encoded == eth_abi.encode([kind.name], [kind.theirs(value)])
    assert evm.decode(kind.annotation, encoded) == value
    assert evm.decode(kind.annotation, encoded + b"what follows does not matter") == value


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_calls(data):
    """A list of arguments: static tuples inside too, where the network's SDK mixes up their order."""
    kinds = data.draw(st.lists(KINDS, max_size=4))
    values = tuple(data.draw(kind.values) for kind in kinds)
    annotations = tuple(kind.annotation for kind in kinds)
    in_place = tuple[evm.InplaceTuple, *annotations]
    method = evm.MethodEncoder("do", annotations, in_place)
    expected = eth_abi.encode(
        [kind.name for kind in kinds],
        [kind.theirs(value) for kind, value in zip(kinds, values, strict=True)],
    )
    assert method.signature == evm.signature_of("do", tuple[annotations]) == evm.signature_of("do", in_place)
    assert method.encode_call(values) == evm.selector_of("do", annotations) + expected
    assert evm.encode(in_place, values) == expected
    assert method.decode_ret(expected) == values


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_damaged_bytes(data):
    """Whatever the bytes are, decoding gives a value or a ValueError; what eth-abi takes, is taken, and the same."""
    kind = data.draw(KINDS)
    raw = bytearray(evm.encode(kind.annotation, data.draw(kind.values)))
    for _ in range(data.draw(st.integers(0, 2))):
        word = data.draw(st.integers(0, len(raw) // WORD - 1)) * WORD
        number = data.draw(st.sampled_from([0, 1, 31, 32, 33, 64, 96, 2**31, 2**64, 2**255, 2**256 - 1]))
        raw[word : word + WORD] = number.to_bytes(WORD, "big")
    damaged = bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))])
    try:
        [theirs] = eth_abi.decode([kind.name], damaged)
    except (eth_abi.exceptions.DecodingError, UnicodeDecodeError, OverflowError, ValueError):
        with contextlib.suppress(ValueError):
            evm.decode(kind.annotation, damaged)
        return
    assert evm.encode(kind.annotation, evm.decode(kind.annotation, damaged)) == eth_abi.encode(
        [kind.name], [theirs]
    )


def words(*numbers):
    return b"".join((number % 2**256).to_bytes(WORD, "big") for number in numbers)


BAD_BYTES = [
    (u8, b"", "the data ends at byte 0, a word at byte 0"),
    (u8, words(1)[:-1], "the data ends at byte 31"),
    (u8, words(256), "uint8 can't hold 256"),
    (i8, words(128), "int8 can't hold 128"),
    (str, words(32), "the data ends at byte 32"),
    (str, words(64, 1), "the data ends at byte 64"),
    (str, words(65, 1), "points to byte 65, but the data ends at byte 64"),
    (str, words(2**256 - 1, 1), "but the data ends at byte 64"),
    (str, words(32, 33, 0), "string of 33 bytes at byte 32|bytes of 33 bytes at byte 32"),
    (str, words(32, 2, 0xFF << 248), "utf-8"),
    (bytes, words(32, 2**255), "but only 0 bytes follow"),
    (list[u8], words(32, 2**200), "uint8\\[\\] of .* items at byte 32, but only 0 bytes follow"),
    (list[u8], words(32, 2, 1), "of 2 items at byte 32, but only 32 bytes follow"),
    (list[str], words(32, 1, 64), "points to byte 128"),
    (Array[str, typing.Literal[2]], words(32, 64, 64), "the data ends at byte 96"),
    (tuple[u8, str], words(32, 1, 2**64), "the offset of string at byte 64"),
]


@pytest.mark.parametrize(("annotation", "raw", "told"), BAD_BYTES, ids=range(len(BAD_BYTES)))
def test_bad_bytes(annotation, raw, told):
    """Bounds, offsets and counts are checked before they are believed, and the text says where."""
    with pytest.raises(ValueError, match=told):
        evm.decode(annotation, raw)


def test_lenient_words():
    """As in the network's SDK: any word but 0 is true, what is above an address or behind short bytes is not read."""
    assert evm.decode(bool, words(2**200)) is True
    assert evm.decode(Address, b"\xff" * 12 + b"\x01" * 20) == Address(b"\x01" * 20)
    assert evm.decode(evm.bytes2, b"ab" + b"\xff" * 30) == b"ab"


class Colour(enum.IntEnum):
    RED = 3


BAD_VALUES = [
    (u8, 256, ValueError, "uint8 can't hold 256"),
    (u8, -1, ValueError, "uint8 can't hold -1"),
    (u256, 2**300, ValueError, "a number of 301 bits"),
    (i64, 2**63, ValueError, "int64 can't hold"),
    (u8, "1", TypeError, "uint8 takes an integer, not str"),
    (u8, 1.0, TypeError, "not float"),
    (bool, 1, TypeError, "bool takes True or False, not int"),
    (Address, "0x" + "00" * 20, TypeError, "address takes an Address, not str"),
    (str, b"a", TypeError, "string takes str, not bytes"),
    (str, "\ud800", ValueError, "surrogates"),
    (bytes, "a", TypeError, "bytes takes bytes, not str"),
    (evm.bytes4, b"abc", ValueError, "bytes4 takes 4 bytes, not 3"),
    (list[u8], "ab", TypeError, "a list or a tuple, not str"),
    (list[u8], 5, TypeError, "not int"),
    (Array[u8, typing.Literal[2]], [1], ValueError, "uint8\\[2\\] takes 2 values, not 1"),
    (tuple[u8, u8], (1,), ValueError, "\\(uint8,uint8\\) takes 2 values, not 1"),
]


@pytest.mark.parametrize(("annotation", "value", "error", "told"), BAD_VALUES)
def test_bad_values(annotation, value, error, told):
    """A value of another kind, or one that does not fit, is refused; a note says which one it is."""
    with pytest.raises(error, match=told) as raised:
        evm.encode(tuple[u8, annotation], (1, value))
    assert [note for note in raised.value.__notes__ if note.startswith("in value 1, of type")]


@pytest.mark.parametrize(
    ("annotation", "value", "same"),
    [
        (u8, Colour.RED, 3),
        (bytes, bytearray(b"ab"), b"ab"),
        (evm.bytes2, memoryview(b"ab"), b"ab"),
        (list[u8], (1, 2), [1, 2]),
        (collections.abc.Sequence[u8], range(3), [0, 1, 2]),
        (DynArray[u8], [1], [1]),
        (SizedArray[u8, typing.Literal[1]], [1], [1]),
        (tuple[u8], [1], (1,)),
    ],
)
def test_other_forms_of_a_value(annotation, value, same):
    """Any sequence, buffer or integer of Python will do."""
    assert evm.decode(annotation, evm.encode(annotation, value)) == same


BAD_TYPES = [
    (int, "say how wide it is"),
    (float, "no fractions"),
    (bigint, "no type for bigint"),
    (list, "say what is in it: list\\[u256\\]"),
    (tuple, "say what is in it"),
    (dict[str, u8], "no type for dict"),
    (typing.Any, "without a type"),
    (u8 | None, "no type for"),
    (tuple[u8, ...], "write list\\[u8\\]"),
    (list[int], "say how wide"),
    (list[tuple[()]], "take up no room"),
    (Array[u8, typing.Literal[0]], "at least 1"),
    (Array[u8, int], "typing.Literal"),
    (None, "no type for None"),
]


@pytest.mark.parametrize(("annotation", "told"), BAD_TYPES)
def test_bad_types(annotation, told):
    """An annotation that Ethereum has no type for is refused with what to write."""
    with pytest.raises(TypeError, match=told):
        evm.type_name_of(annotation)
    with pytest.raises(TypeError, match=told):
        evm.MethodEncoder("f", (annotation,), None)


SELECTORS = [
    ("transfer", (Address, u256), "a9059cbb"),
    ("balanceOf", tuple[Address], "70a08231"),
    ("totalSupply", (), "18160ddd"),
    ("approve", [Address, u256], "095ea7b3"),
    ("balance_of", (Address,), "b144adfb"),
    ("fulfillBasicOrder_efficient_6GL6yc", (u32,), None),
]


@pytest.mark.parametrize(("name", "types", "selector"), SELECTORS)
def test_selectors(name, types, selector):
    """Those that everybody knows; names are taken as they are written."""
    signature = evm.signature_of(name, types)
    assert evm.selector_of(name, types) == evm.selector_of(signature)
    assert signature.startswith(f"{name}(")
    if selector:
        assert evm.selector_of(name, types).hex() == selector


def test_results():
    """No result, one, or several; the last as a list of arguments."""
    assert evm.MethodEncoder("f", (), None).decode_ret(b"anything") is None
    assert evm.MethodEncoder("f", (), type(None)).decode_ret(b"") is None
    assert evm.MethodEncoder("f", (), i256).decode_ret(words(-5)) == -5
    several = tuple[evm.InplaceTuple, u8, str]
    assert evm.MethodEncoder("f", (), several).decode_ret(words(1, 64, 0)) == (1, "")
    with pytest.raises(TypeError, match="a tuple of types, not int"):
        evm.MethodEncoder("f", int, None)
    with pytest.raises(ValueError, match="takes 1 values, not 0"):
        evm.MethodEncoder("f", (u8,), None).encode_call(())


def test_names():
    """The import paths that contracts use."""
    assert evm.encode is calldata.encode
    assert evm.bytes32 is support.bytes32
    assert evm.ContractProxy is generate.ContractProxy
    assert evm.ContractDeclaration is generate.ContractDeclaration
    assert {f"bytes{size}" for size in range(1, 33)} <= set(evm.__all__)
    with pytest.raises(AttributeError, match="no attribute 'bytes33'"):
        evm.bytes33  # noqa: B018
