"""A run as rows: inserting it with its segments and payloads, whole or part by part, and reading its own row back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text, type_coerce
from sqlalchemy import insert as insert_into
from sqlalchemy.types import NullType

from genvm_replay.errors import JournalDamaged, JournalError
from genvm_replay.journal import amendments, schema
from genvm_replay.journal.compression import compress
from genvm_replay.journal.connection import Database
from genvm_replay.journal.recorder import UNFINISHED, Begun, FinishedRun
from genvm_replay.journal.run_columns import columns_of, facts_of
from genvm_replay.journal.run_index import NondetAnswer, SlotWrites
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import RunBytes, RunSummary

HASHES_MAX: Final = 500  # in one statement

# Without the columns' types: a value of another type (SQLite allows it) must come back as it is, to be refused.
SUMMARY: Final = [type_coerce(schema.runs.c[name], NullType()) for name in RunSummary.__dataclass_fields__]
_BYTES: Final = [type_coerce(schema.runs.c[name], NullType()) for name in RunBytes.__dataclass_fields__]
_RUN: Final = select(*SUMMARY, *_BYTES).where(schema.runs.c.id == bindparam("run_id"))
_KNOWN_BLOBS: Final = select(schema.blobs.c.hash).where(
    schema.blobs.c.hash.in_(bindparam("hashes", expanding=True))
)
_PARENT: Final = select(schema.runs.c.id).where(schema.runs.c.root == bindparam("root")).limit(1)
_ADD_RUN: Final = insert_into(schema.runs)
_ADD_SEGMENT: Final = insert_into(schema.segments)
_ADD_FACTS: Final = insert_into(schema.run_facts)
_ADD_WRITES: Final = insert_into(schema.storage_writes)
_ADD_ANSWER: Final = insert_into(schema.nondet_answers)
_ADD_BLOB: Final = text(
    "INSERT INTO blobs (hash, size, data) VALUES (:hash, :size, :data) ON CONFLICT (hash) DO NOTHING"
)
_DELETE_OWN_BLOBS: Final = text(
    "DELETE FROM blobs WHERE hash IN (SELECT hash FROM payload_references WHERE run_id = :run_id) AND NOT EXISTS"
    " (SELECT 1 FROM payload_references AS other WHERE other.hash = blobs.hash AND other.run_id <> :run_id)"
)
_OF_A_RUN: Final = (
    schema.nondet_answers,
    schema.storage_writes,
    schema.run_facts,
    schema.signatures,
    schema.payload_references,
    schema.segments,
)


def new_blobs(database: Database, payloads: Mapping[bytes, bytes]) -> list[dict[str, object]]:
    """Rows for the payloads that the database does not hold; compressed here, before the transaction begins."""
    known = set[bytes]()
    for part in _parts(payloads):
        known.update(digest for (digest,) in database.fetch(_KNOWN_BLOBS, part))
    return _blob_rows(payloads, known)


def save(
    connection: Connection, run: FinishedRun, blobs: Sequence[dict[str, object]], *, method: str | None
) -> int:
    """Insert a run, or add what the checkpoints before have not; its id.

    Args:
        blobs: what `new_blobs` gave.

    Raises:
        JournalError: another process has removed or changed the run meanwhile.
    """
    prepared = {row["hash"] for row in blobs}
    believed = {digest: data for digest, data in run.blobs.items() if digest not in prepared}
    known = {hash for part in _parts(believed) for (hash,) in connection.execute(_KNOWN_BLOBS, part)}
    rows = [*blobs, *_blob_rows(believed, known)]  # a run that was given up may have taken one along
    return insert(connection, run, rows, method=method)


def _parts(payloads: Mapping[bytes, bytes]) -> Iterator[dict[str, list[bytes]]]:
    hashes = sorted(payloads)  # in one order for all writers: no two wait for each other
    for begin in range(0, len(hashes), HASHES_MAX):
        yield {"hashes": hashes[begin : begin + HASHES_MAX]}


def _blob_rows(payloads: Mapping[bytes, bytes], known: Collection[bytes]) -> list[dict[str, object]]:
    return [
        {"hash": digest, "size": len(payloads[digest]), "data": compress(payloads[digest])}
        for digest in sorted(payloads)
        if digest not in known
    ]


def insert(
    connection: Connection,
    finished: FinishedRun,
    blobs: Sequence[dict[str, object]],
    *,
    method: str | None,
    origin: Mapping[str, object] | None = None,
) -> int:
    """Insert payloads, the run row and the segments; the run's id.

    Args:
        origin: columns of a run that was recorded elsewhere.
    """
    if blobs:
        connection.execute(_ADD_BLOB, blobs)
    parent = finished.header.parent
    stored = {name: getattr(finished.stored, name) for name in RunBytes.__dataclass_fields__}
    row = (
        columns_of(finished)
        | stored
        | {
            "parent_id": None if parent is None else connection.execute(_PARENT, {"root": parent}).scalar(),
            "method": method if method is not None else finished.index.method,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        | dict(origin or {})
    )
    run_id = _save_row(connection, finished.begun, row)
    if finished.segments:
        names = Segment.__dataclass_fields__
        rows = [
            {"run_id": run_id, **{name: getattr(part, name) for name in names}} for part in finished.segments
        ]
        connection.execute(_ADD_SEGMENT, rows)
    amendments.refer(connection, run_id, finished.blobs)
    _save_index(connection, run_id, finished)
    return run_id


def _save_row(connection: Connection, begun: Begun | None, row: dict[str, Any]) -> int:
    if begun is None:
        key = connection.execute(_ADD_RUN, row).inserted_primary_key
        assert key is not None
        return int(key[0])
    run_id, runs = begun.run_id, schema.runs
    changed = connection.execute(runs.update().where(runs.c.id == run_id, runs.c.root == begun.root), row)
    if changed.rowcount != 1:
        raise JournalError(
            f"run {run_id} was removed or changed by another process while it was recorded; run the transaction again"
        )
    connection.execute(schema.signatures.delete().where(schema.signatures.c.run_id == run_id))  # of a prefix
    return run_id


def remove(connection: Connection, run_id: int) -> None:
    """Remove a run; its payloads stay."""
    for table in _OF_A_RUN:
        connection.execute(table.delete().where(table.c.run_id == run_id))
    connection.execute(schema.runs.delete().where(schema.runs.c.id == run_id))


def remove_begun(connection: Connection, begun: Begun) -> None:
    """Remove a run that was given up, and payloads that only it has; one that has been finished or removed stays so."""
    known = select(schema.runs.c.root).where(schema.runs.c.id == begun.run_id)
    if connection.execute(known).scalar() == begun.root:
        connection.execute(_DELETE_OWN_BLOBS, {"run_id": begun.run_id})
        remove(connection, begun.run_id)


def _save_index(connection: Connection, run_id: int, finished: FinishedRun) -> None:
    facts = schema.run_facts
    if finished.begun is not None:
        connection.execute(facts.delete().where(facts.c.run_id == run_id))
    connection.execute(_ADD_FACTS, {"run_id": run_id, **facts_of(finished)})
    if finished.footer == UNFINISHED:  # some of what the index has may be in no closed segment yet
        return
    for statement, names, found in (
        (_ADD_WRITES, SlotWrites.__dataclass_fields__, finished.index.slots.values()),
        (_ADD_ANSWER, NondetAnswer.__dataclass_fields__, finished.index.answers),
    ):
        rows = [{"run_id": run_id, **{name: getattr(one, name) for name in names}} for one in found]
        if rows:
            connection.execute(statement, rows)


def load(database: Database, run_id: int) -> tuple[RunBytes, RunSummary] | None:
    """A run's own row; None if there is none.

    Raises:
        JournalDamaged: a hashed column does not hold bytes.
    """
    rows = database.fetch(_RUN, {"run_id": run_id})
    if not rows:
        return None
    values: list[Any] = list(rows[0])
    summary, run = values[: len(SUMMARY)], values[len(SUMMARY) :]
    for name, value in zip(RunBytes.__dataclass_fields__, run, strict=True):
        if not isinstance(value, bytes):
            raise JournalDamaged("header", None, f"column {name}", "bytes", type(value).__name__)
    return RunBytes(*run), RunSummary(*summary)
