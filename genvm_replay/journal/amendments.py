"""What may change in a journal after a run was committed: signatures are added, payloads are removed.

Neither touches a hashed byte: the root stays, and with it every proof. References say which run keeps which payload; a
payload that no run refers to has no business in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

from genvm_replay.errors import JournalDamaged, UsageError
from genvm_replay.journal.connection import Database

UNREFERENCED_SHOWN_MAX: Final = 20

_ADD_REFERENCE: Final = text(
    "INSERT INTO payload_references (run_id, hash) VALUES (:run_id, :hash) ON CONFLICT DO NOTHING"
)
_ADD_REDACTION: Final = text(
    "INSERT INTO redactions (hash, redacted_at, reason) VALUES (:hash, :redacted_at, :reason) ON CONFLICT DO NOTHING"
)
ADD_SIGNATURE: Final = text(
    "INSERT INTO signatures (run_id, public_key, signature, signed_at)"
    " VALUES (:run_id, :public_key, :signature, :signed_at) ON CONFLICT DO NOTHING"
)
_RUNS_WITH: Final = text("SELECT DISTINCT run_id FROM payload_references WHERE hash = :hash ORDER BY run_id")
_FORGET_TEXT: Final = text("UPDATE nondet_answers SET text = NULL WHERE hash = :hash")
_DELETE_BLOB: Final = text("DELETE FROM blobs WHERE hash = :hash")
_UNREFERENCED: Final = text(
    "SELECT hash FROM blobs WHERE NOT EXISTS"
    " (SELECT 1 FROM payload_references WHERE payload_references.hash = blobs.hash) ORDER BY hash LIMIT :limit"
)


def refer(connection: Connection, run_id: int, digests: Iterable[bytes]) -> None:
    """Note that a run keeps these payloads."""
    rows = [{"run_id": run_id, "hash": digest} for digest in digests]
    if rows:
        connection.execute(_ADD_REFERENCE, rows)


def redact(database: Database, digests: Iterable[bytes], reason: str) -> list[int]:
    """Remove payloads, in one transaction; the ids of all runs that had one of them.

    A payload is stored once, so it goes from every run. Free pages of the file may keep its bytes until they are
    overwritten or the database is vacuumed; SQLite overwrites them at once (`secure_delete`).

    Raises:
        UsageError: no run has such a payload.
        EnvironmentProblem: read-only, or the database refused; nothing was removed.
    """
    met: set[int] = set()
    with database.writing() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        for digest in digests:
            runs = connection.execute(_RUNS_WITH, {"hash": digest}).scalars().all()
            if not runs:
                raise UsageError(f"no run has a payload {digest.hex()}")
            met.update(runs)
            connection.execute(_ADD_REDACTION, {"hash": digest, "redacted_at": _now(), "reason": reason})
            connection.execute(_DELETE_BLOB, {"hash": digest})
            connection.execute(_FORGET_TEXT, {"hash": digest})
    return sorted(met)


def add_signature(database: Database, run_id: int, public_key: bytes, signature: bytes) -> None:
    """Store a signature of a run's root; one that is there already stays."""
    row = {"run_id": run_id, "public_key": public_key, "signature": signature, "signed_at": _now()}
    with database.writing() as connection:
        connection.execute(ADD_SIGNATURE, row)


def unreferenced(database: Database) -> list[bytes]:
    """Payloads that no run refers to; up to UNREFERENCED_SHOWN_MAX of them."""
    with database.translated():
        rows = database.connection.execute(_UNREFERENCED, {"limit": UNREFERENCED_SHOWN_MAX})
        return list(rows.scalars())


def check_whole(database: Database) -> None:
    """Check what no single run can show: that the database is sound in itself, and holds no payload that no run names.

    Raises:
        JournalDamaged: says what is wrong.
    """
    with database.translated():
        if database.connection.dialect.name == "sqlite":
            wrong = database.connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars().all()
            if wrong != ["ok"]:
                raise JournalDamaged(
                    "database", None, "integrity", "a sound database", "; ".join(map(str, wrong))
                )
    found = unreferenced(database)
    if found:
        shown = ", ".join(digest.hex() for digest in found)
        raise JournalDamaged("blobs", None, "payload", "only payloads that a run names", shown)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
