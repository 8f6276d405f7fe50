"""Runner ids: `name:hash` (spec/executor.md 6.4)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from . import nix_base32
from .refusal import refusal, shown

SYMBOLIC: Final = frozenset({"test", "latest"})
"""Hashes that stand for another one; debug mode only."""
_SYNTAX: Final = re.compile(r"([A-Za-z0-9_-]{1,100}):([A-Za-z0-9_=-]{1,100})")  # longer ones name no file


class RunnerId(NamedTuple):
    """Which runner, in which release."""

    name: str
    hash: str

    @classmethod
    def parse(cls, text: str) -> RunnerId:
        """
        Raises:
            VmError: something else than `name:hash`.
        """
        match = _SYNTAX.fullmatch(text)
        if match is None:
            raise refusal(f"not a runner id: {shown(text)} (name:hash)")
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"{self.name}:{self.hash}"

    @property
    def path(self) -> str:
        """Where its archive lies below the folder of runners."""
        return f"{self.name}/{self.hash[:2]}/{self.hash[2:]}.tar"

    def verify_hash(self, tar: bytes) -> bool:
        """Whether an archive is the one that the id names."""
        return nix_base32.runner_hash(tar) == self.hash
