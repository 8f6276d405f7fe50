"""Signatures, and what goes over the wire: Ethereum's calldata, not GenVM's (sdk.md section 7.1)."""

import typing

from genlayer.py.evm.abi_composites import decode_all, encode_all
from genlayer.py.evm.annotations import describe, describe_arguments, is_in_place
from genlayer.py.keccak import Keccak256

if typing.TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

SELECTOR_SIZE: typing.Final = 4


def type_name_of(annotation: typing.Any, /) -> str:
    """Give the name of a type as a signature has it: `uint8[]` for `list[u8]`.

    Raises:
        TypeError: Ethereum has no such type.
    """
    return describe(annotation).name


def signature_of(name: str, parameters: typing.Any, /) -> str:
    """Write a method's signature, `transfer(address,uint256)`. The name is taken as it is.

    Args:
        parameters: the types, as `tuple[Address, u256]` or `(Address, u256)`.
    """
    return name + describe_arguments(parameters).name


def selector_of(name: str, parameters: typing.Any = None, /) -> bytes:
    """Give the 4 bytes that stand for a method. Without `parameters`, `name` is a whole signature."""
    signature = name if parameters is None else signature_of(name, parameters)
    return Keccak256(signature.encode()).digest()[:SELECTOR_SIZE]


def encode(annotation: typing.Any, value: typing.Any, /) -> bytes:
    """Encode a value as the only argument of a call; a tuple with `InplaceTuple` as all of them.

    Raises:
        TypeError: Ethereum has no such type, or the value is of another one.
        ValueError: the value does not fit.
    """
    if is_in_place(annotation):
        return describe(annotation).encode(value)
    return encode_all((describe(annotation),), (value,))


def decode(annotation: typing.Any, data: "Buffer", /) -> typing.Any:
    """Decode what `encode` made. What follows the value is not looked at.

    Raises:
        TypeError: Ethereum has no such type.
        ValueError: the data is no such value.
    """
    with memoryview(data) as view:
        raw = memoryview(bytes(view))  # bytes of any buffer, whatever its items are
    if is_in_place(annotation):
        return describe(annotation).decode(raw, 0)
    return decode_all((describe(annotation),), raw, 0)[0]


class MethodEncoder:
    """One method of an Ethereum contract: encodes its arguments, decodes its result.

    Attributes:
        name: as in Solidity.
        selector: the first 4 bytes of a call.
    """

    def __init__(self, name: str, params: typing.Any, ret: typing.Any) -> None:
        """
        Args:
            params: the types, as `tuple[Address, u256]` or `(Address, u256)`.
            ret: the type of the result; None if there is none. Several results are one
                `tuple[InplaceTuple, ...]`.
        """
        self.name = name
        self._arguments = describe_arguments(params)
        self.signature = name + self._arguments.name
        self.selector = selector_of(self.signature)
        self._ret = ret
        if ret not in (None, type(None)):
            describe(ret)

    def encode_call(self, args: "Sequence[typing.Any]", /) -> bytes:
        """Encode a call: the selector, then the arguments.

        Raises:
            TypeError, ValueError: an argument is not of its type, or their number differs.
        """
        return self.selector + self._arguments.encode(args)

    def decode_ret(self, data: "Buffer", /) -> typing.Any:
        """Decode the answer of a call.

        Raises:
            ValueError: the answer is no such value.
        """
        return None if self._ret in (None, type(None)) else decode(self._ret, data)
