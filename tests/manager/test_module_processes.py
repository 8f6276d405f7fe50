"""Modules as processes: started, ready, ended, killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.manager.launcher import Launcher
from genvm_replay.manager.module_processes import ModuleProcesses

MODULE = """
import json, os, signal, sys, time
kind, _, path, *rest = sys.argv[1:]
config = json.load(open(path))
print(json.dumps({"event": "began", "mode": os.stat(path).st_mode, "path": path, "rest": rest, "pid": os.getpid()}), file=sys.stderr)
if "fail" in config:
    sys.exit(config["fail"])
if "stubborn" in config:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "mute" not in config:
    print(json.dumps({"event": "ready", "address": config["address"]}), flush=True)
while True:
    time.sleep(60)
"""
ADDRESS = {"address": "ws://127.0.0.1:1"}
Log = list[dict]


@pytest.fixture
def modules(cache: Path) -> Callable[..., object]:
    """The modules of a manager; their program does as its configuration says."""

    @asynccontextmanager
    async def make(log: Log, **more: object) -> AsyncIterator[ModuleProcesses]:
        launcher = Launcher(cache)
        command = (sys.executable, "-c", MODULE)
        made = ModuleProcesses(
            launcher,
            command=command,
            on_log=lambda _, line: log.append(dict(line)),
            **more,  # type: ignore[arg-type]
        )
        try:
            yield made
        finally:
            await made.close()
            await launcher.close()

    return make


def test_a_module_is_started_and_stopped(modules: Callable, tmp_path: Path) -> None:
    """Once at a time, in letters of any case, its configuration where only its owner reads it."""
    log: Log = []
    default = tmp_path / "web.json"
    default.write_text(json.dumps({"address": "ws://127.0.0.1:2"}))

    async def scene() -> None:
        async with modules(log, defaults={"web": default}) as processes:
            assert processes.state("llm") == "stopped"
            assert await processes.stop("LLM") == "module_not_running"
            starting = asyncio.create_task(processes.start("Llm", ADDRESS, True))
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="module_already_running"):
                await processes.start("llm", ADDRESS)
            assert await starting == ADDRESS["address"]
            with pytest.raises(UsageError, match="module_already_running"):
                await processes.start("llm", ADDRESS)
            assert processes.health("llm")["state"] == "running"
            assert processes.addresses() == {"llm": ADDRESS["address"], "web": "ws://127.0.0.1:3032"}
            assert stat.S_IMODE(log[0]["mode"]) == 0o600
            assert not Path(log[0]["path"]).exists(), "what was read may not stay: it may hold keys"
            assert log[0]["rest"] == ["--allow-empty-backends"]
            assert await processes.start("web") == "ws://127.0.0.1:2"
            stopping = asyncio.create_task(processes.stop("llm"))
            await asyncio.sleep(0)
            assert processes.state("llm") == "stopping"
            assert await stopping == "module_stopped"
            assert (processes.state("llm"), processes.state("web")) == ("stopped", "running")
            with pytest.raises(UsageError, match="module_type"):
                await processes.start("sql")

    asyncio.run(scene())


def test_a_module_that_does_not_get_ready(modules: Callable) -> None:
    """It ended, with what it said last; or it took too long. Then it can be started again."""
    log: Log = []

    async def scene() -> None:
        async with modules(log, start_s=0.5) as processes:
            for config, reason in (
                ({"fail": "no key for the backend"}, "\nno key for the backend"),
                ({"mute": True}, "not ready within 0.5 s"),
            ):
                with pytest.raises(EnvironmentProblem, match="module_failed_to_start: llm: ") as caught:
                    await processes.start("llm", config)
                assert reason in str(caught.value)
                assert processes.state("llm") == "stopped"
            await processes.start("llm", ADDRESS)

    asyncio.run(scene())


def test_a_killed_module_is_noticed(modules: Callable) -> None:
    """At once; it is not started again by itself, but can be."""
    log: Log = []

    async def scene() -> None:
        async with modules(log) as processes:
            await processes.start("web", ADDRESS)
            os.kill(log[0]["pid"], signal.SIGKILL)
            while processes.state("web") == "running":
                await asyncio.sleep(0.01)
            assert processes.health("web") == {
                "state": "stopped",
                "address": None,
                "started_at": None,
                "last_exit_code": -signal.SIGKILL,
            }
            await processes.start("web", ADDRESS)
            assert processes.state("web") == "running"

    asyncio.run(scene())
