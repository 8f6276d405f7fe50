"""Values that cross between the service and Lua, and how their reader settles what Lua leaves open.

Lua has one kind of string and one of table: text that is not UTF-8 arrives as bytes, an empty list as an empty map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from ..errors import ModuleError

LuaValue: TypeAlias = None | bool | int | float | str | bytes | list[Any] | dict[Any, Any]

INTEGER_MIN: Final = -(1 << 63)
INTEGER_MAX: Final = (1 << 63) - 1
DEPTH_MAX: Final = 64
"""Tables inside tables; a table that holds itself ends here."""


def to_script(value: Any, *, where: str = "value", depth: int = 0) -> LuaValue:
    """A value as Lua can hold it: mappings as dict, sequences as list, whole numbers out of 64 bits as floats.

    Raises:
        ModuleError: `LUA_VALUE`, fatal: another type, or more than DEPTH_MAX levels; `ctx.error` says where.
    """
    if value is None or isinstance(value, bool | float | str | bytes):
        return value
    if isinstance(value, int):
        return in_64_bits(value)
    if depth == DEPTH_MAX:
        raise ModuleError("LUA_VALUE", fatal=True, ctx={"error": f"{where}: more than {DEPTH_MAX} levels"})
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping):
        return {
            to_script(key): to_script(item, where=f"{where}.{key}", depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return [
            to_script(item, where=f"{where}[{index}]", depth=depth + 1) for index, item in enumerate(value)
        ]
    raise ModuleError(
        "LUA_VALUE", fatal=True, ctx={"error": f"{where}: a {type(value).__name__} does not cross to Lua"}
    )


def in_64_bits(value: int) -> int | float:
    """A whole number as Lua reads its numeral: beyond 64 bits a float, infinite where that ends too."""
    if INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_bytes(value: LuaValue, *, where: str) -> bytes:
    """A Lua string as bytes.

    Raises:
        ModuleError: `LUA_VALUE`, fatal: not a string. So the others of this file.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise unexpected(value, "a string", where)


def as_text(value: LuaValue, *, where: str) -> str:
    """A Lua string as text; bytes that are no UTF-8 become U+FFFD."""
    return as_bytes(value, where=where).decode(errors="replace")


def as_list(value: LuaValue, *, where: str) -> list[Any]:
    """A table as a list; an empty table is an empty list."""
    if isinstance(value, list):
        return value
    if value == {}:
        return []
    raise unexpected(value, "a list", where)


def as_map(value: LuaValue, *, where: str) -> dict[str, Any]:
    """A table as a map with names as keys; nil is none, and a list is refused unless it is empty."""
    if value is None or value == []:
        return {}
    if isinstance(value, dict):
        return {as_text(key, where=f"{where}: a key"): item for key, item in value.items()}
    raise unexpected(value, "a table with names", where)


def as_integer(value: LuaValue, *, where: str) -> int:
    """A whole number; a float without a fraction is one, as in Lua."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise unexpected(value, "a whole number", where)


def as_number(value: LuaValue, *, where: str) -> float:
    """A finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise unexpected(value, "a finite number", where)


def unexpected(value: LuaValue, wanted: str, where: str) -> ModuleError:
    """The error of a value of another kind than `wanted`."""
    text = f"{where}: {wanted} is wanted, not {_kind(value)}"
    return ModuleError("LUA_VALUE", fatal=True, ctx={"error": text})


def _kind(value: LuaValue) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", bytes: "a string"}
    return "nil" if value is None else names.get(type(value), "a table")
