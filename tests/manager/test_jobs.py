"""Jobs are real commands in processes: what they print comes back, what goes wrong is told, nothing outlives its limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.manager.jobs import JobFailed, Jobs, Limits, told
from genvm_replay.manager.refusals import Busy, TookTooLong

from .served import environment

EXAMPLE = Path("examples/hello.py").absolute()


@asynccontextmanager
async def jobs(folder: Path, **limits: float) -> AsyncIterator[Jobs]:
    """Jobs with the shared cache, and a journal in this folder."""
    variables = environment(folder)
    cache = Path(variables["GENVM_REPLAY_CACHE"])
    async with Jobs(Limits(**limits), variables, cache) as made:  # type: ignore[arg-type]
        yield made


def test_the_objects_of_a_command_come_back(tmp_path):
    async def run() -> None:
        async with jobs(tmp_path) as one:
            assert [Path(told["path"]).name for told in await one.run("sdk-path")] == ["guest"]
            with pytest.raises(JobFailed, match="can't read") as failed:
                await one.run("schema", str(tmp_path / "none"))
            assert failed.value.kind == "usage"

    asyncio.run(run())


def test_a_job_is_killed_at_its_limit(tmp_path):
    """So are its places given back: the next one runs."""

    async def run() -> None:
        async with jobs(tmp_path, at_once=1, seconds=0.001) as one:
            for _ in range(2):
                with pytest.raises(TookTooLong, match="schema"):
                    await one.run("schema", str(EXAMPLE))

    asyncio.run(run())


def test_a_job_of_a_caller_that_has_gone_is_killed(tmp_path):
    """The next job has the only place at once."""

    async def run() -> None:
        async with jobs(tmp_path, at_once=1) as one:
            gone = asyncio.create_task(one.run("schema", str(EXAMPLE)))
            while not one.running:
                await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert (one.running, one.waiting) == (0, 0)
            assert await one.run("sdk-path")

    asyncio.run(run())


def test_who_would_wait_too_long_is_refused_at_once(tmp_path):
    async def run() -> None:
        async with jobs(tmp_path, at_once=1, waiting_max=1) as one:
            first, second = (asyncio.create_task(one.run("sdk-path")) for _ in range(2))
            while not (one.running and one.waiting):
                await asyncio.sleep(0)
            with pytest.raises(Busy):
                await one.run("sdk-path")
            assert await first == await second

    asyncio.run(run())


def test_a_job_sees_no_secret_of_the_service(tmp_path):
    async def run() -> None:
        variables = environment(tmp_path) | {"OPENAIKEY": "secret", "GENVM_REPLAY_TOKEN": "secret"}
        async with Jobs(Limits(), variables, tmp_path) as one:
            assert "secret" not in one.environment.values()
            assert one.environment["GENVM_REPLAY_CACHE"] == variables["GENVM_REPLAY_CACHE"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("code", "out"), [(-9, b""), (3, b""), (0, b"Traceback"), (-15, b'{"a": 1}'), (0, b'{"a": 1}\n{"b')]
)
def test_an_end_that_no_command_has_is_a_problem_of_the_service(code, out):
    with pytest.raises(EnvironmentProblem):
        told("x", code, out, b"")
