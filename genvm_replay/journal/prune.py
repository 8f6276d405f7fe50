"""Takes old runs out of a journal after they were written to an archive, and leaves their roots.

What stays of a run is a row of `pruned_runs`: enough to prove that an archive holds it, and to say which. A run that a
later run names as its parent stays as long as that one does. The local node's state is no part of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, select, text

from genvm_replay.errors import UsageError
from genvm_replay.journal import run_rows, schema
from genvm_replay.journal.database_store import DatabaseStore
from genvm_replay.journal.source import RunSummary
from genvm_replay.journal.store import prefix_range

KEPT_MIN: Final = 1  # the newest run stays, so that ids only grow
_NOTE: Final = text(
    "INSERT INTO pruned_runs (root, tx, role, contract, method, kind, event_count, archive, archive_hash, pruned_at)"
    " SELECT root, tx, role, contract, method, kind, event_count, :archive, :archive_hash, :pruned_at"
    " FROM runs WHERE id = :run_id ON CONFLICT DO NOTHING"
)
_DELETE_UNREFERENCED: Final = text(
    "DELETE FROM blobs WHERE NOT EXISTS"
    " (SELECT 1 FROM payload_references WHERE payload_references.hash = blobs.hash)"
)


def prunable(store: DatabaseStore, keep: int) -> list[RunSummary]:
    """The runs that can go when the newest `keep` stay, oldest first.

    Raises:
        UsageError: `keep` is less than KEPT_MIN.
    """
    if keep < KEPT_MIN:
        raise UsageError(f"at least {KEPT_MIN} run stays, not {keep}")
    everything = _all_runs(store)
    parents = {run.id: run.parent_id for run in everything}
    staying: set[int] = set()
    for run in everything[:keep]:
        here: int | None = run.id
        while here is not None and here not in staying:
            staying.add(here)
            here = parents.get(here)
    return [run for run in reversed(everything) if run.id not in staying]


def _all_runs(store: DatabaseStore) -> list[RunSummary]:
    found: list[RunSummary] = []
    while page := store.list_runs(limit=1000, before=found[-1].id if found else None):
        found += page
    return found


def remove(store: DatabaseStore, run_ids: list[int], *, archive: str, archive_hash: bytes) -> None:
    """Remove runs that an archive holds, in one transaction.

    Args:
        archive: name of its file, for people.
        archive_hash: BLAKE3 of it.

    Raises:
        EnvironmentProblem: read-only, or the database refused; nothing was removed.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")

    def write(connection: Connection) -> None:
        for run_id in reversed(run_ids):  # a child before its parent
            note = {"run_id": run_id, "archive": archive, "archive_hash": archive_hash, "pruned_at": now}
            connection.execute(_NOTE, note)
            run_rows.remove(connection, run_id)
        connection.execute(_DELETE_UNREFERENCED)

    store.database.write(write)


def where_is(store: DatabaseStore, tx_prefix: str) -> list[str]:
    """Names of the archives that hold pruned runs of the transactions that start with these hex digits.

    Raises:
        UsageError: no transaction can start so.
    """
    table = schema.pruned_runs
    query = select(table.c.archive).where(table.c.tx.between(*prefix_range(tx_prefix))).distinct()
    return sorted(archive for (archive,) in store.database.fetch(query))
