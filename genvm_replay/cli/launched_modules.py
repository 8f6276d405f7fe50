"""Modules that a command starts for itself (`--modules FILE`): child processes on loopback, each when first asked.

They end with the command: by SIGTERM, by SIGKILL if that takes too long, by themselves where this process is killed.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

import click

from genvm_replay.cli.modules import section_of
from genvm_replay.cli.output import printable
from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.host_bridge.modules import LLM, WEB
from genvm_replay.modules.config import read_config_file

START_S: Final = 30.0
STOP_S: Final = 10.0
LINE_BYTES_MAX: Final = 4096
LOG_BYTES_MAX: Final = 1 << 20
SHOWN_CHARS_MAX: Final = 1000
WARNINGS_MAX: Final = 20


class LaunchedModules(Mapping[str, str]):
    """Addresses of modules by name. To look one up starts that module; as a context it stops them."""

    def __init__(self, path: Path, others: Mapping[str, str]) -> None:
        """
        Args:
            path: a configuration with the keys `llm` and `web`, or one of them.
            others: addresses of modules that are not in it.

        Raises:
            UsageError: the file can't be read, or has neither key.
        """
        document = read_config_file(path)
        self._names = [name for name in (LLM, WEB) if name in document]
        if not self._names:
            raise UsageError(f"{path}: it has neither the key llm nor the key web")
        for name in self._names:
            section_of(document, name)
        self._path, self._others = path, others
        self._lock = Lock()
        self._children: dict[str, _Child] = {}

    def __getitem__(self, name: str) -> str:
        """
        Raises:
            EnvironmentProblem: it does not start; its own words say why.
        """
        if name not in self._names:
            return self._others[name]
        with self._lock:
            if name not in self._children:
                self._children[name] = _Child(name, self._path)
            return self._children[name].address

    def __iter__(self) -> Iterator[str]:
        return iter({**self._others, **dict.fromkeys(self._names)})

    def __len__(self) -> int:
        return len(self._others.keys() | set(self._names))

    def __contains__(self, name: object) -> bool:
        return name in self._names or name in self._others

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            child.wait()
            for line in child.warnings:
                click.echo(f"note: {printable(line)}", err=True)


class _Child:
    """One module as a child process, in a process group of its own."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        command = [sys.executable, "-m", "genvm_replay", "modules", name, "--config", str(path)]
        command += ["--bind", "127.0.0.1:0", "--die-with-parent", "--log-level", "warn"]
        self.warnings: list[str] = []
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, closed in `wait`
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        try:
            self.address = self._ready()
        except BaseException:
            self.terminate()
            self.wait()
            raise

    def _ready(self) -> str:
        """Wait for the line that says where it listens."""
        assert self._process.stdout is not None
        until, line = time.monotonic() + START_S, b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n") and len(line) < LINE_BYTES_MAX:
                if not waiting.select(max(0.0, until - time.monotonic())):
                    raise EnvironmentProblem(f"it did not start within {START_S:.0f} s")
                part = os.read(self._process.stdout.fileno(), LINE_BYTES_MAX)
                if not part:
                    raise self._failure()
                line += part
        try:
            return str(json.loads(line)["address"])
        except (ValueError, KeyError, TypeError) as error:
            raise EnvironmentProblem("it did not say where it listens") from error

    def _failure(self) -> EnvironmentProblem:
        code = self._process.wait(STOP_S)
        said = self._logged().strip()[-SHOWN_CHARS_MAX:].removeprefix("error: ")
        return EnvironmentProblem(f"it did not start: {said or f'exit code {code}'}")

    def terminate(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def wait(self) -> None:
        """Wait for its end, and make it end."""
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.warnings = [f"{self._name}: {text}" for text in _messages(self._logged())]
        self._log.close()

    def _logged(self) -> str:
        self._log.seek(0)
        return self._log.read(LOG_BYTES_MAX).decode(errors="replace")


def _messages(log: str) -> list[str]:
    """What the first lines of a module's log say, each once."""
    found: dict[str, None] = {}
    for line in log.splitlines():
        with suppress(ValueError, KeyError, TypeError):
            found[str(json.loads(line)["message"])[:SHOWN_CHARS_MAX]] = None
    return list(found)[:WARNINGS_MAX]
