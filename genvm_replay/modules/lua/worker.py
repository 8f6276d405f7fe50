"""A worker: one process, one VM, one session. It is forked by the nursery and ends when its pipe does."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import LocalProtocolError
from ..errors import ModuleError
from . import frames, functions
from .border import BorderError
from .limits import LuaLimits
from .runtime import Runtime, ScriptFailure, library_in
from .values import LuaValue

FILES_MAX = 32
"""Open files of a worker, with its pipe and the three standard ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all workers of a pool have in common.

    Attributes:
        source: the script's text.
        name: of the script's file, for error texts.
        libraries: folders, or paths with `?`, for `require`.
        effects: dotted names of the functions that the service answers.
        tables: constant tables by dotted names.
        required: global functions that the script has to define.
    """

    source: bytes
    name: str
    libraries: list[str]
    effects: list[str]
    tables: Mapping[str, LuaValue]
    required: list[str]
    limits: LuaLimits


def serve(pipe: socket.socket, setup: Setup) -> None:
    """Load the script, then do what the service says until it hangs up."""
    restrict(setup.limits)
    worker = _Worker(pipe, setup)
    if worker.answer(worker.load):
        while (message := frames.receive(pipe)) is not None:
            worker.perform(message)


def restrict(limits: LuaLimits) -> None:
    """Bound this process: address space, open files, no core dumps, and no files unless scripts may have them."""
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: FILES_MAX}
    if not limits.allow_io:
        bounds[resource.RLIMIT_FSIZE] = 0
    if taken := _address_space():
        bounds[resource.RLIMIT_AS] = taken + limits.process_bytes
    for what, bound in bounds.items():
        resource.setrlimit(what, (bound, bound))


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not tell, as macOS, which does not enforce it either."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


class _Worker:
    def __init__(self, pipe: socket.socket, setup: Setup) -> None:
        self._pipe = pipe
        self._setup = setup
        seed = self._ask("__dflt.seed") if "__dflt.seed" in setup.effects else 0
        self._runtime = Runtime(
            setup.limits, library_in(setup.libraries), seed if isinstance(seed, int) else 0
        )
        effects = {name: self._effect(name) for name in setup.effects}
        self._runtime.define({**functions.PURE, **effects}, setup.tables)

    def load(self) -> list[Any]:
        """Run the script and look whether it defines what it has to."""
        self._runtime.load(self._setup.source, self._setup.name)
        missing = [name for name in self._setup.required if not self._runtime.has(name)]
        if missing:
            raise ScriptFailure("LUA_SCRIPT", f"it does not define the function {', '.join(missing)}")
        return ["ready"]

    def perform(self, message: list[Any]) -> None:
        """Do what the service says."""
        match message:
            case ["begin", ctx]:
                self.answer(lambda: self._begin(ctx))
            case ["invoke", name, arguments]:
                self.answer(lambda: ["result", self._runtime.invoke(name, arguments)])

    def answer(self, do: Callable[[], list[Any]]) -> bool:
        """Send what `do` gives, or how it failed; whether it did not fail."""
        try:
            self._send(do())
            return True
        except LocalProtocolError as error:
            self._send(["failure", "LUA_VALUE", f"result: {error}"])
        except ModuleError as error:
            self._send(["error", _facts(error)])
        except ScriptFailure as failure:
            self._send(["failure", failure.code, str(failure)])
        except BorderError as error:
            self._send(["failure", "LUA_VALUE", str(error)])
        except MemoryError:
            self._send(["failure", "LUA_MEMORY_LIMIT", "not enough memory in the worker"])
        return False

    def _begin(self, ctx: LuaValue) -> list[Any]:
        self._runtime.begin(ctx)
        return ["ready"]

    def _send(self, message: list[Any]) -> None:
        self._pipe.sendall(frames.encode(message, size_max=self._setup.limits.value_bytes))

    def _effect(self, name: str) -> Callable[..., LuaValue]:
        return lambda *arguments: self._ask(name, *arguments)

    def _ask(self, name: str, *arguments: LuaValue) -> LuaValue:
        """Have the service do something, and wait for it."""
        try:
            self._send(["effect", name, list(arguments)])
        except LocalProtocolError as error:
            raise ValueError(f"its arguments: {error}") from error
        match frames.receive(self._pipe):
            case ["value", value]:
                return value  # type: ignore[no-any-return]
            case ["error", {"causes": causes, "fatal": fatal, "ctx": ctx}]:
                raise ModuleError(*causes, fatal=fatal, ctx=ctx)
            case ["failure", text]:
                raise ValueError(text)
        raise SystemExit  # the service is gone


def _facts(error: ModuleError) -> dict[str, Any]:
    return {"causes": list(error.causes), "fatal": error.fatal, "ctx": error.ctx}
