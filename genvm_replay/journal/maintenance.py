"""Looks after a database as a whole: is it sound, how large is it, give unused room back. Single runs: `verify.py`."""

from __future__ import annotations

from typing import Any, Final

from genvm_replay.journal import amendments, schema
from genvm_replay.journal.connection import Database
from genvm_replay.journal.sqlite_database import SqliteDatabase

LOST_PAYLOADS: Final = """SELECT DISTINCT run_id FROM payload_references AS kept
 WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.hash = kept.hash)
 AND NOT EXISTS (SELECT 1 FROM redactions WHERE redactions.hash = kept.hash) ORDER BY run_id"""
ALL_BYTES: Final = "SELECT count(md5(data)) FROM segments UNION ALL SELECT count(md5(data)) FROM blobs"
COUNTED: Final = {
    "runs": "SELECT count(*) FROM runs",
    "pruned_runs": "SELECT count(*) FROM pruned_runs",
    "interrupted": "SELECT count(*) FROM runs WHERE status = 'interrupted'",
    "contracts": "SELECT count(*) FROM contracts",
    "events": "SELECT coalesce(sum(event_count), 0) FROM runs",
    "raw_bytes": "SELECT coalesce(sum(raw_bytes), 0) FROM runs",
    "segment_bytes": "SELECT coalesce(sum(stored_bytes), 0) FROM runs",
    "payloads": "SELECT count(*) FROM blobs",
    "payload_bytes": "SELECT coalesce(sum(length(data)), 0) FROM blobs",
    "redactions": "SELECT count(*) FROM redactions",
    "signatures": "SELECT count(*) FROM signatures",
    "runs_without_facts": "SELECT count(*) FROM runs WHERE id NOT IN (SELECT run_id FROM run_facts)",
}
SIZE: Final = "SELECT pg_database_size(current_database())"


def check(database: Database) -> list[str]:
    """What is wrong with the database; nothing is changed."""
    found = [
        f"run {run_id} refers to a payload that is not there" for (run_id,) in _rows(database, LOST_PAYLOADS)
    ]
    found += [f"payload {digest.hex()} belongs to no run" for digest in amendments.unreferenced(database)]
    if not isinstance(database, SqliteDatabase):
        _rows(database, ALL_BYTES)  # has the server read every page
    else:
        found += [str(text) for (text,) in _rows(database, "PRAGMA integrity_check") if text != "ok"]
        found += [
            f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there"
            for row in _rows(database, "PRAGMA foreign_key_check")
        ]
    return found


def stats(database: Database) -> dict[str, Any]:
    """Counts and sizes, in bytes; all of one moment."""
    with database.reading():
        counted = {name: int(_rows(database, statement)[0][0]) for name, statement in COUNTED.items()}
        oldest, newest = _rows(database, "SELECT min(created_at), max(created_at) FROM runs")[0]
    return {
        "database": database.name,
        "schema": schema.HEAD,
        "database_bytes": size(database),
        **counted,
        "oldest": oldest,
        "newest": newest,
    }


def vacuum(database: Database) -> tuple[int, int]:
    """Give unused room back and refresh what the planner knows; the size in bytes before and after.

    Raises:
        EnvironmentProblem: read-only, locked, or not enough room: SQLite needs as much again while it works.
    """
    database.refuse_read_only()
    before = size(database)
    if isinstance(database, SqliteDatabase):
        statements = ["VACUUM", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"]
    else:
        statements = ["VACUUM (ANALYZE)"]
    with database.translated():
        for statement in statements:
            database.connection.exec_driver_sql(statement)
    return before, size(database)


def size(database: Database) -> int:
    """Bytes of the database, without SQLite's log."""
    if isinstance(database, SqliteDatabase):
        [(pages,)], [(page,)] = _rows(database, "PRAGMA page_count"), _rows(database, "PRAGMA page_size")
        return int(pages) * int(page)
    return int(_rows(database, SIZE)[0][0])


def _rows(database: Database, statement: str) -> list[Any]:
    return list(database.fetch_plain(statement))
