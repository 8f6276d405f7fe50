"""How long steps are told to whoever shows them; the executor itself prints nothing."""

from __future__ import annotations

from typing import Final, Protocol


class Progress(Protocol):
    """Is told what takes long. A step ends when the next one begins or the call returns."""

    def step(self, name: str, detail: str) -> None:
        """Tell that a step begins.

        Args:
            name: "check", "transform", "compile" or "wait" (for another process).
            detail: for people, such as "epoch build, about 15 s, once".
        """


class Silent:
    """The progress nobody watches."""

    def step(self, name: str, detail: str) -> None:
        """Do nothing."""


SILENT: Final[Progress] = Silent()
