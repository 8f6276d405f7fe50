"""Takes runs out of a journal into an archive, and from an archive into a journal. What is moved is verified first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, select, text

from genvm_replay.errors import JournalError
from genvm_replay.journal import amendments, run_rows, schema
from genvm_replay.journal.archive import ArchivedRun, ArchiveWriter, RunRecord
from genvm_replay.journal.database_source import DatabaseSource
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.events import Event
from genvm_replay.journal.recorder import FinishedRun
from genvm_replay.journal.run_index import NOTED, RunIndex, printable
from genvm_replay.journal.segment import canonical_bytes
from genvm_replay.journal.source import RunBytes, RunSummary
from genvm_replay.journal.stored import StoredRun

RELEASE_CHARS_MAX: Final = 32
REASON: Final = "removed before it was imported"

_ADD_REDACTION: Final = text(
    "INSERT INTO redactions (hash, redacted_at, reason) SELECT :hash, :redacted_at, :reason"
    " WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.hash = :hash) ON CONFLICT DO NOTHING"
)


def export_run(store: DatabaseStore, summary: RunSummary, writer: ArchiveWriter) -> None:
    """Write a run to an archive.

    Raises:
        JournalDamaged: it does not verify; nothing of it was written.
    """
    store.verify_run(summary.id)
    found = run_rows.load(store.database, summary.id)
    assert found is not None
    hashed = [getattr(found[0], name) for name in RunBytes.__dataclass_fields__]
    header, footer, lines, field_tags, root = hashed
    record = RunRecord(
        header, footer, lines, field_tags, root, summary.method, summary.created_at, summary.release
    )
    writer.add(record, DatabaseSource(store.database, summary.id))


def opened(archived: ArchivedRun) -> StoredRun:
    """A run of an archive, verified.

    Raises:
        JournalDamaged: something in it is not as it was recorded.
        JournalError: what its row says beyond the record is malformed.
    """
    _origin(archived.record)
    run = StoredRun(archived.stored, archived.source())
    run.verify()
    return run


def import_run(store: DatabaseStore, archived: ArchivedRun) -> int | None:
    """Commit a run of an archive; its id here, or None where a run with this root is here already.

    A payload that was redacted here stays removed. Raises as `opened`, and as `Store.commit`.
    """
    run = opened(archived)
    if store.database.fetch(select(schema.runs.c.id).where(schema.runs.c.root == run.root).limit(1)):
        return None
    finished = _finished(run, archived)
    wanted = {digest: data for digest, data in archived.blobs.items() if not _redacted_here(store, digest)}
    blobs = run_rows.new_blobs(store.database, wanted)
    now = datetime.now(UTC).isoformat(timespec="seconds")

    def write(connection: Connection) -> int:
        origin = _origin(archived.record)
        run_id = run_rows.insert(connection, finished, blobs, method=finished.index.method, origin=origin)
        amendments.refer(connection, run_id, archived.redacted)
        for digest in archived.redacted:
            connection.execute(_ADD_REDACTION, {"hash": digest, "redacted_at": now, "reason": REASON})
        for public_key, signature in archived.signatures:
            row = {"run_id": run_id, "public_key": public_key, "signature": signature, "signed_at": now}
            connection.execute(amendments.ADD_SIGNATURE, row)
        connection.execute(schema.pruned_runs.delete().where(schema.pruned_runs.c.root == run.root))
        return run_id

    return store.database.write(write)


def _finished(run: StoredRun, archived: ArchivedRun) -> FinishedRun:
    canonical = sum(len(canonical_bytes(segment)) for segment in archived.segments)
    index = index_of(run)
    index.method = index.method or (printable(archived.record.method) if archived.record.method else None)
    return FinishedRun(
        header=run.header,
        footer=run.footer,
        lines=run.all_lines(),
        segments=tuple(archived.segments),
        blobs=archived.blobs,
        stored=archived.stored,
        index=index,
        raw_bytes=canonical + sum(map(len, archived.blobs.values())),
        stored_bytes=sum(segment.stored_bytes for segment in archived.segments),
    )


def index_of(run: StoredRun) -> RunIndex:
    """The facts that a recorder would have noted."""
    index = RunIndex()
    for line in run.lines():
        for seq, event in enumerate(run.read_shown(line.name)):
            if isinstance(event, Event) and type(event.request) in NOTED:
                NOTED[type(event.request)](index, line.name, seq, event.request, event.answer)
    return index


def _redacted_here(store: DatabaseStore, digest: bytes) -> bool:
    return bool(
        store.database.fetch(select(schema.redactions.c.hash).where(schema.redactions.c.hash == digest))
    )


def _origin(record: RunRecord) -> Mapping[str, Any]:
    """When and by which release it was recorded: nothing hashed says so, so it is only checked for its form."""
    try:
        recorded_at = datetime.fromisoformat(record.recorded_at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise JournalError(f"recorded_at is no time: {printable(record.recorded_at)!r}") from error
    release = printable(record.release)[:RELEASE_CHARS_MAX]
    return {"created_at": recorded_at.isoformat(timespec="seconds"), "release": release}
