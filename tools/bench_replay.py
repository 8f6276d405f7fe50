"""Measures replays and reports, as ratios in one run.

- replay + verify, over the same call run live and unrecorded (target 1.15), on the build of each and both on `fast`;
- the first report, over a replay of the whole run (target 1.2): the first difference, where the contract was, what it
  changed in the end, and a class of cause with its evidence. Of a forged result, the last event, and of a forged answer
  of the host that changes what is stored;
- the repetition that shows that the difference is no leak of nondeterminism, over a replay.

Contracts are in Python. The rounds of all kinds take turns; a ratio is the median of those of the rounds, of processor
time: nothing here waits, and other users of the machine do not show in it.
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

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.executor.effects import Live, Streams  # noqa: E402
from genvm_replay.executor.engine import Build  # noqa: E402
from genvm_replay.executor.moment import clock_ns  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.executor.storage_slots import ROOT_SLOT, indirection  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.events import Answer, ConsumeResult, Event, StorageRead  # noqa: E402
from genvm_replay.journal.recorder import RunRecorder  # noqa: E402
from genvm_replay.journal.stored import StoredRun  # noqa: E402
from genvm_replay.replay.examine import confirmed, examine  # noqa: E402
from genvm_replay.replay.local_node import LocalNode, call_object  # noqa: E402
from genvm_replay.replay.reexecute import reexecute  # noqa: E402
from genvm_replay.replay.state_change import StateRead  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

CONTRACT = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class Work(gl.Contract):
    last: u256
    names: TreeMap[str, u256]

    def __init__(self):
        self.last = u256(5)

    def done(self) -> int:
        self.last = u256(self.last)
        return 0

    @gl.public.write
    def small(self) -> int:
        return self.done()

    @gl.public.write
    def storage(self) -> int:
        for i in range(200):
            self.names[str(i)] = u256(i)
        return self.done()

    @gl.public.write
    def compute(self) -> int:
        return sum(i * i % 7 for i in range(300_000)) * self.done()
"""
LAST_SLOT = indirection(ROOT_SLOT, 0)
STORED = (5).to_bytes(32, "little")
METHODS = ("small", "storage", "compute")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each kind")
    options = parser.parse_args()
    runtime = PythonRuntime(Path(os.environ.get("GENVM_REPLAY_TEST_CACHE") or default_cache(os.environ)))
    print(
        "a call of   events   replay ms   replay/live   (both fast)   first report/replay   (answer)   +repetition"
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
    forgeries = {"result": forged(run, other_result), "answer": forged(run, other_answer)}
    told = {name: examine(forgery, bench).explanation for name, forgery in forgeries.items()}
    assert reexecute(run, bench).identical
    assert all(one is not None and not one.unknown_end for one in told.values())
    assert told["answer"].changes
    work: dict[str, Callable[[], object]] = {
        "replay": lambda: reexecute(run, bench),
        "live": lambda: live(bench, run, method, Build.EPOCH),
        "live fast": lambda: live(bench, run, method, Build.FAST),
        "result": lambda: examine(forgeries["result"], bench),
        "answer": lambda: examine(forgeries["answer"], bench),
        "repeated": lambda: confirmed(forgeries["answer"], bench, told["answer"]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, once in work.items():
            started = time.process_time()
            once()
            if number:  # the first round warms up
                seconds[name].append(time.process_time() - started)

    def ratio(part: str, whole: str) -> float:
        return statistics.median(
            one / other for one, other in zip(seconds[part], seconds[whole], strict=True)
        )

    events = sum(line.count for line in run.lines())
    return (
        f"{method:<9} {events:>8,} {statistics.median(seconds['replay']) * 1000:>11.1f}"
        f" {ratio('replay', 'live'):>13.2f} {ratio('replay', 'live fast'):>13.2f}"
        f" {ratio('result', 'replay'):>21.2f} {ratio('answer', 'replay'):>10.2f}"
        f" {ratio('repeated', 'replay'):>13.2f}"
    )


def live(bench: Workbench, run: StoredRun, method: str, build: Build) -> None:
    """The same call on the local state, with nothing recorded or committed."""
    message = run.header.message
    host = LocalHost(StateRead(bench.store.state), message.contract_address, call_object(method, (), {}), 0)
    report = bench.execute(run.header, Live(host, clock_ns(message), Streams()), build)
    assert report.outcome.kind == "return", report.outcome


def forged(run: StoredRun, other: Callable[[Event], Event]) -> StoredRun:
    """A copy in which some events of the main line are others, with fitting hashes."""
    recorder = RunRecorder(run.header)
    for event in run.read_line("main"):
        changed = other(event)
        recorder.line("main").append(changed.request, changed.answer)
    return recorder.finish(run.footer).open()


def other_result(event: Event) -> Event:
    """Another result: the last event, so the whole run is re-executed before it is found."""
    if not isinstance(event.request, ConsumeResult):
        return event
    return Event(ConsumeResult(event.request.payload + b"?"), event.answer)


def other_answer(event: Event) -> Event:
    """Another number in the slot that `last` is in, wherever it is read."""
    request, value = event.request, event.answer.value
    if not isinstance(request, StorageRead) or request.slot != LAST_SLOT or value != STORED:
        return event
    return Event(request, Answer(0, (77).to_bytes(32, "little")))


if __name__ == "__main__":
    main()
