"""What a script may use up. Every bound of the Lua part that an operator can set stands here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ARGUMENTS_MAX: Final = 16
"""Arguments of one library function."""
EFFECTS_MAX: Final = 10_000
"""Library functions of the service in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LuaLimits:
    """Limits of one session, which has one worker process of its own.

    Attributes:
        busy_ms: wall clock that the worker may run in one call. What the service does for it (HTTP, a model, sleep) is
            not counted. Then the worker is killed.
        total_ms: wall clock of one call with all that the service does for it. Then the worker is killed.
        instructions_max: Lua instructions of one call, counted in steps of 10,000. Then the script gets an error that
            no `pcall` can keep; the session goes on.
        lua_bytes: memory of the Lua VM. Then the script gets the error `not enough memory`.
        process_bytes: address space that the worker may add to what it starts with; images need it.
        value_bytes: one message between worker and service, and so one call's arguments or results.
        wait_ms: how long a session waits for a free worker.
        allow_io: gives scripts `io` and `os`, and with them the files and programs of the service's user.
    """

    busy_ms: int = 10_000
    total_ms: int = 900_000
    instructions_max: int = 200_000_000
    lua_bytes: int = 192 << 20
    process_bytes: int = 1 << 30
    value_bytes: int = 64 << 20
    wait_ms: int = 60_000
    allow_io: bool = False
