"""What can be changed while it runs: permits, variables, log level, manifest (spec/manager-modules.md 6.3)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..environment import VALUE_CHARS_MAX
from ..logs import set_level
from ..operation import operation
from ..parts import Manager

PERMITS_MAX = 4096


class Permits(msgspec.Struct):
    """Permits: a run takes two, one that only follows the leader one."""

    permits: Annotated[int, Meta(ge=-(1 << 31), le=PERMITS_MAX)]


class PermitsSet(msgspec.Struct):
    """The permits that there are now; less than two are not taken, and change nothing."""

    permits: int
    result: Literal["permits_set"] = "permits_set"


class LogLevel(msgspec.Struct):
    """The least level that is logged."""

    level: Annotated[
        str,
        Meta(
            pattern="^([Tt][Rr][Aa][Cc][Ee]|[Dd][Ee][Bb][Uu][Gg]|[Ii][Nn][Ff][Oo]"
            "|[Ww][Aa][Rr][Nn]([Ii][Nn][Gg])?|[Ee][Rr][Rr][Oo][Rr])$",
            description="`trace`, `debug`, `info`, `warn`, `warning` or `error`.",
        ),
    ]


class LogLevelSet(msgspec.Struct):
    """The level as it is now."""

    level: str
    result: Literal["log_level_set"] = "log_level_set"


class ManifestReloaded(msgspec.Struct):
    """The manifest was read again."""

    result: Literal["manifest_reloaded"] = "manifest_reloaded"


class Variable(msgspec.Struct):
    """A variable of the service's environment."""

    key: Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    value: Annotated[str, Meta(pattern="^[^\\x00]*$", max_length=VALUE_CHARS_MAX)]


class VariableSet(msgspec.Struct):
    """Its name; its value is told to nobody."""

    key: str
    result: Literal["env_var_set"] = "env_var_set"


@operation("GET", "/permits")
async def read_permits(manager: Manager) -> Permits:
    """How many permits there are; `/status` has those that are free."""
    return Permits(manager.runs.permits.maximum)


@operation("POST", "/permits", example={"permits": 10}, refuses=(415,))
async def set_permits(manager: Manager, body: Permits) -> PermitsSet:
    """Set the permits. Raising counts at once; lowering answers when enough runs have ended."""
    return PermitsSet(await manager.runs.permits.set(body.permits))


@operation("POST", "/log/level", example={"level": "debug"}, refuses=(415,))
async def set_log_level(manager: Manager, body: LogLevel) -> LogLevelSet:
    """Set what is logged."""
    return LogLevelSet(set_level(body.level))


@operation("POST", "/manifest/reload")
async def reload_manifest(manager: Manager) -> ManifestReloaded:
    """Read the manifest of executor versions again. One that is malformed changes nothing."""
    await asyncio.to_thread(manager.versions.reload)
    return ManifestReloaded()


@operation("POST", "/env", example={"key": "DEBUG_MODE", "value": "true"}, refuses=(403, 415))
async def set_variable(manager: Manager, body: Variable) -> VariableSet:
    """Set a variable that is on the allow-list; modules that start later, and `${ENV[...]}`, see it."""
    manager.environment.set(body.key, body.value)
    return VariableSet(body.key)


OPERATIONS = (read_permits, set_permits, set_log_level, reload_manifest, set_variable)
