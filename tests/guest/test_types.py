"""Address, Lazy, integers and Keccak256 (sdk.md section 1.3)."""

import base64
import binascii
import copy
import pickle

import pytest
from Crypto.Hash import keccak
from genlayer.py.keccak import Keccak256
from genlayer.py.types import Address, Lazy, SizedArray, u8, u256
from hypothesis import given
from hypothesis import strategies as st

RAW = bytes(range(20))
ADDRESS = Address(RAW)


FORMS = ["0x" + RAW.hex(), "0x" + RAW.hex().upper(), base64.b64encode(RAW).decode(), RAW, bytearray(RAW)]


@pytest.mark.parametrize("text", [*FORMS, memoryview(RAW)])
def test_address_forms(text):
    """Every form of one address is equal."""
    assert Address(text) == ADDRESS
    assert hash(Address(text)) == hash(ADDRESS)
    assert Address(text).as_bytes == RAW


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (RAW.hex(), Exception),
        ("0X" + RAW.hex(), binascii.Error),
        ("0x12", TypeError),
        ("0x" + "zz" * 20, ValueError),
        (b"short", Exception),
        (ADDRESS, TypeError),
        (None, TypeError),
    ],
)
def test_not_an_address(value, error):
    """What is no address is refused, by the documented type of exception."""
    with pytest.raises(error):
        Address(value)


def test_address_text():
    """All its notations."""
    assert str(ADDRESS) == ADDRESS.as_hex == f"{ADDRESS:x}" == f"{ADDRESS:s}"
    assert f"{ADDRESS}" == repr(ADDRESS) == f'Address("{ADDRESS.as_hex}")'
    assert f"{ADDRESS:b64}" == ADDRESS.as_b64 == base64.b64encode(RAW).decode()
    assert f"{ADDRESS:cd}" == "addr#" + RAW.hex()
    assert ADDRESS.as_int == int.from_bytes(RAW, "little")
    with pytest.raises(TypeError):
        format(ADDRESS, "q")


def test_address_order():
    """By bytes, and against addresses only."""
    lower, higher = Address(bytes(20)), Address(b"\xff" * 20)
    assert lower < ADDRESS < higher
    assert lower <= ADDRESS <= Address(RAW)
    assert higher > ADDRESS >= Address(RAW)
    assert ADDRESS != RAW
    with pytest.raises(AssertionError):
        assert ADDRESS < RAW
    assert copy.deepcopy(ADDRESS) == pickle.loads(pickle.dumps(ADDRESS)) == ADDRESS


def test_integers_check_nothing():
    """The names are annotations: calling one is the identity."""
    assert u8(300) == 300
    assert u8("5") == "5"
    assert repr(u256) == "genlayer.py.types.u256"


def test_lazy():
    """Evaluated once, errors too."""
    calls = []

    def fail():
        calls.append(1)
        raise ValueError("no")

    lazy = Lazy(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            lazy.get()
    assert calls == [1]
    assert Lazy(lambda: 5).get() == 5


def test_sized_array():
    """It is a protocol that any sequence fits."""
    assert isinstance([1], SizedArray)


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_keccak(parts):
    """The same digest as another implementation, however the data is cut, and more may follow a digest."""
    hasher = Keccak256()
    reference = keccak.new(digest_bits=256, update_after_digest=True)
    for part in parts:
        hasher.update(part)
        reference.update(part)
        assert hasher.hexdigest() == reference.hexdigest()
    assert Keccak256(b"".join(parts)).digest() == reference.digest()
