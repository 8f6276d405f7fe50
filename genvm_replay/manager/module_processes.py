"""The LLM and web modules as processes of the manager: started, watched, stopped (spec/manager-modules.md 6.1, 6.3).

A module is ready when it has written `{"event": "ready", "address": "ws://..."}` as a line to standard output. One that
ends is noticed at once and not started again by itself: what ended it would end it again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import EnvironmentProblem, UsageError
from ..host_bridge.modules import ADDRESSES
from .launcher import Launched, Launcher
from .output import HeadAndTail, LogLines
from .pipes import Pipes

ALREADY_RUNNING: Final = "module_already_running"
FAILED_TO_START: Final = "module_failed_to_start"
STOPPED: Final = "module_stopped"
NOT_RUNNING: Final = "module_not_running"
START_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 22.0  # from SIGTERM to SIGKILL: a module lets requests under way end for 20
REASON_CHARS_MAX: Final = 500

State = Literal["running", "stopped", "stopping"]
COMMAND: Final = (sys.executable, "-m", "genvm_replay", "modules")


@dataclass(slots=True, eq=False)
class Module:
    """One process of a module."""

    kind: str
    launched: Launched
    ready: asyncio.Future[str]  # its address
    stderr: HeadAndTail
    pipes: Pipes
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopping: bool = False


class ModuleProcesses:
    """The modules of a manager, at most one process of each kind."""

    def __init__(
        self,
        launcher: Launcher,
        *,
        command: tuple[str, ...] = COMMAND,
        defaults: Mapping[str, Path] | None = None,
        on_log: Callable[[str, Mapping[str, Any]], None] = lambda _kind, _line: None,
        start_s: float = START_SECONDS_MAX,
    ) -> None:
        """
        Args:
            launcher: that of `Runs`: modules end with it.
            command: what a kind, `--config` and a path are added to.
            defaults: configurations for a start without one, by kind.
            on_log: is told each line of a module's log, which is JSON on standard error; other lines as messages.
        """
        self._launcher = launcher
        self._command = command
        self._defaults = dict(defaults or {})
        self._on_log = on_log
        self._start_s = start_s
        self._modules: dict[str, Module] = {}
        self._starting: set[str] = set()
        self._last_exit: dict[str, int | None] = {}

    async def start(
        self, kind: str, config: Mapping[str, Any] | None = None, allow_empty_backends: bool = False
    ) -> str:
        """Start a module and wait until it is ready; its address.

        Args:
            kind: `llm` or `web`, in letters of any case.
            config: None: the default of the kind.

        Raises:
            UsageError: no such kind, or `module_already_running`.
            EnvironmentProblem: `module_failed_to_start`, with what it said last.
        """
        kind = kind_of(kind)
        if kind in self._modules or kind in self._starting:
            raise UsageError(f"{ALREADY_RUNNING}: {kind}")
        self._starting.add(kind)
        try:
            with tempfile.TemporaryDirectory(prefix="genvm-module-") as folder:  # for its owner only
                path = self._written(Path(folder), kind, config)
                words = ["exec", *self._command, kind, "--config", str(path)]
                words += ["--allow-empty-backends"] if allow_empty_backends else []
                return await self._until_ready(await self._launch(kind, words))
        finally:
            self._starting.discard(kind)

    async def stop(self, kind: str) -> str:
        """Stop a module and wait until it is gone: `module_stopped`, or `module_not_running`.

        Raises:
            UsageError: no such kind.
        """
        module = self._modules.get(kind_of(kind))
        if module is None:
            return NOT_RUNNING
        module.stopping = True
        module.launched.terminate()
        await asyncio.wait([module.launched.exited], timeout=STOP_SECONDS_MAX)
        module.launched.kill()
        await asyncio.wait([module.launched.exited])
        return STOPPED

    def state(self, kind: str) -> State:
        """What a module is doing."""
        module = self._modules.get(kind_of(kind))
        if module is None or not module.ready.done():
            return "stopped"
        return "stopping" if module.stopping else "running"

    def health(self, kind: str) -> dict[str, Any]:
        """State, address and start of a module, and how its last process ended by itself."""
        kind = kind_of(kind)
        module = self._modules.get(kind)
        running = module is not None and self.state(kind) == "running"
        return {
            "state": self.state(kind),
            "address": module.ready.result() if module is not None and running else None,
            "started_at": module.started_at if module is not None and running else None,
            "last_exit_code": self._last_exit.get(kind),
        }

    def addresses(self) -> dict[str, str]:
        """Where executors find the modules: the ones that run, else where modules usually are."""
        return {kind: self.health(kind)["address"] or usual for kind, usual in ADDRESSES.items()}

    async def close(self) -> None:
        """Stop all."""
        await asyncio.gather(*(self.stop(kind) for kind in list(self._modules)))

    def _written(self, folder: Path, kind: str, config: Mapping[str, Any] | None) -> Path:
        """The configuration as a file that only its owner can read, until it was read: it may hold keys."""
        if config is None and kind in self._defaults:
            return self._defaults[kind]
        path = folder / f"{kind}.yaml"  # JSON is YAML
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(dict(config or {}), file)
        return path

    async def _launch(self, kind: str, words: list[str]) -> Module:
        pipes, stderr, ready = Pipes(), HeadAndTail(), asyncio.get_running_loop().create_future()
        log = LogLines(lambda line: self._on_log(kind, line), 0)

        def hear(line: Mapping[str, Any]) -> None:
            if line.get("event") == "ready" and not ready.done():
                ready.set_result(str(line.get("address", ADDRESSES[kind])))

        def hear_log(data: bytes) -> None:
            stderr.feed(data)
            log.feed(data)

        try:
            pipes.silence(0)
            pipes.add(1, LogLines(hear, 0).feed)
            pipes.add(2, hear_log)
            launched = await self._launcher.launch(words, pipes.files, dict(os.environ))
        except BaseException:
            pipes.finish()
            raise
        pipes.handed_over()
        module = self._modules[kind] = Module(kind, launched, ready, stderr, pipes)
        launched.exited.add_done_callback(lambda exited: self._ended(module, exited))
        return module

    async def _until_ready(self, module: Module) -> str:
        either: list[asyncio.Future[Any]] = [module.ready, module.launched.exited]
        await asyncio.wait(either, timeout=self._start_s, return_when=asyncio.FIRST_COMPLETED)
        if module.ready.done() and not module.launched.exited.done():
            return module.ready.result()
        reason = "it ended" if module.launched.exited.done() else f"not ready within {self._start_s:g} s"
        module.launched.kill()
        await asyncio.wait([module.launched.exited])
        said = module.stderr.text().strip()[-REASON_CHARS_MAX:]
        raise EnvironmentProblem(f"{FAILED_TO_START}: {module.kind}: {reason}{': ' if said else ''}{said}")

    def _ended(self, module: Module, exited: asyncio.Future[int]) -> None:
        """Its process is gone, whatever ended it."""
        module.pipes.finish()
        self._modules.pop(module.kind, None)
        code = exited.result() if exited.exception() is None else None
        self._last_exit[module.kind] = None if module.stopping else code


def kind_of(text: str) -> str:
    """The kind of a module, from letters of any case.

    Raises:
        UsageError: there is none of this name.
    """
    if text.lower() not in ADDRESSES:
        raise UsageError(f"module_type: {text[:40]!r} is neither of {', '.join(ADDRESSES)}")
    return text.lower()
