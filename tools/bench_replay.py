"""Measures replays and reports, as ratios in one run.

- replay + verify, over the same call run live and unrecorded (target 1.15), on the build of each and both on `fast`;
- the first difference with the line of the contract, over a replay of the whole run (target 1.2);
- the whole explanation, which re-executes the run once more behind the difference, over a replay.

Contracts are in Python. The rounds of all kinds take turns; medians count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.executor.effects import Live, Streams  # noqa: E402
from genvm_replay.executor.engine import Build  # noqa: E402
from genvm_replay.executor.moment import clock_ns  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.events import ConsumeResult  # noqa: E402
from genvm_replay.journal.recorder import RunRecorder  # noqa: E402
from genvm_replay.journal.stored import StoredRun  # noqa: E402
from genvm_replay.replay.examine import examine  # noqa: E402
from genvm_replay.replay.local_node import LocalNode, call_object  # noqa: E402
from genvm_replay.replay.reexecute import reexecute  # noqa: E402
from genvm_replay.replay.state_change import StateRead  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

CONTRACT = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class Work(gl.Contract):
    total: u256
    names: TreeMap[str, u256]

    @gl.public.write
    def small(self) -> int:
        self.total = u256(self.total + 1)
        return 0

    @gl.public.write
    def storage(self) -> int:
        for i in range(200):
            self.names[str(i)] = u256(i)
        return 0

    @gl.public.write
    def compute(self) -> int:
        return sum(i * i % 7 for i in range(300_000)) * 0
"""
METHODS = ("small", "storage", "compute")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each kind")
    options = parser.parse_args()
    runtime = PythonRuntime(Path(os.environ.get("GENVM_REPLAY_TEST_CACHE") or default_cache(os.environ)))
    print(
        "a call of   events   replay ms   replay/live   (live on fast)   first report/replay   explained/replay"
    )
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "journal.db") as store:
        bench = Workbench(store, lambda: runtime)
        for method in METHODS:
            print(row(bench, method, options.rounds), flush=True)
        bench.close()


def row(bench: Workbench, method: str, rounds: int) -> str:
    """Measure one method."""
    node = LocalNode(bench)
    address = node.deploy(CONTRACT).address
    node.call(address, method)  # so that the next one finds what later ones find
    run = bench.store.load_run(node.call(address, method).run_id)
    forgery = forged(run)
    assert reexecute(run, bench).identical
    assert reexecute(forgery, bench).divergence is not None
    timed: dict[str, Callable[[], object]] = {
        "replay": lambda: reexecute(run, bench),
        "live": lambda: live(bench, run, method, Build.EPOCH),
        "live fast": lambda: live(bench, run, method, Build.FAST),
        "first": lambda: reexecute(forgery, bench),
        "explained": lambda: examine(forgery, bench),
    }
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for number in range(rounds + 1):
        for name, work in timed.items():
            started = time.perf_counter()
            work()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - started)
    taken = {name: statistics.median(found) for name, found in seconds.items()}
    replay, events = taken["replay"], sum(line.count for line in run.lines())
    return (
        f"{method:<9} {events:>8,} {replay * 1000:>11.1f} {replay / taken['live']:>13.2f}"
        f" {replay / taken['live fast']:>16.2f} {taken['first'] / replay:>21.2f}"
        f" {taken['explained'] / replay:>18.2f}"
    )


def live(bench: Workbench, run: StoredRun, method: str, build: Build) -> None:
    """The same call on the local state, with nothing recorded or committed."""
    message = run.header.message
    host = LocalHost(StateRead(bench.store.state), message.contract_address, call_object(method, (), {}), 0)
    report = bench.execute(run.header, Live(host, clock_ns(message), Streams()), build)
    assert report.outcome.kind == "return", report.outcome


def forged(run: StoredRun) -> StoredRun:
    """A copy whose last event is another, with fitting hashes: the whole run is re-executed before it is found."""
    recorder = RunRecorder(run.header)
    for event in run.read_line("main"):
        request = event.request
        if isinstance(request, ConsumeResult):
            request = msgspec.structs.replace(request, payload=request.payload + b"?")
        recorder.line("main").append(request, event.answer)
    return recorder.finish(run.footer).open()


if __name__ == "__main__":
    main()
