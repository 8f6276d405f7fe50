"""A long run is written bit by bit: the record is the same, memory is bounded, a kill leaves a prefix."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Thread

import pytest
from blake3 import blake3
from sqlalchemy import Connection, Engine, event

from genvm_replay.errors import EnvironmentProblem, JournalError, UsageError
from genvm_replay.journal import amendments, maintenance, prune, query, run_rows
from genvm_replay.journal.checkpoints import DatabaseCheckpoints
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.delta import PageKey, StateConflict, StateDelta
from genvm_replay.journal.events import OK, Event, StorageWrite, WriteStream
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.recorder import UNFINISHED, Begun, FinishedRun, Forgetting, RunRecorder
from genvm_replay.journal.segment import SEGMENT_EVENTS_MAX
from genvm_replay.journal.store import at_one_moment
from tests.postgres import PostgresServer

from .keys import signed
from .samples import FOOTER, HEADER, each_kind, many_events, raw, record

ROOT = Path(__file__).resolve().parents[2]
ADDRESS, SLOT = b"\xa1" * 20, b"\x51" * 32
PAGES = [Event(WriteStream(1, random.Random(seed).randbytes(9_000)), OK) for seed in range(6)]
LINES = {
    "main": [
        *many_events(1500),
        PAGES[0],
        *many_events(2000, seed=2),
        PAGES[0],
        PAGES[1],
        *(Event(StorageWrite(SLOT, 4 * i, b"x" * 40), OK) for i in range(2500)),
        PAGES[2],
    ],
    "nondet:0": [*each_kind(), PAGES[3], PAGES[0], *many_events(1100, seed=3)],
    "nondet:1": [PAGES[4]],
}
TINY = 1  # every segment that closes makes a checkpoint


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_journal()


@pytest.fixture
def store(url: str) -> Iterator[DatabaseStore]:
    with open_database(url) as store:
        store.checkpoint_bytes = TINY
        yield store


def begun(store: DatabaseStore, lines: dict[str, list[Event]] = LINES) -> RunRecorder:
    """A recorder that has taken these lines, one event of each in turn."""
    recorder = store.begin_run(HEADER)
    feed(recorder, lines)
    return recorder


def feed(recorder: RunRecorder, lines: dict[str, list[Event]]) -> None:
    for at in range(max(map(len, lines.values()))):
        for name, content in lines.items():
            if at < len(content):
                recorder.line(name).append(content[at].request, content[at].answer)


def rows(store: DatabaseStore) -> dict[str, int]:
    counted = (
        "runs",
        "segments",
        "blobs",
        "payload_references",
        "run_facts",
        "storage_writes",
        "nondet_answers",
    )
    return {
        table: int(store.database.fetch_plain(f"SELECT count(*) FROM {table}")[0][0]) for table in counted
    }


def test_the_record_is_the_same(store: DatabaseStore) -> None:
    """Root, segments, columns and what searches find are those of a run that was committed at once."""
    whole = record(LINES)
    at_once = store.commit(whole)
    recorder = begun(store)
    assert recorder.begun is not None
    finished = recorder.finish(FOOTER)
    assert finished.root == whole.root
    assert 0 < len(finished.segments) < len(whole.segments)
    assert len(whole.blobs) == 5
    assert finished.blobs.keys() < whole.blobs.keys() - {blake3(PAGES[0].request.data).digest()}  # type: ignore[union-attr]
    bit_by_bit = store.commit(finished, method="call")
    assert bit_by_bit == recorder.begun.run_id != at_once
    amendments.check_whole(store.database)
    assert maintenance.check(store.database) == []
    run, other = store.load_run(bit_by_bit), store.load_run(at_once)
    assert store.verify_run(bit_by_bit) == ()
    assert {line.name: list(run.read_line(line.name)) for line in run.lines()} == LINES
    assert run.summary is not None
    assert other.summary is not None
    changed = {"id": bit_by_bit, "method": "call", "created_at": run.summary.created_at}
    assert asdict(run.summary) == asdict(other.summary) | changed
    for what in ("events", "storage", "answers"):
        found, _ = query.search(store.database, what, query.RunFilter(), 10)  # type: ignore[arg-type]
        mine = [{**row, "run": 0} for row in found if row["run"] == bit_by_bit]
        theirs = [{**row, "run": 0} for row in found if row["run"] == at_once]
        assert [{k: v for k, v in row.items() if k != "method"} for row in mine] == [
            {k: v for k, v in row.items() if k != "method"} for row in theirs
        ]
        assert mine


def test_a_second_record_needs_no_store() -> None:
    """For a replay: the same root, and nothing is kept."""
    recorder = RunRecorder(HEADER, Forgetting(), checkpoint_bytes=TINY)
    feed(recorder, LINES)
    finished = recorder.finish(FOOTER)
    assert finished.root == record(LINES).root
    assert len(finished.segments) == len(LINES)
    for use in (finished.open, lambda: MemoryStore().commit(finished)):
        with pytest.raises(UsageError, match="in its store"):
            use()


def test_what_is_there_while_it_is_recorded(url: str, store: DatabaseStore) -> None:
    """A prefix, marked `interrupted`, for every reader; a signature of it goes when the run goes on."""
    recorder = begun(store)
    assert recorder.begun is not None
    run_id = recorder.begun.run_id
    with open_database(url, read_only=True) as reader:
        check_prefix(reader, run_id)
        (summary,) = reader.list_runs()
        assert (summary.status, summary.kind) == ("interrupted", "internal_error")
        assert maintenance.stats(reader.database)["interrupted"] == 1
        (found,), _ = query.search(reader.database, "runs", query.RunFilter(error="ended before"), 10)
        assert (found["run"], found["status"]) == (run_id, "interrupted")
    amendments.add_signature(store.database, run_id, *signed(recorder.begun.root))
    store.verify_run(run_id)
    store.commit(recorder.finish(FOOTER))
    store.verify_run(run_id)
    assert store.list_runs()[0].status == "finished"


def check_prefix(store: DatabaseStore, run_id: int) -> int:
    """The run verifies and is a prefix of LINES, whole segments; its number of events."""
    run = store.load_run(run_id)
    store.verify_run(run_id)
    assert run.footer == UNFINISHED
    for line in run.lines():
        assert line.count % SEGMENT_EVENTS_MAX == 0 or line.count > SEGMENT_EVENTS_MAX
        assert list(run.read_line(line.name)) == LINES[line.name][: line.count]
    return sum(line.count for line in run.lines())


def test_a_snapshot_may_be_open(store: DatabaseStore) -> None:
    """The local node reads its state through the store's connection while the run is recorded."""
    with store.state.snapshot():
        assert store.list_runs() == []  # the first read is the moment of the snapshot
        recorder = begun(store)
        assert store.list_runs() == []
        assert recorder.begun is not None
    assert len(store.list_runs()) == 1
    store.verify_run(store.commit(recorder.finish(FOOTER)))


def test_reading_while_it_grows(store: DatabaseStore) -> None:
    """A reader sees one moment: nothing that another process adds meanwhile is taken for damage."""
    recorder = store.begin_run(HEADER)
    lines = {"main": many_events(15_000), "nondet:0": many_events(15_000, seed=2)}
    writer = Thread(target=feed, args=(recorder, lines))
    writer.start()
    moments = set[int]()
    while writer.is_alive() or not moments:
        for run in store.list_runs():
            assert store.verify_run(run.id) == ()
            with at_one_moment(store, run):
                found = store.load_run(run.id)
                seen = {line.name: len(list(found.read_line(line.name))) for line in found.lines()}
                assert found.verify() == ()
            moments.add(sum(seen.values()))
    writer.join()
    run_id = store.commit(recorder.finish(FOOTER))
    assert store.verify_run(run_id) == ()


def test_a_run_that_is_given_up(store: DatabaseStore) -> None:
    """Nothing of it stays, and nothing of another run goes with it."""
    kept = store.commit(record({"main": [PAGES[0]]}))
    before = rows(store)
    recorder = store.begin_run(HEADER)

    def fail() -> None:
        with recorder:
            feed(recorder, LINES)
            assert rows(store)["segments"] > before["segments"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert rows(store) == before
    store.verify_run(kept)
    feed(recorder, LINES)  # a guest may still be running: it makes no more checkpoints
    assert rows(store) == before


def test_a_conflict_leaves_no_second_row(store: DatabaseStore) -> None:
    """A transaction that runs again is recorded once."""
    store.commit(record({}), state=StateDelta(pages={PageKey(ADDRESS, SLOT, 0): b"theirs"}))
    for expected in (None, 1):
        try:
            with store.begin_run(HEADER) as recorder:
                feed(recorder, LINES)
                store.commit(recorder.finish(FOOTER), expected_versions={ADDRESS: expected})
        except StateConflict:
            assert expected is None
    assert [run.status for run in store.list_runs()] == ["finished", "finished"]
    amendments.check_whole(store.database)


def test_what_was_committed_is_not_given_up(store: DatabaseStore) -> None:
    """An error after the commit changes nothing; nor does a second commit of the same run."""
    recorder = begun(store)
    finished = recorder.finish(FOOTER)
    run_id = store.commit(finished)
    with pytest.raises(JournalError, match="changed by another process"):
        store.commit(finished)
    recorder.give_up()
    store.verify_run(run_id)


def test_a_payload_that_went_with_another_run(store: DatabaseStore) -> None:
    """Between the look for what is stored and the commit, a run that held a payload may be given up."""
    other = begun(store)
    finished = record({"main": [PAGES[0]]})
    prepared = run_rows.new_blobs(store.database, finished.blobs)
    assert prepared == []
    other.give_up()
    run_id = store.database.write(lambda c: run_rows.save(c, finished, prepared, method=None))
    store.verify_run(run_id)


def test_a_row_that_somebody_removed(store: DatabaseStore) -> None:
    """Such as `prune`: the run can't be finished, and says so; nothing is half there."""
    recorder = begun(store)
    store.commit(record({}))
    assert recorder.begun is not None
    prune.remove(store, [recorder.begun.run_id], archive="a", archive_hash=bytes(32))
    with pytest.raises(JournalError, match="removed or changed by another process"):
        store.commit(recorder.finish(FOOTER))
    recorder.give_up()
    assert rows(store)["segments"] == 0
    amendments.check_whole(store.database)


def test_a_checkpoint_that_fails_is_made_later(tmp_path: Path) -> None:
    """Memory lasts for a while: a disk that is full for a moment ends no run."""
    with open_database(tmp_path / "journal.db") as store:
        refusals = iter([True, False, True, False])

        def connect() -> object:
            if next(refusals, False):
                raise EnvironmentProblem("the disk is full")
            return store.database.again()

        recorder = RunRecorder(HEADER, DatabaseCheckpoints(connect), checkpoint_bytes=TINY)  # type: ignore[arg-type]
        feed(recorder, LINES)
        assert next(refusals, None) is None
        store.verify_run(store.commit(recorder.finish(FOOTER)))
        assert store.list_runs()[0].root == record(LINES).root


def test_the_first_checkpoint_makes_the_journal(tmp_path: Path) -> None:
    """As `genvm run --journal` records: the database is opened when it is needed."""
    path = tmp_path / "new.db"
    recorder = RunRecorder(
        HEADER, DatabaseCheckpoints(lambda: open_database(path).database), checkpoint_bytes=TINY
    )
    assert not path.exists()
    feed(recorder, LINES)
    with open_database(path) as store:
        assert store.list_runs()[0].status == "interrupted"
        store.verify_run(store.commit(recorder.finish(FOOTER)))


def test_lines_on_several_threads() -> None:
    """Validators record beside the main VM: each checkpoint is of one moment, and the root is the same."""
    parts: list[FinishedRun] = []

    class Keeping(Forgetting):
        def write(self, part: FinishedRun) -> Begun:
            parts.append(part)
            return super().write(part)

    lines = {f"nondet:{n}": [*many_events(4000, seed=n), PAGES[n], PAGES[5]] for n in range(5)}
    recorder = RunRecorder(HEADER, Keeping(), checkpoint_bytes=TINY)
    threads = [Thread(target=feed, args=(recorder, {name: lines[name]})) for name in lines]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that they meet each other everywhere
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    parts.append(recorder.finish(FOOTER))
    assert parts[-1].root == record(lines).root
    counts = dict.fromkeys(lines, 0)
    for part in parts:
        for segment in part.segments:
            counts[segment.line] += segment.count
        assert {line.name: line.count for line in part.lines} == {n: c for n, c in counts.items() if c}


def test_a_process_that_is_killed(url: str) -> None:
    """Before any statement that it sends: there is nothing, a prefix that grows with time, or the whole run."""
    statements = count_statements(url)
    assert statements > 60
    events = -1
    for number in range(0, statements, 3 if "://" in url else 2):
        assert in_child(lambda number=number: record_until(url, number)) == KILLED  # type: ignore[misc]
        with open_database(url) as store:
            amendments.check_whole(store.database)
            assert maintenance.check(store.database) == []
            found = store.list_runs()
            assert [run.status for run in found] in ([], ["interrupted"])
            now = check_prefix(store, found[0].id) if found else 0
            assert now >= events
            assert store.state.contract_version(ADDRESS) is None
            for run in found:  # what a new process does then
                store.database.write(lambda c, run=run: run_rows.remove_begun(c, Begun(run.id, run.root)))
            assert set(rows(store).values()) == {0}
            events = now
    assert events > 6000


KILLED, WHOLE = 9, 0


def count_statements(url: str) -> int:
    """How many statements a whole recording sends; it is removed again."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    open_database(url).close()  # makes the tables
    event.listen(Engine, "before_cursor_execute", count)
    try:
        run_id = record_until(url, None)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    with open_database(url) as store:
        root = store.load_run(run_id).root
        store.database.write(lambda c: run_rows.remove_begun(c, Begun(run_id, root)))
        store.state.drop()
    return seen


def record_until(url: str, number: int | None) -> int:
    """Record and commit a run; end before statement `number` is sent."""
    sent = 0

    def end(_connection: Connection, *_: object) -> None:
        nonlocal sent
        if sent == number:
            os._exit(KILLED)
        sent += 1

    if number is not None:
        event.listen(Engine, "before_cursor_execute", end)
    with open_database(url) as store:
        store.checkpoint_bytes = TINY
        delta = StateDelta(pages={PageKey(ADDRESS, SLOT, 0): b"mine"})
        return store.commit(begun(store).finish(FOOTER), state=delta, expected_versions={ADDRESS: None})


def in_child(work: Callable[[], object]) -> int:
    """Do it in a process of its own; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(WHOLE)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


WRITER = """
import random, resource, sys
from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import OK, WriteStream
from tests.journal.samples import FOOTER, HEADER, record

store = open_database(sys.argv[1], durability="normal")
store.verify_run(store.commit(record({"main": []})))
store.checkpoint_bytes = 4 << 20
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
rng = random.Random(1)
with store.begin_run(HEADER) as recorder:
    append = recorder.line("main").append
    for number in range(BLOCKS := 3000):
        append(WriteStream(1, rng.randbytes(60_000)), OK)
        append(WriteStream(2, rng.randbytes(4_000)), OK)
    run_id = store.commit(recorder.finish(FOOTER))
store.verify_run(run_id)
print(store.list_runs()[0].raw_bytes)
"""


def test_a_run_larger_than_memory(tmp_path: Path) -> None:
    """A process that may take 64 MiB more records, commits and verifies three times that in random bytes."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", WRITER, str(tmp_path / "journal.db")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3000 * 64_000
    with raw(tmp_path / "journal.db") as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (3000,)
