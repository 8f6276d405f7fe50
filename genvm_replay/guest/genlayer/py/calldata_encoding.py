"""Python values to calldata bytes (sdk.md section 3.2)."""

import abc
import collections.abc
import dataclasses
import typing

from genlayer.py import calldata_native
from genlayer.py.types import Address
from genlayer.py.varint import append_uleb128

NULL: typing.Final = 0x00
FALSE: typing.Final = 0x08
TRUE: typing.Final = 0x10
ADDRESS: typing.Final = 0x18
# The low 3 bits of a head.
POSITIVE: typing.Final = 1
NEGATIVE: typing.Final = 2
BYTES: typing.Final = 3
TEXT: typing.Final = 4
ARRAY: typing.Final = 5
MAP: typing.Final = 6


class CalldataEncodable(abc.ABC):
    """A class whose instances say themselves what to encode in their place."""

    @abc.abstractmethod
    def __to_calldata__(self) -> "Encodable":
        """Give a value that stands for this one; it is encoded by the usual rules."""


Encodable: typing.TypeAlias = (
    "None | bool | int | str | bytes | bytearray | memoryview | Address | CalldataEncodable"
    " | collections.abc.Sequence[Encodable] | collections.abc.Mapping[str, Encodable]"
)
EncodableWithDefault: typing.TypeAlias = typing.Any  # whatever `default` turns into an Encodable

Replacer: typing.TypeAlias = collections.abc.Callable[[typing.Any], typing.Any]


def dataclass_as_mapping(value: typing.Any, /) -> typing.Any:
    """Replace a dataclass instance by the mapping of its fields; the usual `default` of `encode`."""
    if hasattr(type(value), "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, type) and dataclasses.is_dataclass(value):
        raise AssertionError(
            f"`{value.__qualname__}` is a class: calldata holds its instances, not the class"
        )
    return value


def encode(x: EncodableWithDefault, /, *, default: Replacer = dataclass_as_mapping) -> bytes:
    """Encode a value.

    Args:
        x: None, bool, int, str, bytes, Address, or sequences and str-keyed mappings of these.
        default: called with every value before it is looked at; what it returns is encoded instead.

    Raises:
        TypeError: calldata has no form for the value, a float or a set for instance.
    """
    if default is dataclass_as_mapping and (data := calldata_native.encode(x)):
        return data
    out = bytearray()
    _append(out, x, default)
    return bytes(out)


def _append(out: bytearray, x: typing.Any, default: Replacer) -> None:
    kind = type(x)
    if default is not dataclass_as_mapping or kind not in _EXACT:
        x = default(x)
        if isinstance(x, CalldataEncodable):
            return _append(out, x.__to_calldata__(), default)
        kind = type(x)
    append = _EXACT.get(kind) or _by_base(x)[0]
    append(out, x, default)
    return None


def _append_special(out: bytearray, x: bool | None, _default: Replacer) -> None:
    out.append(NULL if x is None else TRUE if x else FALSE)


def _append_int(out: bytearray, x: int, _default: Replacer) -> None:
    append_uleb128(out, x << 3 | POSITIVE if x >= 0 else ~x << 3 | NEGATIVE)


def _append_address(out: bytearray, x: Address, _default: Replacer) -> None:
    out.append(ADDRESS)
    out += x.as_bytes


def _append_bytes(out: bytearray, x: bytes | bytearray | memoryview, _default: Replacer) -> None:
    raw = memoryview(x).tobytes()
    append_uleb128(out, len(raw) << 3 | BYTES)
    out += raw


def _append_text(out: bytearray, x: str, _default: Replacer) -> None:
    raw = x.encode()
    append_uleb128(out, len(raw) << 3 | TEXT)
    out += raw


def _append_array(out: bytearray, x: collections.abc.Sequence[typing.Any], default: Replacer) -> None:
    append_uleb128(out, len(x) << 3 | ARRAY)
    for item in x:
        _append(out, item, default)


def _append_map(out: bytearray, x: collections.abc.Mapping[str, typing.Any], default: Replacer) -> None:
    keys = sorted(x)
    append_uleb128(out, len(keys) << 3 | MAP)
    for key in keys:
        if not isinstance(key, str):
            error = TypeError(f"keys of a calldata map are str, not {type(key).__name__}")
            error.add_note(f"the key is {key!r}; convert it, to `str(key)` for instance")
            raise error
        raw = key.encode()
        append_uleb128(out, len(raw))
        out += raw
        _append(out, x[key], default)


_Appender: typing.TypeAlias = collections.abc.Callable[[bytearray, typing.Any, Replacer], None]

# Types that need no search. `default` leaves them alone, so they skip it too.
_EXACT: typing.Final[dict[type, _Appender]] = {
    type(None): _append_special,
    bool: _append_special,
    int: _append_int,
    Address: _append_address,
    bytes: _append_bytes,
    bytearray: _append_bytes,
    memoryview: _append_bytes,
    str: _append_text,
    list: _append_array,
    tuple: _append_array,
    dict: _append_map,
}
# For classes derived from these: the appender, and what makes the plain value that native code asks for.
_BY_BASE: typing.Final[tuple[tuple[type, _Appender, Replacer], ...]] = (
    (int, _append_int, int.__pos__),
    (Address, _append_address, lambda x: Address(x.as_bytes)),
    (bytes, _append_bytes, lambda x: memoryview(x).tobytes()),
    (bytearray, _append_bytes, bytes),
    (memoryview, _append_bytes, bytes),
    (str, _append_text, str.__str__),
    (collections.abc.Sequence, _append_array, list),
    (collections.abc.Mapping, _append_map, lambda x: {key: x[key] for key in x}),
)
_HINTS: typing.Final[dict[type, str]] = {
    float: "scale it to an integer or send str(value)",
    set: "send sorted(value)",
    frozenset: "send sorted(value)",
}


def _by_base(x: typing.Any) -> tuple[_Appender, Replacer]:
    for base, append, plain in _BY_BASE:
        if isinstance(x, base):
            return append, plain
    hint = _HINTS.get(type(x), "use None, bool, int, str, bytes, Address, a list, a dict or a dataclass")
    raise TypeError(f"calldata has no form for {type(x).__name__} ({x!r:.80}): {hint}")


def _plain(x: typing.Any) -> typing.Any:
    """Replace a value by one of a plain type, whose items may need it too."""
    x = dataclass_as_mapping(x)
    if isinstance(x, CalldataEncodable):
        return x.__to_calldata__()
    return x if type(x) in calldata_native.PLAIN_TYPES else _by_base(x)[1](x)


calldata_native.start(_plain)
