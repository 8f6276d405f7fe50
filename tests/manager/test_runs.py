"""Runs of a manager: real executors, a real journal, hosts over real sockets."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from pathlib import Path

import pytest
from executor.talking import Talk
from modules.serving import RAW, running

from genvm_replay.calldata import Value
from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal import query
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import store_code
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .conftest import MakeRuns
from .nodes import COUNTER, Node, ended, order, serving, workers

TIMEOUT = b"\x02"  # result code of a VM error


def test_a_run_is_executed_recorded_and_kept(make_runs: MakeRuns, tmp_path: Path, cache: Path) -> None:
    """The host gets the result, the journal a record that replays, whoever asks the output; until it is acknowledged."""

    async def scene() -> int:
        node = Node("inc", 2)
        async with make_runs() as runs, serving(node, tmp_path) as host:
            run_id = await runs.start(order(host, extra_args=["--debug-mode", "--print=result"]))
            runs.acknowledge(run_id)  # it has not ended: there is nothing to forget
            finished = await ended(runs, run_id)
            assert (finished.cause, finished.exit_code, finished.error) == ("exited", 0, None)
            assert finished.stdout == 'by 2\nexecuted with `Return("\\x11")`\n'
            assert finished.stderr == ""
            assert finished.genvm_log == [{"level": "info", "message": "finished", "result": "return"}]
            assert node.result == b"\x00\x11"
            assert runs.executions() == [runs.status(run_id)]
        async with make_runs() as runs:
            status = runs.status(run_id)
            assert status is not None
            assert status.finished == finished, "a restart loses nothing"
            runs.acknowledge(run_id)
            assert runs.status(run_id) is None
        async with make_runs() as runs, serving(Node("inc", 3), tmp_path) as host:
            assert runs.executions() == []
            assert await runs.start(order(host)) > run_id, "no id is given twice"
        assert finished.recorded_id is not None
        return finished.recorded_id

    recorded_id = asyncio.run(scene())
    with open_database(tmp_path / "journal.db") as store:
        report = reexecute(store.load_run(recorded_id), Workbench(store, lambda: PythonRuntime(cache)))
    assert report.identical


def test_what_the_order_has_the_host_is_not_asked(make_runs: MakeRuns, tmp_path: Path) -> None:
    """Calldata, the code of a deployment and the leader's results, as later releases send them."""
    nodes = [Node("inc", 2), Node("inc", 2, code=None), Node("ask")]
    calls = [node.call for node in nodes]
    leader = base64.b64encode(b"\x00\x24here").decode()
    more = [
        {"calldata": base64.b64encode(calls[0]).decode()},
        {"code": base64.b64encode(COUNTER.encode()).decode()},
        {"leader_nondet_results": [leader], "is_sync": True},
    ]

    async def scene() -> None:
        async with make_runs() as runs:
            for node, changes in zip(nodes, more, strict=True):
                async with serving(node, tmp_path) as host:
                    finished = await ended(runs, await runs.start(order(host, **changes)))
                assert finished.error is None, finished

    asyncio.run(scene())
    assert [node.asked for node in nodes] == [[], ["calldata"], ["calldata"]]
    assert [node.result for node in nodes] == [b"\x00\x11", b"\x00\x11", b"\x00\x24here"]


def test_a_deadline_is_the_hosts_to_know(make_runs: MakeRuns, tmp_path: Path) -> None:
    """The guest is stopped and its host still gets the VM error `timeout`; what was recorded is a prefix."""

    async def scene() -> None:
        node = Node("spin")
        async with make_runs() as runs, serving(node, tmp_path) as host:
            run_id = await runs.start(order(host, deadline=0.3))
            finished = await ended(runs, run_id)
            status = runs.status(run_id)
        assert status is not None
        assert status.strict_deadline is not None
        assert status.strict_deadline <= finished.finished_at
        assert (finished.cause, finished.exit_code, finished.error) == ("deadline", 0, None)
        assert node.result[:1] == TIMEOUT
        assert b"timeout" in node.result
        with open_database(tmp_path / "journal.db") as store:
            assert store.load_run(finished.recorded_id).footer.interrupted

    asyncio.run(scene())


def test_one_crash_takes_no_other_run_down(make_runs: MakeRuns, tmp_path: Path) -> None:
    """A killed worker is a documented error at once; a killed launcher is one of all its runs, and is started again."""

    async def scene() -> None:
        nodes = [Node("spin") for _ in range(3)]
        async with make_runs() as runs, AsyncNodes(nodes, tmp_path) as hosts:
            first = await runs.start(order(hosts[0]))
            await began(nodes[0])
            [victim] = workers(runs)
            others = [await runs.start(order(host)) for host in hosts[1:]]
            os.kill(victim, signal.SIGKILL)
            finished = await ended(runs, first)
            assert (finished.cause, finished.exit_code) == ("exited", -signal.SIGKILL)
            assert str(finished.error).startswith("executor_crashed: ")
            assert [runs.status(other).finished for other in others] == [None, None]  # type: ignore[union-attr]
            assert runs.permits.used == 2

            os.kill(runs.launcher.pid, signal.SIGKILL)  # type: ignore[arg-type]
            for other in others:
                finished = await ended(runs, other)
                assert (finished.cause, finished.exit_code) == ("exited", None)
                assert str(finished.error).startswith("executor_crashed: ")
            async with serving(Node("inc", 2), tmp_path) as host:
                assert (await ended(runs, await runs.start(order(host)))).error is None
            assert runs.permits.used == 0

    asyncio.run(scene())


def test_what_could_not_run_says_why(make_runs: MakeRuns, tmp_path: Path) -> None:
    """Without a host the executor fails, and its log says so; an order that does not fit is refused before."""

    async def scene() -> None:
        async with make_runs() as runs:
            finished = await ended(runs, await runs.start(order(f"unix://{tmp_path}/nobody")))
            assert (finished.cause, finished.exit_code) == ("exited", 1)
            assert str(finished.error).startswith("executor_failed: ")
            assert "host was lost" in finished.genvm_log[-1]["message"]
            for changes in (
                {"extra_args": ["--unknown"]},
                {"extra_args": ["--permissions", "x"]},
                {"major": 3},
            ):
                with pytest.raises(UsageError):
                    await runs.start(order("unix:///nobody", **changes))
            assert len(runs.executions()) == 1

    asyncio.run(scene())


def test_runs_are_cancelled_wherever_they_are(make_runs: MakeRuns, tmp_path: Path) -> None:
    """One that works is asked and has its result handed over; one that is queued never starts; both stay known."""

    async def scene() -> None:
        nodes = [Node("spin"), Node("inc", 2)]
        async with make_runs(permits=2) as runs, AsyncNodes(nodes, tmp_path) as hosts:
            working = await runs.start(order(hosts[0], is_sync=False))
            await began(nodes[0])
            waiting = asyncio.create_task(runs.start(order(hosts[1])))
            events = runs.subscribe(None)
            queued = await anext(events)
            assert (queued.kind, runs.queued) == ("queued", 1)
            assert all(await asyncio.gather(*(runs.cancel(queued.run_id, 0) for _ in range(2))))
            assert await waiting == queued.run_id
            assert await runs.cancel(working, 10)
            assert not await runs.cancel(99, 0)
            ends = [(await ended(runs, run_id)) for run_id in (queued.run_id, working)]
            assert [(end.cause, end.exit_code) for end in ends] == [("cancelled", None), ("cancelled", 0)]
            assert ends[0].error == "cancelled: it had not started"
            assert nodes[0].result[:1] == TIMEOUT
            assert nodes[1].asked == []
            assert await runs.cancel(working, 0), "it is known, and over"

    asyncio.run(scene())


def test_the_queue_is_bounded(make_runs: MakeRuns, tmp_path: Path) -> None:
    """In length and in time; who is turned away is told so, and no run of his is left."""

    async def scene() -> None:
        node = Node("spin")
        async with make_runs(permits=2, queue_max=2, queue_s=0.2) as runs, serving(node, tmp_path) as host:
            working = await runs.start(order(host, is_sync=False))
            waiting = asyncio.create_task(runs.start(order("unix:///x")))
            await asyncio.sleep(0)
            with pytest.raises(EnvironmentProblem, match="too_many_runs"):
                await runs.start(order("unix:///x"))
            with pytest.raises(EnvironmentProblem, match="no_permit_in_time"):
                await waiting
            gone = asyncio.create_task(runs.start(order("unix:///x")))
            await asyncio.sleep(0)
            gone.cancel()  # as when its client hangs up
            with pytest.raises(asyncio.CancelledError):
                await gone
            while len(runs.executions()) > 1:
                await asyncio.sleep(0.01)
            assert [run.run_id for run in runs.executions()] == [working]
            await runs.cancel(working, 0)
        async with make_runs() as runs:
            assert [run.run_id for run in runs.executions()] == [working]

    asyncio.run(scene())


def test_equal_keys_are_one_run(make_runs: MakeRuns, tmp_path: Path) -> None:
    """At the same time, after its end, after a restart; until it is acknowledged."""

    async def scene() -> None:
        async with make_runs() as runs, serving(Node("inc", 2), tmp_path) as host:
            ordered = order(host, host_genvm_id="attempt 1")
            first, second = await asyncio.gather(runs.start(ordered), runs.start(ordered))
            await ended(runs, first)
            assert (first, await runs.start(ordered)) == (second, first)
        async with make_runs() as runs, serving(Node("inc", 2), tmp_path) as host:
            assert await runs.start(ordered) == first
            runs.acknowledge(first)
            again = await runs.start(order(host, host_genvm_id="attempt 1"))
            assert again > first
            assert (await ended(runs, again)).error is None

    asyncio.run(scene())


def test_draining_waits_and_then_stops(make_runs: MakeRuns, tmp_path: Path) -> None:
    """What works may end, what waits is turned away, nothing new is taken; at last what still works is stopped."""

    async def scene() -> None:
        nodes = [Node("spin"), Node("inc", 2)]
        async with make_runs(permits=2) as runs, AsyncNodes(nodes, tmp_path) as hosts:
            working = await runs.start(order(hosts[0], is_sync=False))
            await began(nodes[0])
            waiting = asyncio.create_task(runs.start(order(hosts[1])))
            await asyncio.sleep(0)
            await runs.drain(0.1)
            with pytest.raises(EnvironmentProblem, match="manager_is_stopping"):
                await waiting
            with pytest.raises(EnvironmentProblem, match="manager_is_stopping"):
                await runs.start(order(hosts[1]))
            finished = await ended(runs, working)
            assert (finished.cause, finished.exit_code, finished.error) == ("shutdown", 0, None)
            assert nodes[0].result[:1] == TIMEOUT

    asyncio.run(scene())


def test_a_module_writes_into_the_runs_log(make_runs: MakeRuns, tmp_path: Path) -> None:
    """By the run's id, while it works; readers of events see it too."""

    async def scene() -> None:
        async with make_runs() as runs, serving(Node("spin"), tmp_path) as host:
            run_id = await runs.start(order(host))
            events = runs.subscribe(run_id)
            for name in (f"{run_id}", f"{run_id + 1}", None, "x", 1.5):
                runs.module_log("llm", {"message": f"of {name}", "run": name})
            told = await anext(events)
            expected = {"module": "llm", "message": f"of {run_id}", "run": f"{run_id}"}
            assert (told.kind, told.data) == ("output", {"stream": "log", "line": expected})
            await runs.cancel(run_id, 10)
            log = (await ended(runs, run_id)).genvm_log
            assert [line for line in log if "module" in line] == [expected]

    asyncio.run(scene())


def test_what_a_module_tried_is_recorded(make_runs: MakeRuns, tmp_path: Path) -> None:
    """The run names itself by its id, asks for attempts, and the journal has them with what the provider said."""
    prompt: Value = {"ExecPrompt": {"prompt": "try 2", "images": []}}
    code = Talk([{"RunNondet": {"data_leader": b"", "data_validator": b""}}], stage=[prompt]).code()
    node = Node("inc", code=None)
    store_code(node, code)

    async def scene(address: str) -> int:
        async with make_runs(modules=lambda: {"llm": address}) as runs, serving(node, tmp_path) as host:
            extra_args = ["--debug-mode", "--keep-raw"]
            run_id = await runs.start(order(host, is_sync=False, extra_args=extra_args))
            assert (await ended(runs, run_id)).error is None
            return run_id

    with running() as server:
        run_id = asyncio.run(scene(server.address))
        [hello] = server.module.hellos
    assert hello.name == str(run_id)
    with open_database(tmp_path / "journal.db") as store:
        rows, _ = query.search(store.database, query.ATTEMPTS, query.RunFilter(), 9)  # type: ignore[arg-type]
    assert [(row["backend"], row["raw_size"]) for row in rows] == [("b0", len(RAW)), ("b1", len(RAW))]


class AsyncNodes:
    """Several hosts at once."""

    def __init__(self, nodes: list[Node], folder: Path) -> None:
        self._scopes = [serving(node, folder) for node in nodes]

    async def __aenter__(self) -> list[str]:
        return [await scope.__aenter__() for scope in self._scopes]

    async def __aexit__(self, *error: object) -> None:
        for scope in self._scopes:
            await scope.__aexit__(None, None, None)


async def began(node: Node) -> None:
    """Wait until the contract works."""
    while not node.began.is_set():
        await asyncio.sleep(0.01)
