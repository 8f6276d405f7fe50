"""A worker: one process, one VM, one session. It is forked by the nursery and ends when its pipe does."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ...errors import LocalProtocolError
from ..errors import ModuleError
from . import frames, functions
from .border import BorderError
from .limits import LuaLimits
from .runtime import Runtime, ScriptFailure, library_in
from .setup import Setup
from .values import LuaValue, as_integer

SEED: Final = "__dflt.seed"
FILES_MAX: Final = 32
"""Open files of a worker, with its pipe and the three standard ones."""


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

    def load(self) -> list[Any]:
        """Make the VM, run the script, and look whether it defines what it has to."""
        setup = self._setup
        seed = as_integer(self._ask(SEED), where=SEED)
        self._runtime = Runtime(setup.limits, library_in(setup.libraries), seed)
        effects = {name: self._effect(name) for name in setup.effects if name != SEED}
        self._runtime.define({**functions.PURE, **effects}, setup.tables)
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
        frame = frames.encode(message, size_max=self._setup.limits.value_bytes)
        try:
            self._pipe.sendall(frame)
        except OSError:
            os._exit(0)  # the service is gone; an exception would reach the script, which could catch it

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
        os._exit(0)


def _facts(error: ModuleError) -> dict[str, Any]:
    return {"causes": list(error.causes), "fatal": error.fatal, "ctx": error.ctx}
