"""The commands, driven as a user drives them: in this process where that is enough, as processes where it matters.

The prepared runtime lies in the user's cache, so that a second test run does not compile again;
GENVM_REPLAY_TEST_CACHE names another folder.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from genvm_replay.cli.main import program
from genvm_replay.cli.program import Program
from genvm_replay.executor.engine import BUILDS
from genvm_replay.executor.python_runtime.cache import default_cache
from genvm_replay.executor.python_runtime.prepare import prepare
from genvm_replay.executor.python_runtime.runtime import PythonRuntime

CONTRACTS = Path(__file__).parent / "contracts"
PROCESS_SECONDS_MAX = 120


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list:
        """The JSON objects that it printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def object(self) -> dict:
        """The one JSON object that it printed."""
        [found] = self.objects
        return found


@pytest.fixture(scope="session")
def cache() -> Path:
    """The shared cache, with all builds: what a test sees of a command must not depend on who compiled first."""
    chosen = os.environ.get("GENVM_REPLAY_TEST_CACHE")
    folder = Path(chosen) if chosen else default_cache(os.environ)
    prepare(folder, list(BUILDS))
    PythonRuntime(folder).image_for(b"", "sdk")
    return folder


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    """A journal of its own for each test, and the shared cache."""
    monkeypatch.setenv("GENVM_REPLAY_CACHE", str(cache))
    monkeypatch.setenv("GENVM_REPLAY_DB", str(tmp_path / "journal.db"))
    monkeypatch.delenv("GENVM_REPLAY_TRACEBACK", raising=False)


def run_here(capsys: pytest.CaptureFixture[str], group: Program, *words: object) -> Done:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        group.main([str(word) for word in words])
    printed = capsys.readouterr()
    return Done(int(end.value.code or 0), printed.out, printed.err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `genvm-replay` with these words, in this process."""
    return lambda *words: run_here(capsys, program, *words)


@pytest.fixture
def run_json(run: Callable[..., Done]) -> Callable[..., Done]:
    """The same with --json."""
    return lambda *words: run("--json", *words)


def start(*words: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start `genvm-replay` as a process; `before` stands in front of its command line.

    It hears Ctrl-C even where the tests themselves run in the background, whose children inherit that they don't.
    """
    command = [*before, sys.executable, "-m", "genvm_replay", *map(str, words)]
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, heard)


def wait(process: subprocess.Popen[str]) -> Done:
    try:
        out, err = process.communicate(timeout=PROCESS_SECONDS_MAX)
    finally:
        process.kill()  # what did not end by itself does not outlive the test
    return Done(process.returncode, out, err)


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A journal with five runs of the contract trouble.py."""
    path = tmp_path_factory.mktemp("recorded") / "journal.db"
    shared = ("--json", "--db", path, "--cache", cache)
    address = wait(start(*shared, "deploy", CONTRACTS / "trouble.py", "5")).object["address"]
    for words in (("add", "3"), ("keep", '"a text"'), ("refuse", '"no"'), ("crash",)):
        wait(start(*shared, "call", address, *words))
    return path


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path, environment: None) -> Path:
    """A copy of that journal, in use by this test's commands."""
    return Path(shutil.copy(recorded_once, tmp_path / "journal.db"))


@pytest.fixture
def trouble(recorded: Path, run_json: Callable[..., Done]) -> str:
    """The address of trouble.py in `recorded`."""
    return run_json("runs", "--limit", 1).object["contract"]


@pytest.fixture
def as_user() -> tuple[str, ...]:
    """What makes a process heed file permissions: nothing for a user, a wrapper for root."""
    if os.geteuid() != 0:
        return ()
    wrapper = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if shutil.which("setpriv") is None or subprocess.run([*wrapper, "true"], check=False).returncode:
        pytest.skip("root may write everywhere, and setpriv can't change that here")
    return wrapper
