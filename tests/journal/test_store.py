"""Committing, finding and verifying runs in a database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genvm_replay.errors import JournalDamaged, UsageError
from genvm_replay.journal.compression import compress
from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import OK, Event, ReadClock, WriteStream
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.store import Store

from .samples import FOOTER, HEADER, each_kind, many_events, raw, record

PAGE = Event(WriteStream(1, random.Random(1).randbytes(30_000)), OK)
LINES = {"main": [*many_events(1500), PAGE], "nondet:0": each_kind()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with open_database(path) as store:
        yield store


def header(**changes: Any) -> RunHeader:
    return RunHeader(**{name: getattr(HEADER, name) for name in HEADER.__struct_fields__} | changes)


def test_what_is_committed_can_be_read(path: Path, store: Store) -> None:
    """By another opening, with every column."""
    finished = record(LINES)
    run_id = store.commit(finished, method="transfer")
    with open_database(path, read_only=True) as other:
        run = other.load_run(run_id)
        assert (run.header, run.footer, run.root) == (HEADER, FOOTER, finished.root)
        assert {line.name: list(run.read_line(line.name)) for line in run.lines()} == LINES
        assert run.event("main", 1500) == PAGE
        (summary,) = other.list_runs()
        assert summary == run.summary
        assert (summary.id, summary.tx, summary.role, summary.kind) == (run_id, HEADER.tx, "leader", "return")
        assert (summary.method, summary.status, summary.parent_id) == ("transfer", "finished", None)
        assert summary.event_count == 1501 + len(each_kind())
        assert summary.raw_bytes == finished.raw_bytes
        assert summary.stored_bytes == finished.stored_bytes
        assert summary.created_at.endswith("+00:00")
        other.verify_run(run_id)


def test_recording_through_the_store(store: Store) -> None:
    """`begin_run` and `commit` are the whole way; a run without events is a run."""
    recorder = store.begin_run(HEADER)
    recorder.line("main").append(ReadClock(0), OK)
    run_id = store.commit(recorder.finish(FOOTER))
    assert list(store.load_run(run_id).read_line("main")) == [Event(ReadClock(0), OK)]
    store.verify_run(store.commit(record({})))


def test_a_failed_commit_writes_nothing(path: Path, store: Store) -> None:
    """Not even a part: the transaction is one."""
    with raw(path) as connection:
        connection.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'stop'); END"
        )
        with pytest.raises(Exception, match="stop"):
            store.commit(record(LINES))
        for table in ("runs", "segments", "blobs"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        connection.execute("DROP TRIGGER stop")
    store.verify_run(store.commit(record(LINES)))


def test_payloads_are_stored_once(path: Path, store: Store) -> None:
    """Over runs, too; and compressed like segments."""
    page = Event(WriteStream(1, b"<html>" * 5000), OK)
    first = store.commit(record({"main": [page]}))
    second = store.commit(record({"main": [page, PAGE]}))
    with raw(path) as connection:
        rows = connection.execute("SELECT size, length(data) FROM blobs ORDER BY id").fetchall()
    assert [size for size, _ in rows] == [30_000, 30_000]
    assert rows[0][1] < 100
    for run_id in (first, second):
        store.verify_run(run_id)


def test_many_payloads(store: Store) -> None:
    """More than one statement's worth."""
    content = [Event(WriteStream(1, i.to_bytes(2) + bytes(5000)), OK) for i in range(1100)]
    for _ in range(2):
        run_id = store.commit(record({"main": content}))
    assert list(store.load_run(run_id).read_line("main")) == content


def test_parent_is_found_by_its_root(store: Store) -> None:
    """A replay names the run it repeats by root; the row points to it."""
    leader = record(LINES)
    leader_id = store.commit(leader)
    replay_id = store.commit(record(LINES, header=header(role="replay", parent=leader.root)))
    orphan_id = store.commit(record(LINES, header=header(role="replay", parent=bytes(32))))
    parents = {run.id: run.parent_id for run in store.list_runs()}
    assert parents == {leader_id: None, replay_id: leader_id, orphan_id: None}


def test_paging(store: Store) -> None:
    """Newest first, continued by the last id seen."""
    ids = [store.commit(record({"main": many_events(i)})) for i in range(5)]
    assert [run.id for run in store.list_runs(limit=2)] == [ids[4], ids[3]]
    assert [run.id for run in store.list_runs(limit=9, before=ids[3])] == [ids[2], ids[1], ids[0]]
    assert store.list_runs(before=ids[0]) == []


TXS = [bytes.fromhex(digits.ljust(64, "0")) for digits in ("abcd12", "abcd34", "ffff")]


@pytest.fixture
def filled(store: Store) -> Store:
    message = {name: getattr(HEADER.message, name) for name in HEADER.message.__struct_fields__}
    other = type(HEADER.message)(**message | {"contract_address": b"\x01" * 20})
    for tx in TXS:
        store.commit(record({}, header=header(tx=tx)))
    store.commit(record({}, header=header(tx=TXS[0], role="replay", message=other)))
    return store


@pytest.mark.parametrize(
    ("prefix", "ids"),
    [
        ("abcd1", [4, 1]),
        ("0xABCD34", [2]),
        ("FFFF", [3]),
        (TXS[2].hex(), [3]),
        ("1234", []),
        (None, [4, 3, 2, 1]),
    ],
)
def test_finding_by_transaction(filled: Store, prefix: str | None, ids: list[int]) -> None:
    """A prefix is enough while it is unambiguous; odd numbers of digits, 0x and capitals are fine."""
    assert [run.id for run in filled.find_runs(prefix)] == ids


def test_finding_by_contract_and_role(filled: Store) -> None:
    """Conditions add up."""
    assert [run.id for run in filled.find_runs(contract=b"\x01" * 20)] == [4]
    assert [run.id for run in filled.find_runs(role="leader")] == [3, 2, 1]
    assert [run.id for run in filled.find_runs("abcd12", role="leader")] == [1]
    assert filled.find_runs("abcd34", role="replay") == []


@pytest.mark.parametrize("prefix", ["abc", "0xabc", "", "xyzw", "ab cd", "a" * 65, "-abcd"])
def test_prefixes_that_can_not_be(filled: Store, prefix: str) -> None:
    """Said, not searched for."""
    with pytest.raises(UsageError, match="4 to 64 hex digits"):
        filled.find_runs(prefix)


def test_ambiguous_prefix(filled: Store) -> None:
    """The candidates are listed."""
    with pytest.raises(UsageError, match=r"fits several transactions: 0xabcd12.*, 0xabcd34"):
        filled.find_runs("abcd")


@pytest.mark.parametrize("call", [Store.load_run, Store.verify_run])
def test_unknown_run(store: Store, call: Any) -> None:
    """Not a traceback of the database."""
    with pytest.raises(UsageError, match="there is no run 7"):
        call(store, 7)


CHANGES: list[tuple[str, tuple[str, int | None, str]]] = [
    ("UPDATE segments SET data = x'28b52ffd' WHERE line = 'main' AND number = 1", ("main", 1024, "segment")),
    ("UPDATE segments SET data = 'text' WHERE line = 'main' AND number = 0", ("main", None, "data")),
    ("UPDATE segments SET count = 'many' WHERE line = 'main' AND number = 0", ("main", None, "count")),
    ("UPDATE segments SET count = 3 WHERE line = 'nondet:0'", ("nondet:0", 0, "count")),
    ("UPDATE segments SET head = zeroblob(32) WHERE line = 'nondet:0'", ("nondet:0", 0, "head")),
    ("UPDATE segments SET first_seq = 9 WHERE number = 1", ("main", 1024, "first_seq")),
    ("UPDATE segments SET number = 7 WHERE number = 1", ("main", 1024, "segment")),
    ("DELETE FROM segments WHERE number = 1", ("main", 1024, "event")),
    ("DELETE FROM segments WHERE line = 'nondet:0'", ("nondet:0", 0, "event")),
    ("DELETE FROM segments", ("main", 0, "event")),
    ("DELETE FROM blobs", ("main", 1500, "request.data")),
    ("UPDATE blobs SET data = substr(data, 1, 50)", ("main", 1500, "request.data")),
    ("UPDATE blobs SET data = 'text'", ("main", 1500, "request.data")),
    ("UPDATE runs SET root = zeroblob(32)", ("footer", None, "root")),
    ("UPDATE runs SET root = 'text'", ("header", None, "column root")),
    ("UPDATE runs SET tx = 'text', created_at = 5", ("header", None, "column tx")),
    ("UPDATE runs SET role = 'sync'", ("header", None, "column role")),
    ("UPDATE runs SET tx = zeroblob(32)", ("header", None, "column tx")),
    ("UPDATE runs SET event_count = 1", ("footer", None, "column event_count")),
    ("UPDATE runs SET lines = x'90'", ("footer", None, "lines")),
    ("UPDATE runs SET header = CAST(replace(header, 'leader', 'healer') AS BLOB)", ("header", None, "role")),
]


@pytest.mark.parametrize(("statement", "place"), CHANGES)
def test_changes_in_the_database_are_located(
    path: Path, store: Store, statement: str, place: tuple[str, int | None, str]
) -> None:
    """Through SQL, as someone with a shell would; `test_verify.py` has the rest."""
    run_id = store.commit(record(LINES))
    with raw(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        assert connection.execute(statement).rowcount >= 1
    assert [run.id for run in store.list_runs()] == [run_id]
    with pytest.raises(JournalDamaged) as caught:
        store.verify_run(run_id)
    assert (caught.value.line, caught.value.seq, caught.value.field) == place


def test_changed_payload(path: Path, store: Store) -> None:
    """One byte, properly compressed again."""
    run_id = store.commit(record(LINES))
    data = bytearray(PAGE.request.data)  # type: ignore[union-attr]
    data[100] ^= 1
    with raw(path) as connection:
        connection.execute("UPDATE blobs SET data = ?", (compress(bytes(data)),))
    with pytest.raises(JournalDamaged, match=r"main\[1500\]: request.data"):
        store.verify_run(run_id)


def test_only_the_changed_run_is_damaged(path: Path, store: Store) -> None:
    """Runs don't hang on each other."""
    first, second = store.commit(record(LINES)), store.commit(record(LINES))
    with raw(path) as connection:
        connection.execute("DELETE FROM segments WHERE run_id = ?", (first,))
    store.verify_run(second)
    with pytest.raises(JournalDamaged):
        store.verify_run(first)
    assert [run.id for run in store.list_runs()] == [second, first]
