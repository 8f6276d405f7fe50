"""Measures the journal: append and finish, durable commits, bytes an event, and the same chunks through raw sqlite3.

Events are synthetic (storage reads and writes, clocks, wasi calls; half of the bytes are random), so ratios between
rows of this table mean more than the numbers. Medians of several runs.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.events import (  # noqa: E402
    OK,
    Answer,
    ReadClock,
    Request,
    StorageRead,
    StorageWrite,
    TraceMessage,
)
from genvm_replay.journal.recorder import FinishedRun, RunRecorder  # noqa: E402
from tests.journal.samples import FOOTER, HEADER  # noqa: E402

Pair = tuple[Request, Answer]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--events", type=int, default=217, help="events of one run (the median of a transaction)"
    )
    parser.add_argument("--runs", type=int, default=300, help="runs of one measurement")
    parser.add_argument("--rounds", type=int, default=7, help="measurements; their median is printed")
    options = parser.parse_args()
    pairs = synthetic(options.events)
    total = options.events * options.runs

    def per_second(measure: Callable[[], float]) -> float:
        return total / statistics.median(measure() for _ in range(options.rounds))

    finished = [record(pairs) for _ in range(options.runs)]
    raw_bytes, stored = finished[0].raw_bytes, finished[0].stored_bytes
    print(f"{options.runs} runs of {options.events} events, median of {options.rounds} rounds")
    print(
        f"bytes/event         {raw_bytes / options.events:9.1f} canonical, {stored / options.events:.1f} stored"
    )
    print(f"append only         {per_second(lambda: append_only(pairs, options.runs)):12,.0f} events/s")
    alone = per_second(lambda: timed(lambda: [record(pairs) for _ in range(options.runs)]))
    print(f"append + finish     {alone:12,.0f} events/s, {1e9 / alone:.0f} ns an event")
    longer = synthetic(100_000)
    seconds = statistics.median(timed(lambda: record(longer)) for _ in range(options.rounds))
    print(f"  one run of 100k   {100_000 / seconds:12,.0f} events/s, {seconds * 1e4:.0f} ns an event")
    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder) / f"{number}.db" for number in count())
        for durability in ("full", "normal"):
            commit = per_second(lambda d=durability: with_store(next(paths), d, finished))
            plain = per_second(lambda d=durability: with_sqlite(next(paths), d, finished))
            both = 1 / (1 / alone + 1 / commit)
            print(
                f"commit, {durability:<12}{commit:12,.0f} events/s, {commit / options.events:,.0f} runs/s;"
                f" raw sqlite3 {plain:,.0f} events/s, ratio {commit / plain:.2f}; with append and finish {both:,.0f}"
            )
        print_reading(next(paths), longer, options.rounds)


def print_reading(path: Path, pairs: Sequence[Pair], rounds: int) -> None:
    """Rates of the readers, and the cost of opening."""
    with open_database(path) as store:
        run_id = store.commit(record(pairs))
        run = store.load_run(run_id)
        for name, read in (
            ("read_line", lambda: sum(1 for _ in run.read_line("main"))),
            ("verify", lambda: store.verify_run(run_id)),
        ):
            seconds = statistics.median(timed(read) for _ in range(rounds))
            print(f"{name:<20}{len(pairs) / seconds:12,.0f} events/s")
        places = [random.Random(1).randrange(len(pairs)) for _ in range(200)]
        seconds = timed(lambda: [run.event("main", place) for place in places])
        print(f"random event        {seconds / len(places) * 1e6:12,.0f} us")
        seconds = timed(lambda: [store.state.read_page(b"a" * 20, b"s" * 32, 0) for _ in range(5000)])
        print(f"read_page           {seconds / 5000 * 1e6:12,.1f} us")
    seconds = statistics.median(timed(lambda: open_database(path).close()) for _ in range(20))
    print(f"open, current       {seconds * 1e6:12,.0f} us")


def synthetic(size: int) -> list[Pair]:
    """Events as a contract might cause them."""
    rng = random.Random(1)
    addresses = [rng.randbytes(20) for _ in range(3)]
    slots = [rng.randbytes(32) for _ in range(size // 10 + 1)]
    pairs: list[Pair] = []
    for i in range(size):
        kind, slot = rng.random(), rng.choice(slots)
        if kind < 0.5:
            request: Request = StorageRead(0, rng.choice(addresses), slot, 4 * rng.randrange(10), 32)
            pairs.append((request, Answer(0, rng.randbytes(8).ljust(32, b"\0"))))
        elif kind < 0.7:
            pairs.append((StorageWrite(slot, 4, rng.randbytes(16)), OK))
        elif kind < 0.9:
            pairs.append((ReadClock(0), Answer(0, 1_700_000_000_000_000_000 + i)))
        else:
            pairs.append((TraceMessage(f"step {i}: {rng.random()}"), OK))
    return pairs


def record(pairs: Sequence[Pair]) -> FinishedRun:
    """One run, in memory."""
    recorder = RunRecorder(HEADER)
    append = recorder.line("main").append
    for request, answer in pairs:
        append(request, answer)
    return recorder.finish(FOOTER)


def append_only(pairs: Sequence[Pair], runs: int) -> float:
    """Seconds of the loop around `append`, with what it does in batches."""
    appends = [RunRecorder(HEADER).line("main").append for _ in range(runs)]
    begin = time.perf_counter()
    for append in appends:
        for request, answer in pairs:
            append(request, answer)
    return time.perf_counter() - begin


def with_store(path: Path, durability: str, finished: Sequence[FinishedRun]) -> float:
    """Seconds to commit through our store, a transaction a run."""
    with open_database(path, durability=durability) as store:  # type: ignore[arg-type]
        return timed(lambda: [store.commit(run) for run in finished])


def with_sqlite(path: Path, durability: str, finished: Sequence[FinishedRun]) -> float:
    """Seconds to insert the same rows with the bare driver."""
    open_database(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA synchronous={durability}")
    begin = time.perf_counter()
    for run_id, run in enumerate(finished, 1):
        insert_raw(connection, run_id, run)
    seconds = time.perf_counter() - begin
    connection.close()
    return seconds


def insert_raw(connection: sqlite3.Connection, run_id: int, run: FinishedRun) -> None:
    """One run in one transaction."""
    stored, header = run.stored, run.header
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, 'leader', NULL, '', ?, 'return', ?, NULL, 0, 0, 0, '', ?, ?, ?, ?)",
        (
            run_id,
            header.tx,
            stored.root,
            header.message.contract_address,
            stored.header,
            stored.lines,
            stored.field_tags,
            stored.footer,
        ),
    )
    connection.executemany(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(run_id, s.line, s.number, s.first_seq, s.count, s.head, s.tags, s.data) for s in run.segments],
    )
    connection.execute("COMMIT")


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
