"""The value types of a contract: sized integers, `Address`, `Lazy` (sdk.md section 1.3).

The integer types are `NewType`s: calling one checks nothing, the range is checked when a value is stored. `typing`,
`base64` and `collections` are visible through `gl` because contracts have come to use them from there.
"""

import base64
import collections
import collections.abc
import typing

from genlayer.py.keccak import Keccak256

if typing.TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = (
    "Address",
    "Keccak256",
    "Lazy",
    "SizedArray",
    "base64",
    "bigint",
    "collections",
    "typing",
    "u8",
    "u16",
    "u24",
    "u32",
    "u40",
    "u48",
    "u56",
    "u64",
    "u72",
    "u80",
    "u88",
    "u96",
    "u104",
    "u112",
    "u120",
    "u128",
    "u136",
    "u144",
    "u152",
    "u160",
    "u168",
    "u176",
    "u184",
    "u192",
    "u200",
    "u208",
    "u216",
    "u224",
    "u232",
    "u240",
    "u248",
    "u256",
    "i8",
    "i16",
    "i24",
    "i32",
    "i40",
    "i48",
    "i56",
    "i64",
    "i72",
    "i80",
    "i88",
    "i96",
    "i104",
    "i112",
    "i120",
    "i128",
    "i136",
    "i144",
    "i152",
    "i160",
    "i168",
    "i176",
    "i184",
    "i192",
    "i200",
    "i208",
    "i216",
    "i224",
    "i232",
    "i240",
    "i248",
    "i256",
)

ADDRESS_TEXT_SIZE: typing.Final = 42  # "0x" and 40 hexadecimal digits

u8 = typing.NewType("u8", int)
u16 = typing.NewType("u16", int)
u24 = typing.NewType("u24", int)
u32 = typing.NewType("u32", int)
u40 = typing.NewType("u40", int)
u48 = typing.NewType("u48", int)
u56 = typing.NewType("u56", int)
u64 = typing.NewType("u64", int)
u72 = typing.NewType("u72", int)
u80 = typing.NewType("u80", int)
u88 = typing.NewType("u88", int)
u96 = typing.NewType("u96", int)
u104 = typing.NewType("u104", int)
u112 = typing.NewType("u112", int)
u120 = typing.NewType("u120", int)
u128 = typing.NewType("u128", int)
u136 = typing.NewType("u136", int)
u144 = typing.NewType("u144", int)
u152 = typing.NewType("u152", int)
u160 = typing.NewType("u160", int)
u168 = typing.NewType("u168", int)
u176 = typing.NewType("u176", int)
u184 = typing.NewType("u184", int)
u192 = typing.NewType("u192", int)
u200 = typing.NewType("u200", int)
u208 = typing.NewType("u208", int)
u216 = typing.NewType("u216", int)
u224 = typing.NewType("u224", int)
u232 = typing.NewType("u232", int)
u240 = typing.NewType("u240", int)
u248 = typing.NewType("u248", int)
u256 = typing.NewType("u256", int)
i8 = typing.NewType("i8", int)
i16 = typing.NewType("i16", int)
i24 = typing.NewType("i24", int)
i32 = typing.NewType("i32", int)
i40 = typing.NewType("i40", int)
i48 = typing.NewType("i48", int)
i56 = typing.NewType("i56", int)
i64 = typing.NewType("i64", int)
i72 = typing.NewType("i72", int)
i80 = typing.NewType("i80", int)
i88 = typing.NewType("i88", int)
i96 = typing.NewType("i96", int)
i104 = typing.NewType("i104", int)
i112 = typing.NewType("i112", int)
i120 = typing.NewType("i120", int)
i128 = typing.NewType("i128", int)
i136 = typing.NewType("i136", int)
i144 = typing.NewType("i144", int)
i152 = typing.NewType("i152", int)
i160 = typing.NewType("i160", int)
i168 = typing.NewType("i168", int)
i176 = typing.NewType("i176", int)
i184 = typing.NewType("i184", int)
i192 = typing.NewType("i192", int)
i200 = typing.NewType("i200", int)
i208 = typing.NewType("i208", int)
i216 = typing.NewType("i216", int)
i224 = typing.NewType("i224", int)
i232 = typing.NewType("i232", int)
i240 = typing.NewType("i240", int)
i248 = typing.NewType("i248", int)
i256 = typing.NewType("i256", int)

bigint = typing.NewType("bigint", int)

_T = typing.TypeVar("_T")
_Item_co = typing.TypeVar("_Item_co", covariant=True)
_Length_co = typing.TypeVar("_Length_co", bound=int, covariant=True)


@typing.runtime_checkable
class SizedArray(typing.Protocol[_Item_co, _Length_co]):
    """A sequence whose length is part of its type: `SizedArray[u8, typing.Literal[4]]`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> _Item_co: ...

    def __iter__(self) -> collections.abc.Iterator[_Item_co]: ...


class Lazy(typing.Generic[_T]):
    """A value that is computed on the first `get`, once; an exception is kept and raised again too."""

    __slots__ = ("_error", "_evaluate", "_value")

    def __init__(self, evaluate: collections.abc.Callable[[], _T], /) -> None:
        self._evaluate: collections.abc.Callable[[], _T] | None = evaluate
        self._error: Exception | None = None

    def get(self) -> _T:
        """Give the value, computing it if this is the first call."""
        evaluate = self._evaluate
        if evaluate is not None:
            self._evaluate = None
            try:
                self._value = evaluate()
            except Exception as error:
                self._error = error
        if self._error is not None:
            raise self._error
        return self._value


class Address:
    """An account: 20 bytes, written as 42 characters of `0x...`.

    Accepts that text in any case of letters (the checksum is not verified), base64 text, or 20 raw bytes.
    """

    __slots__ = ("_as_hex", "as_bytes")

    SIZE: typing.Final = 20

    as_bytes: bytes
    _as_hex: str | None

    def __init__(self, value: "str | Buffer", /) -> None:
        self._as_hex = None
        if isinstance(value, str):
            if len(value) == ADDRESS_TEXT_SIZE and value.startswith("0x"):
                raw = bytes.fromhex(value[2:])
            elif len(value) > self.SIZE:
                raw = base64.b64decode(value)
            else:
                raise TypeError(f"not an address: {value!r}; write '0x' and 40 hexadecimal digits, or base64")
        else:
            raw = bytes(value)
        if len(raw) != self.SIZE:
            raise Exception(f"an address has {self.SIZE} bytes, {value!r} has {len(raw)}")
        self.as_bytes = raw

    @property
    def as_hex(self) -> str:
        """The text form, its letter case being the checksum of EIP-55."""
        text = self._as_hex
        if text is None:
            digits = self.as_bytes.hex()
            check = Keccak256(digits.encode()).hexdigest()
            text = "0x" + "".join(d.upper() if c >= "8" else d for d, c in zip(digits, check, strict=False))
            self._as_hex = text
        return text

    @property
    def as_b64(self) -> str:
        """The bytes as base64 text."""
        return base64.b64encode(self.as_bytes).decode()

    @property
    def as_int(self) -> u160:
        """The bytes as one number, the first byte being the lowest."""
        return u160(int.from_bytes(self.as_bytes, "little"))

    def __hash__(self) -> int:
        return hash(self.as_bytes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.as_bytes == other.as_bytes

    def __lt__(self, other: object) -> bool:
        return self.as_bytes < _address_bytes(other)

    def __le__(self, other: object) -> bool:
        return self.as_bytes <= _address_bytes(other)

    def __gt__(self, other: object) -> bool:
        return self.as_bytes > _address_bytes(other)

    def __ge__(self, other: object) -> bool:
        return self.as_bytes >= _address_bytes(other)

    def __str__(self) -> str:
        return self.as_hex

    def __repr__(self) -> str:
        return f'Address("{self.as_hex}")'

    def __format__(self, spec: str) -> str:
        match spec:
            case "":
                return repr(self)
            case "s" | "x":
                return self.as_hex
            case "b64":
                return self.as_b64
            case "cd":
                return "addr#" + self.as_bytes.hex()
        raise TypeError(f"unknown address format {spec!r}; known: s, x, b64, cd")


def _address_bytes(other: object) -> bytes:
    assert isinstance(other, Address), (
        f"an Address has no order against {type(other).__name__}: wrap it, Address(...)"
    )
    return other.as_bytes
