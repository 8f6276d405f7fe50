"""Library functions that only the service can answer (spec/manager-modules.md 5.3): what a script learns of the world.

A function gets the owner of the session and the script's arguments. A ModuleError that it raises reaches the script.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from ..errors import ModuleError
from .values import LuaValue, as_integer, as_map, as_number, to_script, unexpected

LOG: Final = logging.getLogger(__name__)
LEVELS: Final = {
    "trace": logging.DEBUG, "debug": logging.DEBUG, "info": logging.INFO,
    "warn": logging.WARNING, "warning": logging.WARNING, "error": logging.ERROR,
}  # fmt: skip
RANDOM_BYTES_MAX: Final = 1 << 20
SLEEP_S_MAX: Final = 300.0
MESSAGE_MAX: Final = 16 << 10

Function: TypeAlias = Callable[[Any, list[LuaValue]], Awaitable[LuaValue]]


def argument(arguments: list[LuaValue], index: int = 0) -> LuaValue:
    """The argument, nil where the script gave fewer."""
    return arguments[index] if index < len(arguments) else None


async def log_json(_owner: Any, arguments: list[LuaValue]) -> LuaValue:
    """Log `message` at `level`; what else the table has stands in the record's `fields`."""
    fields = as_map(argument(arguments), where="log_json")
    level = LEVELS.get(str(fields.pop("level", "info")).lower(), logging.INFO)
    message = fields.pop("message", "")
    LOG.log(level, "%s", str(message)[:MESSAGE_MAX], extra={"fields": fields})
    return None


async def sleep_seconds(_owner: Any, arguments: list[LuaValue]) -> LuaValue:
    """Wait, SLEEP_S_MAX at most."""
    await asyncio.sleep(min(max(as_number(argument(arguments), where="sleep_seconds"), 0.0), SLEEP_S_MAX))
    return None


async def random_bytes(_owner: Any, arguments: list[LuaValue]) -> LuaValue:
    """Bytes from the system's source."""
    count = as_integer(argument(arguments), where="random_bytes")
    if not 0 <= count <= RANDOM_BYTES_MAX:
        raise unexpected(count, f"0..{RANDOM_BYTES_MAX}", "random_bytes")
    return os.urandom(count)


async def random_float(_owner: Any, _arguments: list[LuaValue]) -> LuaValue:
    """A number in [0, 1) from the system's source."""
    return random.SystemRandom().random()


async def monotonic_ms(_owner: Any, _arguments: list[LuaValue]) -> LuaValue:
    """Milliseconds of a clock that never goes back, from any start."""
    return time.monotonic_ns() // 1_000_000


async def seed(_owner: Any, _arguments: list[LuaValue]) -> LuaValue:
    """What `math.random` starts from; asked once, before the script is loaded."""
    return int.from_bytes(os.urandom(8), "little", signed=True)


EFFECTS: Final[dict[str, Function]] = {
    "__dflt.log_json": log_json,
    "__dflt.sleep_seconds": sleep_seconds,
    "__dflt.random_bytes": random_bytes,
    "__dflt.random_float": random_float,
    "__dflt.monotonic_ms": monotonic_ms,
    "__dflt.seed": seed,
}


async def perform(function: Function, name: str, owner: Any, arguments: list[LuaValue]) -> list[Any]:
    """What the worker is told of a function's outcome (`frames`).

    An error that was not meant for scripts is logged and told by its kind: its text may hold what nobody should read.
    """
    try:
        return ["value", to_script(await function(owner, arguments), where=name)]
    except ModuleError as error:
        return _thrown(error)
    except Exception as error:
        if inner := _inner(error):
            return _thrown(inner)
        at = traceback.extract_tb(error.__traceback__)[-1]
        LOG.error("%s failed with %s in %s, line %s", name, type(error).__name__, at.filename, at.lineno)
        return ["failure", f"it failed with {type(error).__name__}"]


def _inner(error: BaseException) -> ModuleError | None:
    """The module's error that another error wraps."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, ModuleError):
        cause = cause.__cause__
    return cause


def _thrown(error: ModuleError) -> list[Any]:
    try:
        ctx = to_script(error.ctx, where="ctx")
    except ModuleError as refused:
        ctx = to_script(refused.ctx)
    return ["error", {"causes": list(error.causes), "fatal": error.fatal, "ctx": ctx}]
