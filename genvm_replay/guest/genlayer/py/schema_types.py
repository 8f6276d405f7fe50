"""How a schema writes a Python type (sdk.md section 4.4)."""

import collections.abc
import dataclasses
import types
import typing

from genlayer.py.types import Address

_WORDS: typing.Final[dict[typing.Any, str]] = {
    typing.Any: "any",
    None: "null",
    type(None): "null",
    bool: "bool",
    int: "int",
    str: "string",
    bytes: "bytes",
    Address: "address",
}
_UNIONS: typing.Final = (typing.Union, types.UnionType)


def describe_type(hint: typing.Any) -> typing.Any:
    """Give a word such as "int", or a list or dict for what has parts.

    Raises:
        TypeError: calldata cannot carry values of the type.
    """
    if isinstance(hint, collections.abc.Hashable) and hint in _WORDS:
        return _WORDS[hint]
    if isinstance(hint, typing.NewType):
        return describe_type(hint.__supertype__)
    origin = typing.get_origin(hint)
    args = typing.get_args(hint)
    if origin in _UNIONS:
        return {"$or": [describe_type(arg) for arg in args]}
    if origin is typing.Literal:
        return "any"
    kind = origin or hint
    if isinstance(kind, type):
        described = _describe_class(kind, args)
        if described is not None:
            return described
    if hasattr(hint, "__value__"):  # `type Name = ...`
        return describe_type(hint.__value__)
    raise TypeError(
        f"a call cannot carry {hint!r}: {_HINTS.get(hint, 'annotate it with what calldata holds, or Any')}"
    )


_HINTS: typing.Final[dict[typing.Any, str]] = {
    float: "calldata has no fractions, use int in a smaller unit, or str",
    set: "use list",
    frozenset: "use list",
}


def _describe_class(kind: type, args: tuple[typing.Any, ...]) -> typing.Any:
    if kind is tuple and args:
        if args[-1] is ...:
            return [{"$rep": describe_type(args[0])}]
        return [describe_type(arg) for arg in args]
    if typing.is_typeddict(kind):
        return "dict"
    if issubclass(kind, collections.abc.Sequence) and not issubclass(kind, str | bytes):
        return [{"$rep": describe_type(args[0])}] if args else "array"
    if issubclass(kind, collections.abc.Mapping):
        if not args:
            return "dict"
        if args[0] is not str:
            raise TypeError(f"keys of a calldata map are str, not {args[0]!r}")
        return {"$dict": describe_type(args[1])}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return {field.name: describe_type(hints[field.name]) for field in dataclasses.fields(kind)}
    return None
