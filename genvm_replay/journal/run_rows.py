"""A run as rows: inserting it with its segments and payloads, and reading its own row back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text, type_coerce
from sqlalchemy import insert as insert_into
from sqlalchemy.types import NullType

from genvm_replay.errors import JournalDamaged
from genvm_replay.journal import amendments, schema
from genvm_replay.journal.compression import compress
from genvm_replay.journal.connection import Database
from genvm_replay.journal.recorder import FinishedRun
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


def new_blobs(database: Database, payloads: Mapping[bytes, bytes]) -> list[dict[str, object]]:
    """Rows for the payloads that the database does not hold; compressed here, before the transaction begins."""
    hashes, known = sorted(payloads), set[bytes]()  # in one order for all writers: no two wait for each other
    for begin in range(0, len(hashes), HASHES_MAX):
        part = {"hashes": hashes[begin : begin + HASHES_MAX]}
        known.update(digest for (digest,) in database.fetch(_KNOWN_BLOBS, part))
    missing = [digest for digest in hashes if digest not in known]
    return [
        {"hash": digest, "size": len(payloads[digest]), "data": compress(payloads[digest])}
        for digest in missing
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
    key = connection.execute(_ADD_RUN, row).inserted_primary_key
    assert key is not None
    run_id: int = key[0]
    if finished.segments:
        names = Segment.__dataclass_fields__
        rows = [
            {"run_id": run_id, **{name: getattr(part, name) for name in names}} for part in finished.segments
        ]
        connection.execute(_ADD_SEGMENT, rows)
    amendments.refer(connection, run_id, finished.blobs)
    _insert_index(connection, run_id, finished)
    return run_id


def _insert_index(connection: Connection, run_id: int, finished: FinishedRun) -> None:
    connection.execute(_ADD_FACTS, {"run_id": run_id, **facts_of(finished)})
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
