"""A node whose database is a server that goes away."""

from __future__ import annotations

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench
from tests.postgres import PostgresServer

from .contracts import STORAGE, value


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_lost_while_a_contract_runs(
    postgres: PostgresServer, runtime: PythonRuntime, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """If the contract has to read on, the call fails and says so; if it is done, the run is committed all the same."""
    url = postgres.new_journal()
    with open_database(url) as store:
        bench = Workbench(store, lambda: runtime)
        node, execute = LocalNode(bench), bench.execute
        address = node.deploy(STORAGE.encode()).address

        def cut_off(*args: object, **kwargs: object) -> object:
            cut = lambda: postgres.kill_backends(url.partition("?")[0].rpartition("/")[2])  # noqa: E731
            if when == "before":
                cut()
            report = execute(*args, **kwargs)  # type: ignore[arg-type]
            cut()
            return report

        monkeypatch.setattr(bench, "execute", cut_off)
        if when == "before":
            with pytest.raises(EnvironmentProblem, match="nothing of what was under way was committed"):
                node.call(address, "put", ["a", 7, []])
        else:
            assert value(node.call(address, "put", ["a", 7, []])) == 1
        monkeypatch.setattr(bench, "execute", execute)
        runs = store.list_runs()
        assert len(runs) == (1 if when == "before" else 2)
        assert value(node.call(address, "put", ["b", 1, []])) == len(runs)
        for run in store.list_runs():
            assert reexecute(store.load_run(run.id), bench).identical
        bench.close()
