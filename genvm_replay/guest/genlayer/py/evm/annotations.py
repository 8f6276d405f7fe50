"""From a Python annotation to a type of the Ethereum ABI (sdk.md section 7.1)."""

import collections.abc
import functools
import typing

import genlayer.py.types as value_types
from genlayer.py.evm import support
from genlayer.py.evm.abi_composites import ArrayType, ListType, TupleType
from genlayer.py.evm.abi_types import (
    AbiType,
    AddressType,
    BoolType,
    BytesType,
    FixedBytesType,
    IntType,
    StringType,
)
from genlayer.py.storage.annotations import name_of
from genlayer.py.storage.vec import Array

_PLAIN: typing.Final[dict[typing.Any, AbiType]] = {
    bool: BoolType(),
    str: StringType(),
    bytes: BytesType(),
    value_types.Address: AddressType(),
    **{getattr(support, f"bytes{size}"): FixedBytesType(size) for size in range(1, 33)},
    **{getattr(value_types, f"u{bits}"): IntType(bits, signed=False) for bits in range(8, 257, 8)},
    **{getattr(value_types, f"i{bits}"): IntType(bits, signed=True) for bits in range(8, 257, 8)},
}

_HINTS: typing.Final = {
    int: "say how wide it is: u256, i64, ...",
    float: "Ethereum has no fractions",
    list: "say what is in it: list[u256]",
    tuple: "say what is in it: tuple[u256, str]",
    dict: "Ethereum passes no maps; write a tuple",
    typing.Any: "Ethereum passes no values without a type",
}


@functools.cache
def describe(annotation: typing.Any, /) -> AbiType:
    """Give the type that an annotation stands for.

    Raises:
        TypeError: Ethereum has no such type; the text says what to write.
    """
    plain = _PLAIN.get(annotation)
    if plain is not None:
        return plain
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return _tuple(annotation, args)
    if origin is Array or origin is value_types.SizedArray:
        return ArrayType(_item(annotation, args[0]), _length(annotation, args[1]))
    if isinstance(origin, type) and issubclass(origin, collections.abc.Sequence) and len(args) == 1:
        return ListType(_item(annotation, args[0]))
    hint = _HINTS.get(annotation)
    raise TypeError(f"Ethereum has no type for {name_of(annotation)}" + (f": {hint}" if hint else ""))


def describe_arguments(parameters: typing.Any, /) -> TupleType:
    """Give the list of arguments that `tuple[A, B]`, `tuple[InplaceTuple, A, B]` or `(A, B)` stands for."""
    args = parameters if isinstance(parameters, tuple | list) else typing.get_args(parameters)
    if args is not parameters and typing.get_origin(parameters) is not tuple:
        raise TypeError(f"the parameters of a method are a tuple of types, not {name_of(parameters)}")
    if args and args[0] is support.InplaceTuple:
        args = args[1:]
    return TupleType([describe(arg) for arg in args])


def is_in_place(annotation: typing.Any) -> bool:
    """Whether the annotation is a list of arguments and not one value."""
    return typing.get_origin(annotation) is tuple and typing.get_args(annotation)[:1] == (
        support.InplaceTuple,
    )


def _tuple(annotation: typing.Any, args: tuple[typing.Any, ...]) -> AbiType:
    if ... in args:
        raise TypeError(f"{name_of(annotation)} has no fixed length: write list[{name_of(args[0])}]")
    if args[:1] == (support.InplaceTuple,):
        args = args[1:]
    return TupleType([describe(arg) for arg in args])


def _item(annotation: typing.Any, item: typing.Any) -> AbiType:
    described = describe(item)
    if described.head_size == 0:
        raise TypeError(f"the items of {name_of(annotation)} take up no room")
    return described


def _length(annotation: typing.Any, length: typing.Any) -> int:
    counts = typing.get_args(length)
    is_literal = typing.get_origin(length) is typing.Literal and len(counts) == 1
    if not is_literal or type(counts[0]) is not int or counts[0] < 1:
        raise TypeError(f"the length in {name_of(annotation)} must be typing.Literal[n], n at least 1")
    return int(counts[0])
