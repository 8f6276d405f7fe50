"""A module as a process: its ready line, its log, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from genvm_replay import calldata

from .serving import GUARD_S, HELLO, prompt

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import asyncio, os, sys
from contextlib import asynccontextmanager
from genvm_replay.modules.logs import log_to
from genvm_replay.modules.service import ready_line, serve
from tests.modules.serving import SmallModule

@asynccontextmanager
async def module():
    try:
        yield SmallModule()
    finally:
        print("module closed", flush=True)

log_to(sys.stderr, "info")
parent = os.getppid() if "--die-with-parent" in sys.argv else None
asyncio.run(serve(module(), "127.0.0.1", 0, ready=lambda a: print(ready_line(a), flush=True), parent=parent))
"""


@contextmanager
def service(*, shell: bool = False) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service and its address; `shell`: a process between us and it."""
    command = [sys.executable, "-c", PROGRAM]
    if shell:
        inner = [*command, "--die-with-parent"]
        command = [sys.executable, "-c", f"import subprocess; subprocess.run({inner!r})"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["event"] == "ready"
            yield process, ready["address"]
        finally:
            process.kill()


def say(address: str, text: str) -> Any:
    with connect(address, proxy=None) as connection:
        connection.send(calldata.encode(HELLO))
        connection.send(prompt(text))
        return calldata.decode(connection.recv(GUARD_S, decode=False))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals(number: signal.Signals) -> None:
    """End it cleanly: the module is closed, the exit code is 0, the log is JSON without what was said."""
    with service() as (process, address):
        assert say(address, "say sk-secret")["Ok"]["data"] == "sk-secret"
        assert "FatalError" in say(address, "unknown sk-secret")
        process.send_signal(number)
        out, err = process.communicate(timeout=GUARD_S)
        assert process.returncode == 0
        assert out == "module closed\n"
        told = [json.loads(line) for line in err.splitlines()]
        assert [one["message"] for one in told] == [
            "ready",
            "answered",
            "a request failed",
            "answered",
            "stopped",
        ]
        assert told[1]["verdict"] == "Ok"
        assert "secret" not in err


def test_the_end_of_the_parent() -> None:
    """Is its own, where that is asked for."""
    with service(shell=True) as (process, address):
        assert say(address, "say hi")["Ok"]["data"] == "hi"
        os.kill(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        assert process.stdout.read() == "module closed\n"  # the pipe ends with its last holder
