"""Runs of a manager: real executors, a real journal, hosts over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

from genvm_replay.journal.database import open_database

from .conftest import MakeRuns
from .nodes import Node, ended, order, serving


def test_a_run_is_executed_recorded_and_kept(make_runs: MakeRuns, tmp_path: Path) -> None:
    """The host gets the result, the journal the record, whoever asks the output, until it is acknowledged."""

    async def scene() -> None:
        node = Node("inc", 2)
        async with make_runs() as runs, serving(node, tmp_path) as host:
            run_id = await runs.start(order(host))
            finished = await ended(runs, run_id)
            assert (finished.cause, finished.exit_code, finished.error) == ("exited", 0, None)
            assert finished.stdout == "by 2\n"
            assert node.result == b"\x00\x11"
            with open_database(tmp_path / "journal.db") as store:
                assert store.verify_run(finished.recorded_id) == ()
            runs.acknowledge(run_id)
            assert runs.status(run_id) is None
        async with make_runs() as runs:
            assert runs.executions() == []

    asyncio.run(scene())
