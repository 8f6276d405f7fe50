"""Reads the segments and payloads of one run from the database, a row at a time; see `source.Source`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, text

from genvm_replay.errors import JournalDamaged, JournalError
from genvm_replay.journal.compression import decompress_blob
from genvm_replay.journal.connection import Database
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import SegmentSpan

# Text, not tables: a value of another type than its column (SQLite allows it) must come back as it is, to be refused.
_LINES: Final = text("SELECT DISTINCT line FROM segments WHERE run_id = :run_id ORDER BY line")
_SPANS: Final = text(
    "SELECT number, first_seq, count FROM segments WHERE run_id = :run_id AND line = :line ORDER BY number"
)
_NEXT: Final = text(
    "SELECT line, number, first_seq, count, head, leaves, tags, data FROM segments"
    " WHERE run_id = :run_id AND line = :line AND number >= :number ORDER BY number LIMIT :limit"
)
_BLOB: Final = text("SELECT data FROM blobs WHERE hash = :hash")
_REFERENCES: Final = text("SELECT hash FROM payload_references WHERE run_id = :run_id")
_REDACTED: Final = text("SELECT 1 FROM redactions WHERE hash = :hash")
_SIGNATURES: Final = text(
    "SELECT public_key, signature FROM signatures WHERE run_id = :run_id ORDER BY signed_at, public_key"
)
READ_AHEAD: Final = (
    4  # segments fetched at once by a stream; a statement costs as much as checking half of one
)
_TYPES: Final = (str, int, int, int, bytes, bytes, bytes, bytes)


class DatabaseSource:
    """Segments of one run. No cursor stays open between two of them, so readers hold up nobody."""

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._run_id = run_id

    def lines(self) -> Sequence[str]:
        """Names of the lines that have segments."""
        return [str(name) for (name,) in self._rows(_LINES)]

    def spans(self, line: str) -> Sequence[SegmentSpan]:
        """Segments of a line by number, without their data."""
        return [SegmentSpan(*tuple(row)) for row in self._rows(_SPANS, line=line)]

    def segments(self, line: str) -> Iterator[Segment]:
        """Segments of a line by number."""
        number = 0
        while rows := self._rows(_NEXT, line=line, number=number, limit=READ_AHEAD):
            for row in rows:
                segment = _typed(line, row)
                yield segment
                number = segment.number + 1

    def segment(self, line: str, number: int) -> Segment:
        """One segment that `spans` named."""
        rows = self._rows(_NEXT, line=line, number=number, limit=1)
        if not rows or rows[0].number != number:
            raise JournalError(f"line {line!r} has no segment {number}")
        return _typed(line, rows[0])

    def blob(self, digest: bytes) -> bytes | None:
        """A payload, decompressed; None if it is missing."""
        rows = self._database.fetch(_BLOB, {"hash": digest})
        if not rows:
            return None
        if not isinstance(rows[0][0], bytes):
            raise JournalError(f"payload {digest.hex()} is not binary")
        return decompress_blob(rows[0][0])

    def references(self) -> set[bytes]:
        """Hashes of the payloads that are kept for this run."""
        return {row[0] for row in self._rows(_REFERENCES)}

    def redacted(self, digest: bytes) -> bool:
        """Whether a payload is marked as removed on purpose."""
        return bool(self._rows(_REDACTED, hash=digest))

    def signatures(self) -> Sequence[tuple[bytes, bytes]]:
        """Public key and signature of each one who signed the root."""
        return [(values[0], values[1]) for values in map(list, self._rows(_SIGNATURES))]

    def _rows(self, statement: Any, **values: object) -> Sequence[Row[Any]]:
        return self._database.fetch(statement, {"run_id": self._run_id, **values})


def _typed(line: str, row: Row[Any]) -> Segment:
    """A row as a segment, if every value has its column's type."""
    for name, kind, value in zip(Segment.__dataclass_fields__, _TYPES, row, strict=True):
        if not isinstance(value, kind):
            raise JournalDamaged(line, None, name, kind.__name__, type(value).__name__)
    return Segment(*tuple(row))
