"""Values in and out of the VM, on the worker's side (shapes: `values.LuaValue`). Nothing but these values crosses."""

from __future__ import annotations

from typing import Any, Final

import lupa.lua54 as lupa

from .values import DEPTH_MAX, LuaValue

ITEMS_MAX: Final = 500_000
"""Values in one crossing."""
ITEM_BYTES: Final = 64
"""Memory that one value takes in Lua at most, its string not counted: a slot, a string's header, a table's share."""


class BorderError(Exception):
    """A value that does not cross; the text is for the script's author."""


class Border:
    """Converts for one VM.

    Lupa must not run out of Lua memory while it pushes a value: that would be the end of the process. So the limit is
    off meanwhile, and what a value will take is reckoned before.
    """

    def __init__(self, runtime: Any, *, lua_bytes: int) -> None:
        self._runtime = runtime
        self._lua_bytes = lua_bytes
        self._collect = runtime.eval("collectgarbage")
        self._same = runtime.eval("rawequal")
        self.ctx: Any = None
        """The session's `ctx`: as an argument it crosses as an empty table, the service knows the session anyway."""

    def open(self) -> None:
        """Take the limit off: Python has the word."""
        self._runtime.set_max_memory(0)

    def shut(self) -> None:
        """Put the limit on again."""
        self._runtime.set_max_memory(self._lua_bytes)

    def into(self, value: LuaValue) -> Any:
        """A value for Lua, with the limit off.

        Raises:
            BorderError: there is no memory for it.
        """
        size = _size(value)
        if self._runtime.get_memory_used() + size > self._lua_bytes:
            self._collect()
            if self._runtime.get_memory_used() + size > self._lua_bytes:
                raise BorderError("not enough memory")
        return self._push(value)

    def _push(self, value: LuaValue) -> Any:
        if isinstance(value, str):
            return value.encode(errors="replace")
        if isinstance(value, dict):
            return self._runtime.table_from(
                {self._push(key): self._push(item) for key, item in value.items()}
            )
        if isinstance(value, list):
            return self._runtime.table_from([self._push(item) for item in value])
        return value

    def out(self, value: Any) -> LuaValue:
        """A value from Lua; the session's `ctx` itself as an empty table.

        Raises:
            BorderError: a function, thread or userdata is in it, or it is too deep or has too many items.
        """
        return {} if self.is_ctx(value) else _Taking().take(value, 0)

    def is_ctx(self, value: Any) -> bool:
        """Whether a value is the very table that the session's `ctx` is."""
        return self.ctx is not None and bool(self._same(value, self.ctx))


class _Taking:
    """One crossing out of Lua."""

    def __init__(self) -> None:
        self._left = ITEMS_MAX

    def take(self, value: Any, depth: int) -> LuaValue:
        self._left -= 1
        if self._left < 0:
            raise BorderError(f"more than {ITEMS_MAX} values at once")
        if isinstance(value, bytes):
            return _text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        kind = lupa.lua_type(value) or type(value).__name__
        if kind != "table":
            raise BorderError(f"a {kind} does not cross to the service")
        if depth == DEPTH_MAX:
            raise BorderError(f"tables more than {DEPTH_MAX} levels deep, or one that holds itself")
        return _settled({_key(key): self.take(item, depth + 1) for key, item in value.items()})


def _settled(items: dict[Any, LuaValue]) -> LuaValue:
    """A list where the keys are 1..n, else a map in the order of `pairs`: a table has none of its own."""
    count = len(items)
    if not count or not all(isinstance(key, int) and 0 < key <= count for key in items):
        return {key: items[key] for key in sorted(items, key=_rank)}
    return [items[index] for index in range(1, count + 1)]


def _rank(key: Any) -> tuple[int, Any]:
    if isinstance(key, int | float):
        return (0 if isinstance(key, int) else 1), key
    return 2, key if isinstance(key, bytes) else key.encode()


def _key(key: Any) -> Any:
    if isinstance(key, bytes):
        return _text(key)
    if isinstance(key, int | float) and not isinstance(key, bool):
        return key
    kind = "boolean" if isinstance(key, bool) else lupa.lua_type(key) or type(key).__name__
    raise BorderError(f"a {kind} as a key does not cross to the service")


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _size(value: LuaValue) -> int:
    """Memory that a value will take in Lua, reckoned from above."""
    if isinstance(value, str):
        return ITEM_BYTES + len(value) * 4
    if isinstance(value, bytes):
        return ITEM_BYTES + len(value)
    if isinstance(value, dict):
        return 2 * ITEM_BYTES + sum(_size(key) + _size(item) + ITEM_BYTES for key, item in value.items())
    if isinstance(value, list):
        return 2 * ITEM_BYTES + sum(map(_size, value))
    return ITEM_BYTES
