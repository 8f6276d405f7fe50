"""Archives: what goes in comes out, elsewhere and whole; what was changed, cut or made up is refused, in bounds."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from genvm_replay.errors import JournalError
from genvm_replay.journal import amendments, maintenance
from genvm_replay.journal.archive import (
    MAGIC,
    RECORD_BYTES_MAX,
    ArchivedRun,
    ArchiveWriter,
    PayloadRecord,
    RunRecord,
    read_archive,
)
from genvm_replay.journal.compression import compress
from genvm_replay.journal.database import open_database
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.events import OK, Answer, Event, ModuleCall, StorageWrite, WriteStream
from genvm_replay.journal.signing import sign
from genvm_replay.journal.transfer import export_run, import_run, opened

from .keys import KEY
from .samples import HEADER, each_kind, many_events, record

ANSWER = b"an answer that somebody wants removed"
CONTENT = {
    "main": [*many_events(1500), Event(WriteStream(1, random.Random(1).randbytes(30_000)), OK)],
    "nondet:0": [
        *each_kind(),
        Event(ModuleCall("llm", b"q"), Answer(0, ANSWER)),
        Event(StorageWrite(b"s" * 32, 0, b"x"), OK),
    ],
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatabaseStore]:
    """Two runs, the second re-executes the first and is signed."""
    with open_database(tmp_path / "journal.db") as store:
        first = record(CONTENT)
        store.commit(first)
        again = msgspec.structs.replace(HEADER, role="validator", parent=first.root)
        second = record({"main": many_events(20)}, header=again)
        run_id = store.commit(second, method="get")
        amendments.add_signature(store.database, run_id, *sign(second.root, KEY))
        yield store


def exported(store: DatabaseStore) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out)
    for summary in reversed(store.list_runs()):
        export_run(store, summary, writer)
    writer.finish()
    return out.getvalue()


def runs_of(data: bytes) -> list[ArchivedRun]:
    return list(read_archive(io.BytesIO(data), len(data)))


def test_there_and_back(store: DatabaseStore, tmp_path: Path) -> None:
    """Every column but the id, every event, signature and fact is the same in the other journal; twice is once."""
    data = exported(store)
    with open_database(tmp_path / "other.db") as other:
        assert [import_run(other, run) for run in runs_of(data)] == [1, 2]
        assert [import_run(other, run) for run in runs_of(data)] == [None, None]
        assert other.list_runs() == store.list_runs()
        for run_id in (1, 2):
            other.verify_run(run_id)
            for line in store.load_run(run_id).lines():
                theirs = list(other.load_run(run_id).read_line(line.name))
                assert theirs == list(store.load_run(run_id).read_line(line.name))
        for table in ("run_facts", "storage_writes", "nondet_answers", "payload_references"):
            theirs, ours = (
                sorted(map(tuple, one.database.fetch_plain(f"SELECT * FROM {table}")), key=repr)
                for one in (other, store)
            )
            assert theirs == ours, table
        signed = "SELECT run_id, public_key, signature FROM signatures"
        assert other.database.fetch_plain(signed) == store.database.fetch_plain(signed)
        assert maintenance.check(other.database) == []
        assert exported(other) == data


def test_what_was_removed_stays_removed(store: DatabaseStore, tmp_path: Path) -> None:
    """Removed before the export: the archive has the hash alone. Removed in the journal that imports: not brought back."""
    whole = exported(store)
    [digest] = [
        gone
        for name, gone in store.load_run(1).payloads_of("nondet:0", len(each_kind()))
        if name == "answer.value"
    ]
    amendments.redact(store.database, [digest], "asked to")
    without = exported(store)
    assert ANSWER not in b"".join(run.blobs.get(digest, b"") for run in runs_of(without))
    with open_database(tmp_path / "other.db") as other:
        for run in runs_of(without):
            import_run(other, run)
        assert [gone.digest for gone in other.verify_run(1)] == [digest]
        assert maintenance.check(other.database) == []
    with open_database(tmp_path / "third.db") as third:
        import_run(third, runs_of(whole)[0])
        amendments.redact(third.database, [digest], "asked to")
        third.commit(record({}))
        with third.database.writing() as connection:
            for table in ("run_facts", "storage_writes", "nondet_answers", "payload_references", "segments"):
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE run_id = 1")
            connection.exec_driver_sql("DELETE FROM runs WHERE id = 1")
        again = import_run(third, runs_of(whole)[0])
        assert again is not None
        assert [gone.digest for gone in third.verify_run(again)] == [digest]


def test_cut_anywhere(store: DatabaseStore) -> None:
    """No part of an archive is an archive."""
    data = exported(store)
    for size in [*range(0, 200), *random.Random(1).sample(range(len(data)), 60), len(data) - 1]:
        with pytest.raises(JournalError):
            runs_of(data[:size])


def test_any_flipped_bit(store: DatabaseStore) -> None:
    """Found by the end's hash, if by nothing before."""
    data = exported(store)
    rng = random.Random(2)
    for _ in range(150):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with pytest.raises(JournalError):
            runs_of(bytes(changed))


def test_a_forged_end_does_not_help(store: DatabaseStore, tmp_path: Path) -> None:
    """Who changes an event and writes a fitting end has changed the run's root."""
    [first, second] = runs_of(exported(store))
    first.segments[0] = second.segments[0]
    out = io.BytesIO()
    writer = ArchiveWriter(out)
    writer.add(first.record, first.source())
    writer.finish()
    [forged] = runs_of(out.getvalue())
    with pytest.raises(JournalError):
        opened(forged)
    with open_database(tmp_path / "other.db") as other:
        with pytest.raises(JournalError):
            import_run(other, forged)
        assert other.list_runs() == []


def piece(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


BOMB = compress(bytes(200 << 20))
RUN = msgspec.msgpack.encode(RunRecord(b"", b"", b"", b"", b"", None, "2026-01-01", "1"))
HOSTILE = {
    "nothing": b"",
    "another file": b"SQLite format 3\0" + bytes(100),
    "another version": MAGIC.replace(b"1", b"2") + bytes(100),
    "a size beyond the file": MAGIC + struct.pack("<I", RECORD_BYTES_MAX),
    "a size beyond all bounds": MAGIC + b"\xff\xff\xff\xff",
    "no record": MAGIC + piece(b"\x93\x01\x02\x03"),
    "nested": MAGIC + piece(b"\x91" * 100_000),
    "a payload first": MAGIC + piece(msgspec.msgpack.encode(PayloadRecord(BOMB))),
    "a frame that lies": MAGIC
    + piece(RUN)
    + piece(msgspec.msgpack.encode(PayloadRecord(b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8))),
    "too much for one run": MAGIC + piece(RUN) + 2 * piece(msgspec.msgpack.encode(PayloadRecord(BOMB))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with a reason, before much memory is spent."""
    monkeypatch.setattr("genvm_replay.journal.archive.RUN_BYTES_MAX", 300 << 20)
    with pytest.raises(JournalError) as caught:
        runs_of(HOSTILE[name])
    assert str(caught.value)


def test_what_only_the_row_says_is_checked(store: DatabaseStore) -> None:
    """The time of recording is not hashed; one that is none is refused, and texts are made printable."""
    [first, _] = runs_of(exported(store))
    first.record = msgspec.structs.replace(first.record, recorded_at="\x1b[2J")
    with pytest.raises(JournalError, match="recorded_at is no time"):
        opened(first)
