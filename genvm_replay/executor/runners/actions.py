"""What a runner.json can ask for (spec/executor.md 6.3): one class an action, a closed union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["det", "nondet"]


@dataclass(frozen=True, slots=True)
class MapFile:
    """Show a file of the archive to the guest; a name that ends with a slash means all files that begin with it."""

    to: str
    file: str


@dataclass(frozen=True, slots=True)
class AddEnv:
    """Set an environment variable; `val` may name earlier ones."""

    name: str
    val: str


@dataclass(frozen=True, slots=True)
class SetArgs:
    """Append to the arguments."""

    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Depends:
    """Follow another runner's runner.json, once a VM."""

    runner: str


@dataclass(frozen=True, slots=True)
class LinkWasm:
    """Instantiate a module that later ones import from."""

    path: str


@dataclass(frozen=True, slots=True)
class StartWasm:
    """Start a module. Nothing is followed after it."""

    path: str


@dataclass(frozen=True, slots=True)
class StartPython:
    """Start our Python runtime. No runner.json can say this: the stand-ins of published runners do."""


@dataclass(frozen=True, slots=True)
class When:
    """Follow an action in one mode only."""

    cond: Mode
    action: Action


@dataclass(frozen=True, slots=True)
class Seq:
    """Follow actions in order."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class With:
    """Follow an action over the files of another runner, or of the contract."""

    runner: str
    action: Action


Action: TypeAlias = (
    MapFile | AddEnv | SetArgs | Depends | LinkWasm | StartWasm | StartPython | When | Seq | With
)
