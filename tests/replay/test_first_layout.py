"""Contracts of the first SDK layout (spec/sdk.md 1.13) run under its runner id; no other contract sees the old names."""

from __future__ import annotations

from pathlib import Path

from genvm_replay.calldata import Address
from genvm_replay.executor.runners.published import RELEASES
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import failure, value

FIRST, *LATER = (hashes["py-genlayer"] for hashes in RELEASES.values())
LEDGER = (Path(__file__).parents[1] / "guest" / "corpus" / "l1_ledger.py").read_text()
OLD_NAMES = """
from genlayer import *

class C(gl.Contract):
    @gl.public.view
    def names(self) -> list:
        import genlayer
        found = [name for name in ("Rollback", "rollback_immediate", "storage_inmem_allocate") if hasattr(gl, name)]
        found += [name for name in ("msg",) if hasattr(gl.vm.UserError("m"), name)]
        return [*found, "Rollback" in globals(), hasattr(genlayer, "std"), gl.message.__class__.__name__]
"""
OTHER = "0x0b0b0b0b0B0b0b0B0B0B0B0B0b0B0b0b0b0B0b0B"


def test_ledger(node: LocalNode, bench: Workbench) -> None:
    """The decorator, the star import, `genlayer.std`, the message, storage, and errors under their old names."""
    deployed = node.deploy(LEDGER.encode(), [100])
    address = deployed.address
    value(deployed)
    value(node.call(address, "transfer", [OTHER, 30]))
    assert failure(node.call(address, "transfer", [OTHER, 300])) == ("user_error", "not enough")
    assert failure(node.call(address, "refuse")) == ("user_error", "at once")
    assert value(node.call(address, "caught", view=True)) == ["inside", True, True]
    last = node.call(address, "memory", view=True)
    assert value(last) == {"a": 1}
    assert reexecute(bench.store.load_run(last.run_id), bench).identical


def names(node: LocalNode, runner: str) -> list[object]:
    code = f'# {{ "Depends": "py-genlayer:{runner}" }}' + OLD_NAMES
    deployed = node.deploy(code.encode())
    assert isinstance(deployed.address, Address)
    found = value(node.call(deployed.address, "names", view=True))
    assert isinstance(found, list)
    return found


def test_only_the_first_layout_has_the_old_names(node: LocalNode) -> None:
    """Under every later id, and under `test`, they are absent."""
    old = ["Rollback", "rollback_immediate", "storage_inmem_allocate", "msg", True, True, "MessageType"]
    assert names(node, FIRST) == old
    for runner in {*LATER, "test"}:
        assert names(node, runner) == [False, False, "MessageType"]


def test_a_traceback_names_the_contract(node: LocalNode) -> None:
    """The author's file and line, nothing of what runs it."""
    code = f'# {{ "Depends": "py-genlayer:{FIRST}" }}\nfrom genlayer import *\n1 / 0\n'
    stderr = node.deploy(code.encode()).streams.stderr.decode()
    assert 'File "/contract.py", line 3, in <module>\n    1 / 0\n' in stderr
    assert stderr.startswith('Traceback (most recent call last):\n  File "/contract.py"'), stderr
