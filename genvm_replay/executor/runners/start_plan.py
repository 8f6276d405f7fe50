"""What following a contract's actions comes to: everything that its VM needs before the entry function is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..wasip1.files import Directory
from .runner import Runner


@dataclass(frozen=True, slots=True)
class WasmModule:
    """A module to compile.

    Attributes:
        key: `<runner id>:<path>`, or `<contract id>:<path>`: names it in caches (spec/executor.md 8.4).
        name: by which later modules import from it; empty for the one that starts.
    """

    key: str
    wasm: bytes = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class PythonStart:
    """Our Python runtime is to start.

    Attributes:
        package: the contract is the package /contract/, else the file /contract.py.
        libraries: ids of the runners that the runtime is to add its files for. None that comes with an archive.
    """

    package: bool
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPlan:
    """How to make a VM ready.

    Attributes:
        files: normalised absolute path -> content.
        root: the same files as a tree, made for this plan.
        env: `NAME=VALUE`, sorted by name.
        links: to instantiate in this order before `start`, each under its name.
        runners: what was loaded, in order; the contract itself is not among them.
    """

    files: Mapping[str, bytes] = field(repr=False)
    root: Directory = field(repr=False)
    env: tuple[str, ...]
    args: tuple[str, ...]
    links: tuple[WasmModule, ...]
    start: WasmModule | PythonStart
    runners: tuple[Runner, ...] = field(repr=False)
