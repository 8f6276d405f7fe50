"""The events that the journal's benchmark works with: records of real runs, not made-up ones.

Recorded anew each time on a local node, about five seconds: a token ledger and a counter in Python (transfers to one
and to eight accounts, small calls), and a guest in WebAssembly text that reads and writes 10,000 times. More runs are
repetitions of these under other transaction ids.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import wasmtime

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.calldata import Address  # noqa: E402
from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.events import Answer, Request  # noqa: E402
from genvm_replay.journal.recorder import FinishedRun, RunRecorder  # noqa: E402
from genvm_replay.journal.run import RunFooter, RunHeader  # noqa: E402
from genvm_replay.journal.stored import StoredRun  # noqa: E402
from genvm_replay.replay.local_node import CallOptions, LocalNode  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402
from tools.bench_transactions import CONTRACT, STORAGE_WAT  # noqa: E402

LEDGER = ROOT / "genvm_replay" / "cli" / "demo" / "token_ledger.py"
Pairs = list[tuple[Request, Answer]]


@dataclass(frozen=True)
class Recorded:
    """One real run, to be recorded again."""

    header: RunHeader
    footer: RunFooter
    lines: dict[str, Pairs]

    @property
    def event_count(self) -> int:
        """Events of all lines."""
        return sum(map(len, self.lines.values()))

    def again(self, number: int) -> FinishedRun:
        """Record the same events as another transaction."""
        header = msgspec.structs.replace(self.header, tx=number.to_bytes(32, "big"))
        recorder = RunRecorder(header)
        for name, pairs in self.lines.items():
            append = recorder.line(name).append
            for request, answer in pairs:
                append(request, answer)
        return recorder.finish(self.footer)


@dataclass(frozen=True)
class Corpus:
    """Real runs, by the kind of their guest."""

    python: list[Recorded]
    wat: Recorded

    def long(self, count: int) -> Recorded:
        """A run of the WebAssembly guest's events, repeated until there are `count`."""
        [main] = self.wat.lines.values()
        pairs = (main * (count // len(main) + 1))[:count]
        return Recorded(self.wat.header, self.wat.footer, {"main": pairs})


def record_corpus() -> Corpus:
    """Run contracts and take what was recorded."""
    rng = random.Random(1)
    runtime = PythonRuntime(default_cache(os.environ))
    people = [Address(rng.randbytes(20)) for _ in range(20)]
    options = CallOptions(datetime="2026-01-02T03:04:05Z")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_database(Path(folder) / "journal.db", durability="normal") as store,
    ):
        bench = Workbench(store, lambda: runtime)
        node = LocalNode(bench)
        ledger = node.deploy(LEDGER.read_bytes(), ["GEN", 1_000_000], options=options).address
        counter = node.deploy(CONTRACT, options=options).address
        for i in range(60):
            node.call(ledger, "transfer", [rng.choice(people), 1 + i, f"invoice {i}"], options=options)
        for i in range(40):
            node.call(counter, "inc", [f"user {rng.randrange(30)}", i], options=options)
        for _ in range(20):
            node.call(ledger, "pay_all", [rng.sample(people, 8), 1], options=options)
        ids = sorted(run.id for run in store.list_runs(1000))
        node.deploy(bytes(wasmtime.wat2wasm(STORAGE_WAT)), options=options)
        newest = store.list_runs(1)[0].id
        taken = [_taken(store.load_run(run_id)) for run_id in (*ids, newest)]
        bench.close()
    return Corpus(taken[:-1], taken[-1])


def _taken(run: StoredRun) -> Recorded:
    lines = {
        line.name: [(event.request, event.answer) for event in run.read_line(line.name)]
        for line in run.lines()
    }
    return Recorded(run.header, run.footer, lines)


def repeated(runs: list[Recorded], count: int) -> Iterator[Recorded]:
    """`count` runs, one after the other from the start again."""
    for number in range(count):
        yield runs[number % len(runs)]
