"""The readable form of calldata, for messages and logs (sdk.md section 3.2, executor.md section 3.3)."""

import collections.abc
import json
import typing

from genlayer.py.calldata_encoding import CalldataEncodable, dataclass_as_mapping
from genlayer.py.types import Address


def to_str(x: typing.Any, /) -> str:
    """Write a value like JSON without spaces; bytes are `b#<hex>`, addresses `addr#<hex>`."""
    x = dataclass_as_mapping(x)
    if isinstance(x, CalldataEncodable):
        return to_str(x.__to_calldata__())
    for base, write in _WRITERS:
        if isinstance(x, base):
            return write(x)
    raise TypeError(f"calldata has no form for {type(x).__name__}")


def _write_array(x: collections.abc.Sequence[typing.Any]) -> str:
    return "[" + ",".join(map(to_str, x)) + "]"


def _write_map(x: collections.abc.Mapping[typing.Any, typing.Any]) -> str:
    return "{" + ",".join(f"{to_str(key)}:{to_str(value)}" for key, value in x.items()) + "}"


_WRITERS: typing.Final[tuple[tuple[typing.Any, collections.abc.Callable[[typing.Any], str]], ...]] = (
    (type(None), lambda _: "null"),
    (bool, lambda x: "true" if x else "false"),
    (int, int.__repr__),
    (str, lambda x: json.dumps(x, ensure_ascii=False)),
    ((bytes, bytearray, memoryview), lambda x: "b#" + x.hex()),
    (Address, lambda x: "addr#" + x.as_bytes.hex()),
    (collections.abc.Sequence, _write_array),
    (collections.abc.Mapping, _write_map),
)
