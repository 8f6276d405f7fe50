"""One Lua VM with the globals that scripts get, on the worker's side (spec/manager-modules.md 5.1, 5.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeAlias

import lupa.lua54 as lupa

from ..errors import ModuleError
from .border import Border, BorderError
from .limits import ARGUMENTS_MAX, LuaLimits
from .values import LuaValue

SANDBOX: Final = resources.files(__package__).joinpath("sandbox.lua").read_text("utf-8")
NAME_MAX: Final = 200
TEXT_MAX: Final = 8 << 10
"""Characters of an error's text that leave the worker."""

Library: TypeAlias = Callable[[str], tuple[bytes, str] | str]
"""Name of a library -> its source and where that stands; or, where there is none, the places that were looked at."""
Pure: TypeAlias = Callable[..., LuaValue]


class ScriptFailure(Exception):
    """A script failed with something else than a module's error.

    Attributes:
        code: such as `LUA_ERROR`.
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text[:TEXT_MAX])


class Runtime:
    """A VM. Of its methods only `load` and `invoke` run a script."""

    def __init__(self, limits: LuaLimits, library: Library, seed: int) -> None:
        self._lua = lupa.LuaRuntime(
            encoding=None,
            source_encoding="utf-8",
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_handlers=(_denied, _denied),
            max_memory=limits.lua_bytes,
        )
        self._border = Border(self._lua, lua_bytes=limits.lua_bytes)
        host = self._lua.table_from(
            {
                b"instructions_max": limits.instructions_max,
                b"arguments_max": ARGUMENTS_MAX,
                b"allow_io": limits.allow_io,
                b"seed": seed,
                b"library": self._library(library),
            }
        )
        self._ways = dict(self._lua.execute(SANDBOX, host, name=b"@sandbox").items())

    def define(self, functions: Mapping[str, Pure], tables: Mapping[str, LuaValue]) -> None:
        """Give scripts functions and constant tables under dotted names."""
        for name, value in tables.items():
            self._ways[b"put"](name.encode(), self._border.into(value))
        for name, function in functions.items():
            self._ways[b"bind"](name.encode(), self._bound(function))

    def load(self, source: bytes, name: str) -> None:
        """Run a script once, which defines its functions.

        Raises:
            ScriptFailure, ModuleError: it doesn't compile, or failed.
        """
        chunk = self._ways[b"load"](source, b"@" + name.encode())
        if isinstance(chunk, tuple):
            raise ScriptFailure("LUA_SYNTAX", _words(chunk[1]))
        self._run(b"run", chunk)

    def has(self, name: str) -> bool:
        """Whether the script defined the global function `name`."""
        return bool(self._ways[b"is_function"](name.encode()))

    def begin(self, ctx: LuaValue) -> None:
        """Start a session: `ctx` is the first argument of all its calls."""
        self._border.ctx = self._border.into(ctx)

    def invoke(self, name: str, arguments: list[LuaValue]) -> LuaValue:
        """Call a global function with `ctx` and the arguments.

        Raises:
            ModuleError: the script threw it.
            ScriptFailure: anything else went wrong.
        """
        self._border.open()
        try:
            values = [self._border.into(argument) for argument in arguments]
        except BorderError as error:
            raise ScriptFailure("LUA_MEMORY_LIMIT", str(error)) from error
        return self._run(b"invoke", name.encode(), self._border.ctx, *values)

    def _run(self, way: bytes, *arguments: Any) -> LuaValue:
        self._border.shut()
        try:
            self._ways[b"arm"]()
            ok, kind, value = self._ways[way](*arguments)
        except (lupa.LuaError, MemoryError) as error:
            ok, kind, value = False, b"other", str(error).encode()
        finally:
            self._border.open()
            self._ways[b"disarm"]()
        try:
            if ok:
                return self._border.out(value)
            if kind == b"module":
                raise self._module_error(value)
        except BorderError as error:
            raise ScriptFailure("LUA_VALUE", f"result: {error}") from error
        raise self._failure(_words(value))

    def _failure(self, text: str) -> ScriptFailure:
        if over := self._ways[b"over"]():
            return ScriptFailure("LUA_INSTRUCTION_LIMIT", _words(over))
        if text.startswith("not enough memory"):
            return ScriptFailure("LUA_MEMORY_LIMIT", text)
        return ScriptFailure("LUA_ERROR", text)

    def _module_error(self, table: Any) -> ModuleError:
        causes, fatal = self._border.out(table[b"causes"]), bool(table[b"fatal"])
        try:
            ctx = self._border.out(table[b"ctx"])
        except BorderError as error:
            ctx = {"error": f"the error's ctx: {error}"}
        named = (isinstance(ctx, dict) and ctx) or ({"value": ctx} if ctx else {})
        return ModuleError(*map(str, causes if isinstance(causes, list) else ()), fatal=fatal, ctx=named)

    def _bound(self, function: Pure) -> Callable[..., tuple[bool, Any]]:
        """A function for the sandbox's `bound`: never raises, for lupa would hand the exception to the script."""

        def call(*arguments: Any) -> tuple[bool, Any]:
            self._border.open()
            try:
                return True, self._border.into(function(*map(self._border.out, arguments)))
            except ModuleError as error:
                return False, self._thrown(error)
            except MemoryError:
                return False, b"not enough memory"
            except Exception as error:
                return False, (str(error) or type(error).__name__).encode(errors="replace")
            finally:
                self._border.shut()

        return call

    def _thrown(self, error: ModuleError) -> Any:
        facts: dict[str, LuaValue] = {"causes": list(error.causes), "fatal": error.fatal, "ctx": error.ctx}
        try:
            return self._border.into(facts)
        except BorderError:
            return self._border.into({**facts, "ctx": {"error": "the error's ctx: not enough memory"}})

    def _library(self, library: Library) -> Callable[[bytes], tuple[bytes | None, bytes]]:
        def find(name: bytes) -> tuple[bytes | None, bytes]:
            self._border.open()
            try:
                found = library(name.decode(errors="replace"))
                return (None, found.encode()) if isinstance(found, str) else (found[0], found[1].encode())
            finally:
                self._border.shut()

        return find


def _denied(*_: Any) -> Any:
    raise AttributeError("nothing of the worker is given to scripts")


def _words(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def library_in(folders: list[str]) -> Library:
    """Libraries in folders, or in paths with `?` where the name goes, the first that has the file.

    A name is words of letters, digits, `_` and `-`, with dots between for folders: it can't leave its folder.
    """

    def find(name: str) -> tuple[bytes, str] | str:
        words = name.split(".")
        if len(name) > NAME_MAX or not all(
            word.replace("_", "").replace("-", "").isalnum() and word.isascii() for word in words
        ):
            return "not a library's name"
        tried = []
        for folder in folders:
            paths = [folder] if "?" in folder else [f"{folder}/?.lua", f"{folder}/?/init.lua"]
            for path in (Path(pattern.replace("?", "/".join(words))) for pattern in paths):
                try:
                    return path.read_bytes(), path.name
                except OSError:
                    tried.append(str(path))
        return "no file " + ", ".join(tried)

    return find
