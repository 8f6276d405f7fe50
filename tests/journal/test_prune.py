"""Pruning: what goes, what stays, and the way back; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from blake3 import blake3
from sqlalchemy import func, select

from genvm_replay.errors import UsageError
from genvm_replay.journal import maintenance, schema
from genvm_replay.journal.archive import ArchiveWriter, read_archive
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.delta import StateDelta
from genvm_replay.journal.events import OK, Event, WriteStream
from genvm_replay.journal.prune import prunable, remove, where_is
from genvm_replay.journal.transfer import export_run, import_run
from tests.journal.samples import HEADER, each_kind, record

SHARED = Event(WriteStream(1, bytes(range(256)) * 100), OK)  # a payload stored apart


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseStore]:
    sqlite = request.param == "sqlite"
    url = tmp_path / "journal.db" if sqlite else request.getfixturevalue("postgres").new_journal()
    with open_database(url) as opened:
        yield opened


def header(**changes: object):
    return type(HEADER)(**{name: getattr(HEADER, name) for name in HEADER.__struct_fields__} | changes)


def commit(store: DatabaseStore, number: int, **changes: object) -> int:
    """A run with a payload of its own, and one that all share."""
    own = Event(WriteStream(1, bytes([number]) * 9000), OK)
    lines = {"main": [own, SHARED, *each_kind()]}
    return store.commit(record(lines, header=header(tx=bytes([number]) * 32, **changes)))


def prune(store: DatabaseStore, keep: int) -> bytes:
    out = BytesIO()
    going, writer = prunable(store, keep), ArchiveWriter(out)
    for summary in going:
        export_run(store, summary, writer)
    writer.finish()
    data = out.getvalue()
    ids = [run.id for run in going]
    remove(store, ids, archive="old.gvmr", archive_hash=blake3(data).digest())
    return data


def test_old_runs_go_and_their_roots_stay(store: DatabaseStore) -> None:
    """With their payloads, but for those that others share; nothing dangles; `import` brings all back."""
    ids = [commit(store, number) for number in range(1, 6)]
    roots = {run.tx: run.root for run in store.list_runs()}
    archive = prune(store, 2)
    assert [run.id for run in store.list_runs()] == ids[:2:-1]
    for run_id in ids[3:]:
        store.verify_run(run_id)
    assert maintenance.check(store.database) == []
    rows = store.database.fetch(select(schema.pruned_runs.c.tx, schema.pruned_runs.c.root))
    assert dict(rows) == {bytes([n]) * 32: roots[bytes([n]) * 32] for n in (1, 2, 3)}
    assert store.database.fetch(select(func.count()).select_from(schema.blobs))[0][0] == 2 + 1
    assert (where_is(store, "0101"), where_is(store, "0x0404")) == (["old.gvmr"], [])
    assert maintenance.stats(store.database)["pruned_runs"] == 3

    for archived in read_archive(BytesIO(archive), len(archive)):
        assert import_run(store, archived) is not None
    assert {run.tx: run.root for run in store.list_runs()} == roots
    assert maintenance.stats(store.database)["pruned_runs"] == 0
    assert maintenance.check(store.database) == []


def test_parents_of_runs_that_stay_stay(store: DatabaseStore) -> None:
    """However far up."""
    first = commit(store, 1)
    root = store.list_runs()[0].root
    second = commit(store, 2, role="validator", parent=root)
    commit(store, 3)
    third = commit(store, 4, role="replay", parent=store.load_run(second).root)
    prune(store, 1)
    assert [run.id for run in store.list_runs()] == [third, second, first]


def test_a_deployed_contract_outlives_its_run(store: DatabaseStore) -> None:
    """The local state is no part of the runs."""
    address = b"c" * 20
    lines = {"main": each_kind()}
    store.commit(record(lines, header=header(tx=b"d" * 32)), state=StateDelta(deployed=(address,)))
    commit(store, 2)
    prune(store, 1)
    assert store.state.contracts() == [address]
    assert maintenance.check(store.database) == []


def test_the_newest_run_stays(store: DatabaseStore) -> None:
    """So that ids only grow."""
    commit(store, 1)
    assert prunable(store, 1) == prunable(store, 9) == []
    with pytest.raises(UsageError, match="at least 1"):
        prunable(store, 0)
