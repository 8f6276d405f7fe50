"""What every store of runs promises, whatever it is made of."""

from __future__ import annotations

import random
from typing import Any

import pytest

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.journal.events import OK, Event, ReadClock, WriteStream
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.store import Store
from tests.journal.samples import FOOTER, HEADER, each_kind, many_events, record

from .conftest import Open

PAGE = Event(WriteStream(1, random.Random(1).randbytes(30_000)), OK)
LINES = {"main": [*many_events(1500), PAGE], "nondet:0": each_kind()}
TXS = [bytes.fromhex(digits.ljust(64, "0")) for digits in ("abcd12", "abcd34", "ffff")]


def header(**changes: Any) -> RunHeader:
    return RunHeader(**{name: getattr(HEADER, name) for name in HEADER.__struct_fields__} | changes)


def test_what_is_committed_can_be_read(opened: Open, store: Store) -> None:
    """By another opening, with every column."""
    finished = record(LINES)
    run_id = store.commit(finished, method="transfer")
    other = opened(read_only=True)
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


def test_many_payloads(store: Store) -> None:
    """More than one statement's worth; stored twice without harm."""
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
    assert ids == sorted(ids)
    assert [run.id for run in store.list_runs(limit=2)] == [ids[4], ids[3]]
    assert [run.id for run in store.list_runs(limit=9, before=ids[3])] == [ids[2], ids[1], ids[0]]
    assert store.list_runs(before=ids[0]) == []


@pytest.fixture
def filled(store: Store) -> Store:
    """Runs 1 to 4: three transactions, the first of them twice, the second time of another contract."""
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


def test_prefixes_that_can_not_be(store: Store) -> None:
    """Said, not searched for."""
    for prefix in ("abc", "0xabc", "", "xyzw", "ab cd", "a" * 65, "-abcd"):
        with pytest.raises(UsageError, match="4 to 64 hex digits"):
            store.find_runs(prefix)


def test_ambiguous_prefix(filled: Store) -> None:
    """The candidates are listed."""
    with pytest.raises(UsageError, match=r"fits several transactions: 0xabcd12.*, 0xabcd34"):
        filled.find_runs("abcd")


def test_unknown_run(store: Store) -> None:
    """Not a traceback of the database."""
    for call in (store.load_run, store.verify_run):
        with pytest.raises(UsageError, match="there is no run 7"):
            call(7)


def test_read_only(opened: Open, store: Store) -> None:
    """Reads work; a write is refused, and says why."""
    run_id = store.commit(record(LINES))
    other = opened(read_only=True)
    assert other.read_only
    other.verify_run(run_id)
    with other.state.snapshot():
        assert other.state.contracts() == []
    with pytest.raises(EnvironmentProblem, match="open for reading only"):
        other.commit(record({}))
    with pytest.raises(EnvironmentProblem, match="open for reading only"):
        other.state.drop()
    assert [run.id for run in store.list_runs()] == [run_id]
