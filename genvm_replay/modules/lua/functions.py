"""Library functions that need no service, on the worker's side (spec/manager-modules.md 5.3)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from Crypto.Hash import keccak

from ..errors import ModuleError
from ..filters.image import Step, filter_image, parameters_of
from ..filters.text import filter_text
from .urls import split_url, url_encode
from .values import LuaValue, as_bytes, as_list, as_map, as_number, as_text, in_64_bits


def base64_encode(data: LuaValue = None) -> LuaValue:
    """Standard alphabet, padded (RFC 4648 section 4)."""
    return base64.b64encode(as_bytes(data, where="base64_encode"))


def base64_decode(text: LuaValue = None) -> LuaValue:
    """The bytes of `base64_encode`.

    Raises:
        ModuleError: `DESERIALIZING`, fatal.
    """
    try:
        return base64.b64decode(as_bytes(text, where="base64_decode"), validate=True)
    except ValueError as error:
        raise _unreadable(f"base64: {error}") from error


def json_parse(text: LuaValue = None) -> LuaValue:
    """The value of a JSON text; null is nil.

    Raises:
        ModuleError: `DESERIALIZING`, fatal.
    """
    try:
        value: LuaValue = json.loads(as_bytes(text, where="json_parse").decode(), parse_constant=_no_constant)
    except RecursionError as error:
        raise _unreadable("json: nested too deep") from error
    except ValueError as error:
        raise _unreadable(f"json: {error}") from error
    return _whole(value)


def json_stringify(value: LuaValue = None) -> LuaValue:
    """A JSON text without blanks, names in the order of their bytes; an empty table is `{}`.

    Raises:
        ModuleError: `DESERIALIZING`, fatal: a number that JSON has not, or a string that is no UTF-8.
    """
    try:
        return json.dumps(
            _ordered(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_no_bytes
        )
    except (ValueError, TypeError) as error:
        raise _unreadable(f"json: {error}") from error


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(item) for name, item in sorted((_name(k), item) for k, item in value.items())}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _name(key: Any) -> str:
    if isinstance(key, bytes):
        return str(_no_bytes(key))
    return str(key)


def _whole(value: Any) -> LuaValue:
    """Whole numbers beyond Lua's 64 bits as floats, and lone surrogates as U+FFFD."""
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, int) and not isinstance(value, bool):
        return in_64_bits(value)
    return value  # type: ignore[no-any-return]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _no_bytes(value: object) -> object:
    raise ValueError("a string that is no UTF-8" if isinstance(value, bytes) else f"a {type(value).__name__}")


def _unreadable(text: str) -> ModuleError:
    return ModuleError("DESERIALIZING", fatal=True, ctx={"error": text})


def _hashed(name: str, digest: Callable[[bytes], bytes]) -> Callable[..., LuaValue]:
    def hashed(data: LuaValue = None) -> LuaValue:
        return digest(as_bytes(data, where=name))

    return hashed


def filtered_text(text: LuaValue = None, names: LuaValue = None) -> LuaValue:
    """A text through the filters named."""
    chosen = [as_text(name, where="filter_text: a filter") for name in as_list(names, where="filter_text")]
    return filter_text(as_text(text, where="filter_text"), chosen)


def filtered_image(data: LuaValue = None, steps: LuaValue = None) -> LuaValue:
    """A picture through filters, each such as `{JPEG = 0.8}` or `{Unsharpen = {1.5, 3}}`, or with named values."""
    listed = [steps] if isinstance(steps, dict) and steps else as_list(steps, where="filter_image")
    return filter_image(as_bytes(data, where="filter_image"), [_step(step) for step in listed])


def _step(step: LuaValue) -> Step:
    named = as_map(step, where="filter_image: a filter")
    if len(named) != 1:
        raise ModuleError(
            "UNKNOWN_FILTER", fatal=True, ctx={"error": f"one filter's name is wanted, not {len(named)}"}
        )
    ((name, given),) = named.items()
    if not isinstance(given, dict):
        values = given if isinstance(given, list) else [given]
        given = dict(zip(parameters_of(name), values, strict=False))
    return Step(
        name,
        {key: as_number(value, where=f"{name}.{key}") for key, value in as_map(given, where=name).items()},
    )


PURE: Final[dict[str, Callable[..., LuaValue]]] = {
    "__dflt.split_url": split_url,
    "__dflt.url_encode": url_encode,
    "__dflt.base64_encode": base64_encode,
    "__dflt.base64_decode": base64_decode,
    "__dflt.json_parse": json_parse,
    "__dflt.json_stringify": json_stringify,
    "__dflt.filter_text": filtered_text,
    "__dflt.filter_image": filtered_image,
    "__dflt.sha2_256": _hashed("sha2_256", lambda data: hashlib.sha256(data).digest()),
    "__dflt.sha3_256": _hashed("sha3_256", lambda data: hashlib.sha3_256(data).digest()),
    "__dflt.keccak256": _hashed("keccak256", lambda data: keccak.new(digest_bits=256, data=data).digest()),
}
"""By the names that scripts see. A function gets what the script gave, and as many arguments."""
