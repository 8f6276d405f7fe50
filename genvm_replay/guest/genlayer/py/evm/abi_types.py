"""The types of the Ethereum ABI: name, size, encoding, decoding (Solidity contract ABI specification; sdk.md 7.1).

A value is a *head*, whose size depends on the type alone, and if the type is dynamic a *tail*, to which the head is an
offset. Everything is made of words of 32 bytes.
"""

import abc
import typing

from genlayer.py.types import Address

WORD: typing.Final = 32


class AbiType(abc.ABC):
    """One type.

    Attributes:
        name: as in a signature, such as `uint8[2]`.
        head_size: bytes that a value takes up in line; None: the type is dynamic, its head is an offset.
    """

    name: str
    head_size: int | None = WORD

    @abc.abstractmethod
    def encode(self, value: typing.Any) -> bytes:
        """Encode a value: the head of a static type, the tail of a dynamic one.

        Raises:
            TypeError: the value is of another kind. ValueError: it does not fit.
        """

    @abc.abstractmethod
    def decode(self, data: memoryview, at: int) -> typing.Any:
        """Decode the value whose head (static) or tail (dynamic) begins at byte `at`.

        Raises:
            ValueError: the bytes end too early, or are no value of this type.
        """

    def mismatch(self, value: object, wanted: str) -> TypeError:
        """The error for a value of another kind."""
        return TypeError(f"{self.name} takes {wanted}, not {type(value).__name__}")


class IntType(AbiType):
    """`uintN` and `intN`. What is out of range is refused, in both directions."""

    def __init__(self, bits: int, *, signed: bool) -> None:
        self.name = f"{'' if signed else 'u'}int{bits}"
        self._signed = signed
        self._least = -(1 << bits - 1) if signed else 0
        self._most = (1 << (bits - 1 if signed else bits)) - 1

    def encode(self, value: typing.Any) -> bytes:
        """One big-endian word."""
        if not isinstance(value, int):
            raise self.mismatch(value, "an integer")
        return self._in_range(value).to_bytes(WORD, "big", signed=self._signed)

    def decode(self, data: memoryview, at: int) -> int:
        """One big-endian word."""
        return self._in_range(int.from_bytes(word_at(data, at), "big", signed=self._signed))

    def _in_range(self, value: int) -> int:
        if not self._least <= value <= self._most:
            shown = value if value.bit_length() <= 256 else f"a number of {value.bit_length()} bits"
            raise ValueError(f"{self.name} can't hold {shown}")
        return value


class BoolType(AbiType):
    """`bool`. Any word but 0 is true, as the network's SDK reads it."""

    name = "bool"

    def encode(self, value: typing.Any) -> bytes:
        """The word 0 or 1."""
        if not isinstance(value, bool):
            raise self.mismatch(value, "True or False")
        return int(value).to_bytes(WORD, "big")

    def decode(self, data: memoryview, at: int) -> bool:
        """Whether any bit is set."""
        return any(word_at(data, at))


class AddressType(AbiType):
    """`address`. The upper 12 bytes are not looked at, as in the network's SDK."""

    name = "address"

    def encode(self, value: typing.Any) -> bytes:
        """The 20 bytes at the end of a word."""
        if not isinstance(value, Address):
            raise self.mismatch(value, "an Address")
        return value.as_bytes.rjust(WORD, b"\0")

    def decode(self, data: memoryview, at: int) -> Address:
        """The last 20 bytes of a word."""
        return Address(word_at(data, at)[WORD - Address.SIZE :])


class FixedBytesType(AbiType):
    """`bytes1` to `bytes32`, at the beginning of a word."""

    def __init__(self, size: int) -> None:
        self.name = f"bytes{size}"
        self._size = size

    def encode(self, value: typing.Any) -> bytes:
        """The bytes, exactly as many as the name says, and zeros."""
        raw = _raw(self, value)
        if len(raw) != self._size:
            raise ValueError(f"{self.name} takes {self._size} bytes, not {len(raw)}")
        return raw.ljust(WORD, b"\0")

    def decode(self, data: memoryview, at: int) -> bytes:
        """The first bytes of a word; the others are not looked at."""
        return bytes(word_at(data, at)[: self._size])


class BytesType(AbiType):
    """`bytes`: a length, then the bytes, padded to whole words."""

    name = "bytes"
    head_size = None

    def encode(self, value: typing.Any) -> bytes:
        """Length, bytes, zeros."""
        raw = _raw(self, value)
        return len(raw).to_bytes(WORD, "big") + raw + bytes(-len(raw) % WORD)

    def decode(self, data: memoryview, at: int) -> bytes:
        """As many bytes as the length says; what pads them may be missing."""
        size, begin = length_at(data, at), at + WORD
        if size > len(data) - begin:
            raise ValueError(
                f"{self.name} of {size} bytes at byte {at}, but only {len(data) - begin} bytes follow"
            )
        return bytes(data[begin : begin + size])


class StringType(AbiType):
    """`string`: UTF-8 as `bytes`."""

    name = "string"
    head_size = None
    _bytes = BytesType()

    def encode(self, value: typing.Any) -> bytes:
        """Length, UTF-8, zeros."""
        if not isinstance(value, str):
            raise self.mismatch(value, "str")
        return self._bytes.encode(value.encode())

    def decode(self, data: memoryview, at: int) -> str:
        """Text; a UnicodeDecodeError is a ValueError too."""
        return self._bytes.decode(data, at).decode()


def word_at(data: memoryview, at: int) -> memoryview:
    """Give the word at byte `at`.

    Raises:
        ValueError: the data ends before its end.
    """
    word = data[at : at + WORD]
    if len(word) < WORD:
        raise ValueError(f"the data ends at byte {len(data)}, a word at byte {at} was expected")
    return word


def length_at(data: memoryview, at: int) -> int:
    """Give a length or an offset. Raises as `word_at` does."""
    return int.from_bytes(word_at(data, at), "big")


def _raw(abi_type: AbiType, value: typing.Any) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise abi_type.mismatch(value, "bytes")
    return bytes(value)
