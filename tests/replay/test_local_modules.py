"""Transactions with nondeterministic blocks on a local node: the modules it asks, and replay without them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from guest.block_runs import Modules, running_modules

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.engine import Build
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, value

ASKING = (
    HEADER
    + """
class Asking(gl.Contract):
    said: DynArray[str]

    @gl.public.write
    def ask(self, what: str) -> str:
        self.said.append(gl.vm.run_nondet(lambda: gl.nondet.exec_prompt(what), lambda res: True))
        print(what, self.said[-1])
        return self.said[-1]

    @gl.public.view
    def look(self) -> str:
        return gl.eq_principle.strict_eq(lambda: gl.nondet.web.render("http://a"))
"""
)


def options(modules: Modules) -> CallOptions:
    return CallOptions(modules={"llm": modules.address, "web": modules.address})


@pytest.mark.parametrize("build", [Build.FAST, Build.EPOCH, Build.PULLEY])
def test_a_block_replays_without_its_modules(node: LocalNode, bench: Workbench, build: Build) -> None:
    """What the modules answered is in the record, on the line of the block."""
    with running_modules() as modules:
        deployed = node.deploy(ASKING.encode(), options=options(modules))
        asked = node.call(deployed.address, "ask", ["how are you?"], options=options(modules))
        seen = node.call(deployed.address, "look", options=options(modules), view=True)
    assert (value(asked), value(seen)) == ("yes", "page http://a")
    for recorded in (asked, seen):
        run = bench.store.load_run(recorded.run_id)
        assert {line.name for line in run.lines()} == {"main", "nondet:0"}
        assert reexecute(run, bench, build).identical


def test_modules_that_are_not_there(node: LocalNode, bench: Workbench) -> None:
    """The error says which, where and why; nothing is recorded, and the next transaction is none the worse."""
    nowhere = CallOptions(modules={"llm": "ws://127.0.0.1:1"})
    address = node.deploy(ASKING.encode()).address
    with pytest.raises(
        EnvironmentProblem, match=r"needs the llm module: no answer from ws://127.0.0.1:1: .*refused"
    ):
        node.call(address, "ask", ["a"], options=nowhere)
    with pytest.raises(EnvironmentProblem, match="needs the web module: its address is not configured"):
        node.call(address, "look", options=nowhere, view=True)
    assert len(list(bench.store.list_runs())) == 1
    with running_modules() as modules:
        assert value(node.call(address, "ask", ["b"], options=options(modules))) == "yes"


def test_the_deadline_ends_waiting(node: LocalNode, bench: Workbench) -> None:
    """A module that does not answer in time: the transaction is stopped, like one that computes for too long."""
    with running_modules() as modules:
        done = threading.Event()
        modules.llm = lambda asked: done.wait(20)
        hasty = replace(options(modules), deadline_ms=300)
        address = node.deploy(ASKING.encode()).address
        recorded = node.call(address, "ask", ["a"], options=hasty)
        done.set()
    outcome = recorded.report.outcome
    assert (outcome.kind, outcome.payload, outcome.interrupted) == ("vm_error", b"timeout", True)
    assert reexecute(bench.store.load_run(recorded.run_id), bench).identical
