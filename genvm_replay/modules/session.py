"""What a module knows of one connection, which is one run (spec/manager-modules.md 1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..calldata import Value
from .messages import Hello, Message


@dataclass(slots=True)
class Session:
    """One connection of an executor.

    Attributes:
        attempts: what was tried for the request under way, in order: bookkeeping, never seen by a contract. Maps of
            strings, whole numbers, booleans, None and bytes, such as `backend`, `model`, `status`, `duration_us`,
            `input_tokens`, `output_tokens`, `cost` and, with `hello.keep_raw`, `raw`. Never a secret.
    """

    hello: Hello
    attempts: list[Mapping[str, Value]] = field(default_factory=list)


class Answering(Protocol):
    """The side of a module that answers one connection."""

    async def answer(self, message: Message) -> Value:
        """Answer one message: the value inside `Ok`. GetStats never comes here: the server counts.

        Raises:
            ModuleError: the request failed; `UserError`, or `FatalError` where it says so.
            Exception: anything else is a `FatalError` too.
        """
        ...


class Module(Protocol):
    """A module: what `server.serve` puts on a socket."""

    name: str

    def session(self, session: Session) -> AbstractAsyncContextManager[Answering]:
        """What answers one connection, from its hello to its end."""
        ...

    def stats(self) -> dict[str, Any]:
        """Numbers since the start, for metrics."""
        ...
