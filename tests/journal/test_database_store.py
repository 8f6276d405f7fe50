"""How runs lie in a database: one transaction, payloads once, every change of a row located."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from genvm_replay.errors import JournalDamaged
from genvm_replay.journal.compression import compress
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.events import OK, Event, WriteStream

from .samples import each_kind, many_events, raw, record

PAGE = Event(WriteStream(1, random.Random(1).randbytes(30_000)), OK)
LINES = {"main": [*many_events(1500), PAGE], "nondet:0": each_kind()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[DatabaseStore]:
    with open_database(path) as store:
        yield store


def test_a_failed_commit_writes_nothing(path: Path, store: DatabaseStore) -> None:
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


def test_payloads_are_stored_once(path: Path, store: DatabaseStore) -> None:
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
    path: Path, store: DatabaseStore, statement: str, place: tuple[str, int | None, str]
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


def test_changed_payload(path: Path, store: DatabaseStore) -> None:
    """One byte, properly compressed again."""
    run_id = store.commit(record(LINES))
    data = bytearray(PAGE.request.data)  # type: ignore[union-attr]
    data[100] ^= 1
    with raw(path) as connection:
        connection.execute("UPDATE blobs SET data = ?", (compress(bytes(data)),))
    with pytest.raises(JournalDamaged, match=r"main\[1500\]: request.data"):
        store.verify_run(run_id)


def test_only_the_changed_run_is_damaged(path: Path, store: DatabaseStore) -> None:
    """Runs don't hang on each other."""
    first, second = store.commit(record(LINES)), store.commit(record(LINES))
    with raw(path) as connection:
        connection.execute("DELETE FROM segments WHERE run_id = ?", (first,))
    store.verify_run(second)
    with pytest.raises(JournalDamaged):
        store.verify_run(first)
    assert [run.id for run in store.list_runs()] == [second, first]
