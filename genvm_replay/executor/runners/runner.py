"""A runner, ready to be followed, and where runners come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from .actions import Action
from .archive import RUNNER_JSON, Archive
from .grammar import parse_action
from .runner_id import RunnerId

Origin: TypeAlias = Literal["contract", "archive", "rebuilt", "stand-in"]
"""`archive`: a file on disk. `rebuilt`: made here, the very bytes that the id names. `stand-in`: ours, unlike it."""


@dataclass(frozen=True, slots=True)
class Runner:
    """An archive and what it asks for.

    Attributes:
        key: its id, or what stands for the contract; the first part of the keys of its modules.
        stand_in: followed instead of the archive's runner.json.
    """

    key: str
    archive: Archive
    origin: Origin
    stand_in: Action | None = None

    @property
    def name(self) -> str:
        """The id without its hash."""
        return self.key.partition(":")[0]

    def action(self) -> Action:
        """What it asks for.

        Raises:
            VmError: its archive has no runner.json, or a bad one.
        """
        return self.stand_in or parse_action(self.archive.read(RUNNER_JSON))


class RunnerSource(Protocol):
    """Finds runners by id. `registry.Registry` is the one with files."""

    def resolve(self, text: str) -> RunnerId:
        """The id that a text means, with the hash that `test` and `latest` stand for.

        Raises:
            VmError: no id, or one that is not listed.
        """

    def load(self, runner: RunnerId) -> Runner:
        """The runner with an id that `resolve` gave.

        Raises:
            VmError: it is listed but not there.
            EnvironmentProblem: its file is not what it should be.
        """
