"""What an executor asks of the LLM and web modules (spec/executor.md 1.7)."""

from __future__ import annotations

from typing import Final, Protocol

from ..errors import EnvironmentProblem

LLM, WEB = "llm", "web"
ADDRESSES: Final = {LLM: "ws://127.0.0.1:3031", WEB: "ws://127.0.0.1:3032"}
"""Where they are unless told otherwise (spec/executor.md 1.4)."""


class Modules(Protocol):
    """The modules of a node."""

    def call(self, module: str, message: bytes) -> bytes:
        """Send one calldata message to a module and give its calldata answer.

        Raises:
            EnvironmentProblem: the module can't be reached, or broke the protocol.
        """
        ...


class NoModules:
    """A node without modules."""

    def call(self, module: str, message: bytes) -> bytes:
        """Refuse."""
        raise EnvironmentProblem("there are no modules")
