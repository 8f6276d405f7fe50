"""The process that forks: started once whoever waits for it, and what it refuses is told as refused."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

import genvm_replay
from genvm_replay.errors import EnvironmentProblem
from genvm_replay.forking.link import release
from genvm_replay.manager.launcher import Launcher

SAYS_NOTHING = "this"  # a module that prints a poem, and ends


def test_who_is_cancelled_while_it_starts_leaves_it_to_the_others(cache: Path) -> None:
    """Nobody finds one that is not ready, and there is one."""

    async def scene() -> None:
        launcher = Launcher(cache)
        first = asyncio.create_task(launcher.start())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pid = launcher.pid
        assert pid is not None
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        launched = await launcher.launch(["exec", "/bin/sh", "-c", "exit 7"], {}, {})
        assert (await launched.exited, launcher.pid) == (7, pid)
        await launcher.close()

    asyncio.run(scene())


def test_one_that_is_closed_while_it_starts_is_gone(cache: Path) -> None:
    async def scene() -> None:
        launcher = Launcher(cache)
        first = asyncio.create_task(launcher.start())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pid = launcher.pid
        await launcher.close()
        assert first.cancelled() or await asyncio.gather(first, return_exceptions=True)
        assert not Path(f"/proc/{pid}").exists()

    asyncio.run(scene())


def test_one_that_does_not_get_ready_is_started_anew(cache: Path) -> None:
    """The second call does not take it for one that runs."""

    async def scene() -> None:
        launcher = Launcher(cache, SAYS_NOTHING)
        for _ in range(2):
            with pytest.raises(EnvironmentProblem, match="can't be started"):
                await launcher.start()
        await launcher.close()

    asyncio.run(scene())


def test_what_it_refuses_was_never_started(cache: Path) -> None:
    """A request of another release is no work that ended."""

    async def scene() -> None:
        launcher = Launcher(cache)
        launcher._release = "another"
        with pytest.raises(EnvironmentProblem, match="another release"):
            await launcher.launch(["exec", "/bin/true"], {}, {})
        await launcher.close()

    asyncio.run(scene())


def test_compiled_code_is_no_new_release() -> None:
    """The first import puts a folder beside the code, while the manager and its launcher are starting."""
    before = release()
    folder = Path(genvm_replay.__file__).parent
    os.utime(folder)
    assert release() == before


def test_one_that_nobody_can_reach_is_replaced(cache: Path) -> None:
    """A process hangs up before the system calls it dead; who has work in that moment gets it done."""

    async def scene() -> None:
        launcher = Launcher(cache)
        await launcher.start()
        first = launcher.pid
        Path(launcher._socket).unlink()
        with socket.socket(socket.AF_UNIX) as refusing:
            refusing.bind(launcher._socket)
            launched = await launcher.launch(["exec", "/bin/true"], {}, {})
        assert await launched.exited == 0
        assert launcher.pid != first
        await launcher.close()

    asyncio.run(scene())
