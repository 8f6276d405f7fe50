"""The manager is killed: what it has accepted ends in a result or in a documented error, and its children end too."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.host_bridge.blocking_server import BlockingHostServer
from tests.postgres import PostgresServer

from .conftest import MakeRuns
from .nodes import WAIT_S, Node, ended, fields, order, serving


@contextmanager
def manager(journal: str, cache: Path) -> Iterator[subprocess.Popen[str]]:
    """A manager in a process of its own."""
    words = [sys.executable, str(Path(__file__).with_name("keeping.py")), journal, str(cache)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert said(process) == "ready"
        yield process
        process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], WAIT_S)[0]
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str], uri: str, **changes: object) -> int:
    assert process.stdin is not None
    process.stdin.write(json.dumps(fields(uri, **changes)) + "\n")
    process.stdin.flush()
    return int(said(process))


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_manager_loses_nothing_it_has_answered(
    kind: str, make_runs: MakeRuns, tmp_path: Path, cache: Path, request: pytest.FixtureRequest
) -> None:
    """Results stay; what ran is `lost`, its executor and its permits with it; the next id is a new one."""
    postgres: PostgresServer | None = request.getfixturevalue("postgres") if kind == "postgres" else None
    journal = str(tmp_path / "journal.db") if postgres is None else postgres.new_journal()
    spinning = Node("spin")
    with (
        manager(journal, cache) as process,
        BlockingHostServer(Node("inc", 2), f"unix://{tmp_path}/a") as first,
        BlockingHostServer(spinning, f"unix://{tmp_path}/b") as second,
    ):
        finished = ask(process, first.uri, host_genvm_id="wait")
        assert said(process) == "finished"
        running = ask(process, second.uri, host_genvm_id="again")
        assert spinning.began.wait(WAIT_S)
        with pytest.raises(EnvironmentProblem, match="another manager"):
            asyncio.run(opened(make_runs, journal))
        launcher, folder = launcher_of(process.pid)
        process.kill()
        report = second.wait(WAIT_S)
        assert report is not None, "its executor is gone"
        assert not report.finished
        assert select.select([launcher], [], [], WAIT_S)[0], "so is what started it"
        os.close(launcher)
        assert not folder.exists()

    async def scene() -> None:
        async with make_runs(journal=journal) as runs, serving(Node("inc", 2), tmp_path) as host:
            known = {run.run_id: run.finished for run in runs.executions()}
            assert sorted(known) == [finished, running]
            assert known[finished].stdout == "by 2\n"  # type: ignore[union-attr]
            assert known[finished].recorded_id is not None  # type: ignore[union-attr]
            assert known[running].cause == "lost"  # type: ignore[union-attr]
            assert str(known[running].error).startswith("lost: ")  # type: ignore[union-attr]
            again = await runs.start(order(host, host_genvm_id="again"))
            assert again > running, "the key of a lost run is free"
            assert (await ended(runs, again)).error is None

    asyncio.run(scene())


def launcher_of(pid: int) -> tuple[int, Path]:
    """A descriptor of the launcher of a manager, and the folder in which it listens."""
    [launcher] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    words = Path(f"/proc/{launcher}/cmdline").read_bytes().split(b"\0")
    [socket] = [Path(os.fsdecode(word)) for word in words if word.endswith(b"/launcher")]
    return os.pidfd_open(int(launcher)), socket.parent


async def opened(make_runs: MakeRuns, journal: str) -> None:
    async with make_runs(journal=journal):
        pass
