"""Reads the segments and payloads of one run from the database, a row at a time; see `source.Source`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from genvm_replay.errors import JournalDamaged, JournalError
from genvm_replay.journal.compression import decompress_blob
from genvm_replay.journal.connection import Database, Rows
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import SegmentSpan

# The driver's SQL: a value of another type than its column (SQLite allows it) must come back as it is, to be refused;
# and a compiled statement would cost as much as a short run's own checks.
_LINES: Final = "SELECT DISTINCT line FROM segments WHERE run_id = ? ORDER BY line"
_SPANS: Final = "SELECT number, first_seq, count FROM segments WHERE run_id = ? AND line = ? ORDER BY number"
_NEXT: Final = (
    "SELECT line, number, first_seq, count, head, leaves, tags, data FROM segments"
    " WHERE run_id = ? AND line = ? AND number >= ? ORDER BY number LIMIT ?"
)
_BLOB: Final = "SELECT data FROM blobs WHERE hash = ?"
_REFERENCES: Final = "SELECT hash FROM payload_references WHERE run_id = ?"
_REDACTED: Final = "SELECT 1 FROM redactions WHERE hash = ?"
_SIGNATURES: Final = (
    "SELECT public_key, signature FROM signatures WHERE run_id = ? ORDER BY signed_at, public_key"
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
        return [str(name) for (name,) in self._rows(_LINES, self._run_id)]

    def spans(self, line: str) -> Sequence[SegmentSpan]:
        """Segments of a line by number, without their data."""
        return [SegmentSpan(*tuple(row)) for row in self._rows(_SPANS, self._run_id, line)]

    def segments(self, line: str) -> Iterator[Segment]:
        """Segments of a line by number."""
        number, more = 0, True
        while more:
            rows = self._rows(_NEXT, self._run_id, line, number, READ_AHEAD)
            more = len(rows) == READ_AHEAD
            for row in rows:
                segment = _typed(line, row)
                yield segment
                number = segment.number + 1

    def segment(self, line: str, number: int) -> Segment:
        """One segment that `spans` named."""
        rows = self._rows(_NEXT, self._run_id, line, number, 1)
        if not rows or rows[0][1] != number:
            raise JournalError(f"line {line!r} has no segment {number}")
        return _typed(line, rows[0])

    def blob(self, digest: bytes) -> bytes | None:
        """A payload, decompressed; None if it is missing."""
        rows = self._rows(_BLOB, digest)
        if not rows:
            return None
        if not isinstance(rows[0][0], bytes):
            raise JournalError(f"payload {digest.hex()} is not binary")
        return decompress_blob(rows[0][0])

    def references(self) -> set[bytes]:
        """Hashes of the payloads that are kept for this run."""
        return {row[0] for row in self._rows(_REFERENCES, self._run_id)}

    def redacted(self, digest: bytes) -> bool:
        """Whether a payload is marked as removed on purpose."""
        return bool(self._rows(_REDACTED, digest))

    def signatures(self) -> Sequence[tuple[bytes, bytes]]:
        """Public key and signature of each one who signed the root."""
        return [(values[0], values[1]) for values in map(list, self._rows(_SIGNATURES, self._run_id))]

    def _rows(self, statement: str, *values: object) -> Rows:
        return self._database.fetch_plain(statement.replace("?", self._database.placeholder), values)


def _typed(line: str, row: Sequence[Any]) -> Segment:
    """A row as a segment, if every value has its column's type."""
    for name, kind, value in zip(Segment.__dataclass_fields__, _TYPES, row, strict=True):
        if not isinstance(value, kind):
            raise JournalDamaged(line, None, name, kind.__name__, type(value).__name__)
    return Segment(*tuple(row))
