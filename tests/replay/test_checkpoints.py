"""Runs that are recorded bit by bit: the same root, one row after a conflict, and a killed run replays as a prefix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal import amendments
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.delta import PageKey, StateDelta
from genvm_replay.journal.recorder import UNFINISHED, RunRecorder
from genvm_replay.journal.run import RunHeader
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench
from tests.journal.samples import record

from .contracts import HEADER, value

ROOT = Path(__file__).resolve().parents[2]
CODE = HEADER + (
    "class C(gl.Contract):\n    n: u32\n"
    "    @gl.public.write\n    def count(self, times: int) -> int:\n"
    "        for i in range(times):\n            self.n = u32(self.n + 1)\n            print(i)\n        return self.n\n"
)
TIMES = 4000
OPTIONS = CallOptions(datetime="2026-01-02T03:04:05Z")
RUNNER = """
import os, sys
from pathlib import Path
from genvm_replay.calldata import Address
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.checkpoints import DatabaseCheckpoints
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.workbench import Workbench

store = open_database(sys.argv[1])
store.checkpoint_bytes = 1
write, made = DatabaseCheckpoints.write, []

def write_and_end(self, part):
    made.append(write(self, part))
    if len(made) == 3:
        os._exit(9)
    return made[-1]

DatabaseCheckpoints.write = write_and_end
LocalNode(Workbench(store, lambda: PythonRuntime(Path(sys.argv[2])))).call(Address(bytes.fromhex(sys.argv[3])), "count", [4000])
"""


def counted(store: DatabaseStore, runtime: PythonRuntime) -> Recorded:
    """Deploy and call."""
    bench = Workbench(store, lambda: runtime)
    try:
        node = LocalNode(bench)
        address = node.deploy(CODE.encode(), options=OPTIONS).address
        return node.call(address, "count", [TIMES], options=OPTIONS)
    finally:
        bench.close()


def test_the_root_does_not_tell(runtime: PythonRuntime, bench: Workbench, tmp_path: Path) -> None:
    """Recorded bit by bit or at once: equal roots, and the replay makes the same one."""
    with open_database(tmp_path / "other.db") as other:
        at_once = counted(other, runtime)
    store = bench.store
    assert isinstance(store, DatabaseStore)
    store.checkpoint_bytes = 1
    bit_by_bit = counted(store, runtime)
    assert value(bit_by_bit) == TIMES
    assert (bit_by_bit.root, bit_by_bit.stored_bytes) == (at_once.root, at_once.stored_bytes)
    assert bit_by_bit.event_count > 2 * TIMES
    report = reexecute(store.load_run(bit_by_bit.run_id), bench)
    assert (report.identical, report.prefix_only) == (True, False)
    assert [run.status for run in store.list_runs()] == ["finished", "finished"]


class Disturbed(DatabaseStore):
    """A store whose contract another process changes while the first attempt of a call runs."""

    attempts: int = 0

    def begin_run(self, header: RunHeader) -> RunRecorder:
        self.attempts += 1
        if self.attempts == 2:  # the first one was the deployment
            with open_database(self.name) as other:
                address = header.message.contract_address
                other.commit(record({}), state=StateDelta(pages={PageKey(address, bytes(32), 7): b"theirs"}))
        return super().begin_run(header)


def test_a_conflict_leaves_one_row(runtime: PythonRuntime, tmp_path: Path) -> None:
    """What the first attempt had written is removed; the second one is recorded."""
    with open_database(tmp_path / "journal.db") as opened:
        store = Disturbed(opened.database, checkpoint_bytes=1)
        run = counted(store, runtime)
        assert store.attempts == 3
        assert [one.status for one in store.list_runs()] == ["finished"] * 3
        assert store.list_runs()[0].id == run.run_id
        amendments.check_whole(store.database)


def test_a_record_without_the_main_line(node: LocalNode, bench: Workbench) -> None:
    """A block may fill a segment before the main VM does: then there is nothing to compare, and no failure."""
    deployed = node.deploy(CODE.encode())
    header = bench.store.load_run(deployed.run_id).header
    report = reexecute(record({}, header=header, footer=UNFINISHED).open(), bench)
    assert (report.identical, report.prefix_only, report.events) == (True, True, 0)


def test_a_killed_run_replays_as_a_prefix(node: LocalNode, bench: Workbench, runtime_cache: Path) -> None:
    """Its row is marked, verifies, and is compared as far as it goes; the state is that of before."""
    address = node.deploy(CODE.encode()).address
    version = bench.store.state.contract_version(address.raw)
    done = subprocess.run(
        [sys.executable, "-B", "-c", RUNNER, bench.store.name, str(runtime_cache), address.raw.hex()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    killed = bench.store.list_runs()[0]
    assert (killed.status, killed.event_count, killed.method) == ("interrupted", 3 * 1024, "count")
    run = bench.store.load_run(killed.id)
    assert run.footer == UNFINISHED
    assert bench.store.verify_run(killed.id) == ()
    report = reexecute(run, bench)
    assert (report.identical, report.prefix_only, report.events) == (True, True, 3 * 1024)
    assert bench.store.state.contract_version(address.raw) == version
    assert value(node.call(address, "count", [1])) == 1
