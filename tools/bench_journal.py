"""Measures the journal against what it is built from and against its peers: ratios of figures of this one run.

Events are those of real runs (`journal_corpus.py`). Each pair of figures is measured in turns, so that a busy moment of
the machine hits both; medians are printed. Durable is SQLite's WAL with synchronous FULL, one commit a run. How long a
disk flush takes decides the durable rates of short runs, ours and the others' alike: so the same is shown without it,
in processor time, which others on the machine disturb less.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.journal.connection import Durability  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.journal.events import Event  # noqa: E402
from genvm_replay.journal.recorder import FinishedRun  # noqa: E402
from tools import journal_peers  # noqa: E402
from tools.journal_corpus import Corpus, Recorded, record_corpus, repeated  # noqa: E402

SHORT_RUNS = 400
LONG_EVENTS = 100_000
SEEKS = 1000
PEER_RUNS = 20
PEER_STEPS = 300
SEEK_MS_MAX = 10
LIST_HEADER = b"\xdd"  # msgpack array 32
Measure = Callable[[], float]
missed: list[str] = []


def main() -> int:
    """Print the tables; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measurements; their median is printed")
    parser.add_argument("--skip-peers", action="store_true", help="leave the other libraries out")
    options = parser.parse_args()
    corpus = record_corpus()
    short = list(repeated(corpus.python, SHORT_RUNS))
    long = [corpus.long(LONG_EVENTS)]
    sizes = sorted(run.event_count for run in corpus.python)
    print(
        f"corpus: {len(corpus.python)} Python transactions of {sizes[0]} to {sizes[-1]} events (median"
        f" {statistics.median(sizes):.0f}), a wasm guest of {corpus.wat.event_count}; medians of {options.rounds}\n"
    )
    bytes_table(corpus)
    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder) / f"{number}.db" for number in count())
        append_table(paths.__next__, short, long, options.rounds)
        reading_table(next(paths), long[0], options.rounds)
        if not options.skip_peers:
            peers_table(Path(folder), corpus, paths.__next__)
    print("\nmissed: " + "; ".join(missed) if missed else "\nall targets are met")
    return 1 if missed else 0


def told(name: str, value: float, target: float, *, at_most: bool = False, unit: str = "") -> None:
    """Print one ratio with its target."""
    good = value <= target if at_most else value >= target
    word = "at most" if at_most else "at least"
    print(f"  {name:<58}{value:9.2f}{unit}   target: {word} {target:g}{unit}{'' if good else '   MISSED'}")
    if not good:
        missed.append(name)


def bytes_table(corpus: Corpus) -> None:
    """What an event takes, stored and as a JSON row."""
    print("Bytes an event: stored segments with all that locates events; the same events as JSON rows")
    total = {"stored": 0.0, "json": 0.0, "events": 0}
    for name, runs in (("Python transactions", corpus.python), ("wasm guest", [corpus.wat])):
        finished = [run.again(number) for number, run in enumerate(runs)]
        events = sum(run.event_count for run in runs)
        stored = sum(run.stored_bytes for run in finished)
        rows = sum(len(json_row(*pair)) for run in runs for pairs in run.lines.values() for pair in pairs)
        raw = sum(run.raw_bytes for run in finished)
        print(
            f"  {name:<22}{raw / events:8.1f} raw {stored / events:7.1f} stored {rows / events:8.1f} as JSON"
        )
        for key, value in (("stored", stored), ("json", rows), ("events", events)):
            total[key] += value
    told("bytes an event, all", total["stored"] / total["events"], 12, at_most=True)
    told("JSON rows / stored, all", total["json"] / total["stored"], 25)


def json_row(request: Any, answer: Any) -> str:
    """An event as someone would put it into a JSON column: named fields, bytes as hex digits."""
    named = {"kind": request.__struct_config__.tag}
    named |= {name: getattr(request, name) for name in request.__struct_fields__}
    row = {"request": named, "answer": {"error": answer.error, "value": answer.value}}
    return json.dumps(row, default=lambda value: value.hex() if isinstance(value, bytes) else list(value))


def append_table(
    path: Callable[[], Path], short: Sequence[Recorded], long: Sequence[Recorded], rounds: int
) -> None:
    """Rates of appending, against the bare driver: the commits alone, and all from the events on."""
    durabilities: tuple[Durability, ...] = ("full", "normal")
    for durability in durabilities:
        flushed = "durable" if durability == "full" else "no disk flush"
        for name, runs in (("Python transactions", short), (f"runs of {LONG_EVENTS:,}", long)):
            events = sum(run.event_count for run in runs)
            finished = [run.again(number) for number, run in enumerate(runs)]
            ours, chunks, whole, rows = in_turns(
                rounds,
                lambda d=durability, f=finished: commit_ours(path(), d, f),  # type: ignore[misc]
                lambda d=durability, f=finished: insert_chunks(path(), d, f),  # type: ignore[misc]
                lambda d=durability, r=runs: append_ours(path(), d, r),  # type: ignore[misc]
                lambda d=durability, r=runs: insert_rows(path(), d, r),  # type: ignore[misc]
            )
            print(f"\nAppend, {flushed}, {name} ({len(runs)} commits), events/s:")
            print(f"  finished chunks: {events / ours:,.0f}, raw sqlite3 {events / chunks:,.0f}")
            print(
                f"  from the events on: {events / whole:,.0f}, encoded into a row an event {events / rows:,.0f}"
            )
            if durability == "normal":
                print(f"  share of raw sqlite3 {chunks / ours:.2f}, times row an event {rows / whole:.2f}")
                continue
            told(f"share of raw sqlite3, {name}", chunks / ours, 0.5)
            if runs is long:
                told(f"times row an event, {name}", rows / whole, 4)
            else:
                print(f"  times row an event {rows / whole:.2f}; some fifty events, so the commit decides")


def commit_ours(path: Path, durability: Durability, runs: Sequence[FinishedRun]) -> float:
    """Seconds to commit finished runs."""
    with open_database(path, durability=durability) as store:
        return CLOCKS[durability](lambda: [store.commit(run) for run in runs])


def append_ours(path: Path, durability: Durability, runs: Sequence[Recorded]) -> float:
    """Seconds to record the runs, finish and commit each."""
    with open_database(path, durability=durability) as store:
        return CLOCKS[durability](
            lambda: [store.commit(run.again(number)) for number, run in enumerate(runs)]
        )


def insert_chunks(path: Path, durability: Durability, runs: Sequence[FinishedRun]) -> float:
    """Seconds to insert the same rows, made before, with the bare driver; a commit a run."""
    open_database(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA synchronous={durability}")
    seconds = CLOCKS[durability](
        lambda: [insert_raw(connection, run_id, run) for run_id, run in enumerate(runs, 1)]
    )
    connection.close()
    return seconds


def insert_raw(connection: sqlite3.Connection, run_id: int, run: FinishedRun) -> None:
    """One run in one transaction."""
    stored, tx, contract = run.stored, run.header.tx, run.header.message.contract_address
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO runs (id, tx, role, created_at, root, kind, contract, event_count, raw_bytes, stored_bytes,"
        " status, release, header, lines, field_tags, footer)"
        " VALUES (?, ?, 'leader', '', ?, 'return', ?, 0, 0, 0, '', '', ?, ?, ?, ?)",
        (run_id, tx, stored.root, contract, stored.header, stored.lines, stored.field_tags, stored.footer),
    )
    connection.executemany(
        "INSERT INTO segments (run_id, line, number, first_seq, count, head, leaves, tags, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (run_id, s.line, s.number, s.first_seq, s.count, s.head, s.leaves, s.tags, s.data)
            for s in run.segments
        ],
    )
    connection.execute("COMMIT")


def insert_rows(path: Path, durability: Durability, runs: Sequence[Recorded]) -> float:
    """Seconds to encode each event and insert it as a row, by executemany; a commit a run. No hash, no compression."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={durability}")
    connection.execute(
        "CREATE TABLE events (run INTEGER, line TEXT, seq INTEGER, data BLOB, PRIMARY KEY (run, line, seq))"
        " WITHOUT ROWID"
    )
    encode = msgspec.msgpack.Encoder().encode

    def insert(number: int, run: Recorded) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for line, pairs in run.lines.items():
            rows = ((number, line, seq, encode(pair)) for seq, pair in enumerate(pairs))
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    seconds = CLOCKS[durability](lambda: [insert(number, run) for number, run in enumerate(runs)])
    connection.close()
    return seconds


def reading_table(path: Path, run: Recorded, rounds: int) -> None:
    """Rates of reading one long run, and the time to seek."""
    with open_database(path) as store:
        run_id = store.commit(run.again(1))
        events = run.event_count
        alone, checked, streamed = in_turns(
            4 * rounds,  # short ones; in processor time, which others on the machine disturb less
            lambda: worked(lambda: read_and_unpack(path, run_id, events)),
            lambda: worked(lambda: store.verify_run(run_id)),
            lambda: worked(lambda: sum(1 for _ in store.load_run(run_id).read_line("main"))),
        )
        print(f"\nOne run of {events:,} events; read and unpacked alone: {events / alone:,.0f} events/s")
        print(f"  verify {events / checked:,.0f}, read_line (checked too) {events / streamed:,.0f}")
        told("share of reading and unpacking: scan and verify", alone / checked, 0.6)
        rng = random.Random(1)
        opened = store.load_run(run_id)
        warm = sorted(timed(lambda: opened.event("main", rng.randrange(events))) for _ in range(SEEKS))
        cold = sorted(
            timed(lambda: store.load_run(run_id).event("main", rng.randrange(events))) for _ in range(SEEKS)
        )
        for name, times in (("in an open run", warm), ("with opening the run", cold)):
            told(
                f"seek, {name}, 95 % under",
                times[SEEKS * 95 // 100] * 1000,
                SEEK_MS_MAX,
                at_most=True,
                unit=" ms",
            )


def read_and_unpack(path: Path, run_id: int, expected: int) -> None:
    """The least that a reader does: rows by the bare driver, zstd, typed events."""
    connection = sqlite3.connect(path)
    decode = msgspec.msgpack.Decoder(list[Event]).decode
    decompress = zstandard.ZstdDecompressor().decompress
    query = "SELECT count, data FROM segments WHERE run_id = ? AND line = 'main' ORDER BY number"
    found = 0
    for number, data in connection.execute(query, (run_id,)):
        found += len(decode(LIST_HEADER + number.to_bytes(4, "big") + decompress(data)))
    assert found == expected
    connection.close()


def peers_table(folder: Path, corpus: Corpus, path: Callable[[], Path]) -> None:
    """The same events, durable, with libraries that also keep what happened; an aggregate or a workflow is a run."""
    largest = sorted(corpus.python, key=lambda run: run.event_count)[-PEER_RUNS:]
    for name, runs, judged in (
        (f"{PEER_RUNS} Python transactions", largest, False),
        ("the wasm guest", [corpus.wat], True),
    ):
        plain = [journal_peers.plain_events(run.lines["main"]) for run in runs]
        events = sum(map(len, plain))
        append, rebuild = our_rates(path, runs)
        print(f"\nPeers, durable, {name}, {events} events:")
        print(f"  ours           {append:10,.0f} appended/s {rebuild:10,.0f} read and checked/s")
        folder.joinpath(name).mkdir()
        rates = journal_peers.eventsourcing_rates(folder / name, plain)
        if rates is None:
            print(f"  eventsourcing: {journal_peers.MISSING}")
            continue
        print(f"  eventsourcing  {rates[0]:10,.0f} appended/s {rates[1]:10,.0f} rebuilt/s")
        if judged:
            told("times eventsourcing, append", append / rates[0], 10)
        else:
            print(
                f"  times eventsourcing, append: {append / rates[0]:.2f}; both wait for {len(runs)} disk flushes"
            )
        told(f"times eventsourcing, rebuild, {name}", rebuild / rates[1], 12)
    rate = journal_peers.dbos_rate(folder, [event for run in plain for event in run][:PEER_STEPS])
    if rate is None:
        print(f"  DBOS: {journal_peers.MISSING}")
    else:
        print(f"  DBOS           {rate:10,.0f} steps/s, a commit each")
        told("times DBOS steps", append / rate, 100)


def our_rates(path: Callable[[], Path], runs: Sequence[Recorded]) -> tuple[float, float]:
    """Events appended a second, and events read and checked a second."""
    events = sum(run.event_count for run in runs)
    append = statistics.median(append_ours(path(), "full", runs) for _ in range(5))
    with open_database(path()) as store:
        ids = [store.commit(run.again(number)) for number, run in enumerate(runs)]
        times = [timed(lambda: [list(store.load_run(i).read_line("main")) for i in ids]) for _ in range(5)]
    return events / append, events / statistics.median(times)


def in_turns(rounds: int, *measures: Measure) -> list[float]:
    """Median seconds of each, measured in turns; the first round warms up."""
    times: list[list[float]] = [[] for _ in measures]
    for number in range(rounds + 1):
        for measure, taken in zip(measures, times, strict=True):
            seconds = measure()
            if number:
                taken.append(seconds)
    return [statistics.median(taken) for taken in times]


def worked(action: Callable[[], object]) -> float:
    """Seconds of processor time that an action takes."""
    begin = time.process_time()
    action()
    return time.process_time() - begin


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


CLOCKS = {"full": timed, "normal": worked}


if __name__ == "__main__":
    sys.exit(main())
