"""What a stored run looks like to its readers, wherever it lies: database, memory, archive.

`RunBytes` is the hashed part of the run row, `RunSummary` its plain columns, `Source` the segments and
payloads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from genvm_replay.journal.segment import Segment


@dataclass(frozen=True, slots=True)
class RunBytes:
    """The canonical bytes that the root binds, the locator of their fields, and the root."""

    header: bytes
    footer: bytes
    lines: bytes  # see `chain.encode_lines`
    field_tags: bytes  # see `run_record.field_tags`; not bound by the root
    root: bytes


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The columns by which runs are listed and found. Which of them repeat hashed facts: `verify.py`."""

    id: int
    tx: bytes
    role: str
    parent_id: int | None
    created_at: str  # ISO 8601, UTC
    root: bytes
    kind: str
    contract: bytes
    method: str | None
    event_count: int
    raw_bytes: int  # canonical bytes of events, and payloads stored apart
    stored_bytes: (
        int  # compressed segments and what locates their events, without payloads: other runs may share those
    )
    status: str  # finished | interrupted
    release: str  # of genvm-replay, that recorded it: reads every event of the run


@dataclass(frozen=True, slots=True)
class SegmentSpan:
    """Where a segment lies in its line."""

    number: int
    first_seq: int
    count: int


class Source(Protocol):
    """Segments and payloads of one run. Nothing given here is verified yet."""

    def lines(self) -> Sequence[str]:
        """Names of the lines that have segments."""

    def spans(self, line: str) -> Sequence[SegmentSpan]:
        """Segments of a line by number, without their data."""

    def segments(self, line: str) -> Iterator[Segment]:
        """Segments of a line by number, one at a time."""

    def segment(self, line: str, number: int) -> Segment:
        """One segment that `spans` named."""

    def blob(self, digest: bytes) -> bytes | None:
        """A payload, decompressed; None if it is missing. Raises JournalError if it does not decompress."""

    def references(self) -> set[bytes]:
        """Hashes of the payloads that are kept for this run."""

    def redacted(self, digest: bytes) -> bool:
        """Whether a payload is marked as removed on purpose."""

    def signatures(self) -> Sequence[tuple[bytes, bytes]]:
        """Public key and signature of each one who signed the root."""


class MemorySource:
    """A source over what a recorder holds."""

    def __init__(
        self,
        segments: Sequence[Segment],
        blobs: Mapping[bytes, bytes],
        redacted: Collection[bytes] = (),
        signatures: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        self._segments = segments
        self._blobs = blobs
        self._redacted = redacted
        self._signatures = signatures

    def lines(self) -> Sequence[str]:
        """Names of the lines that have segments."""
        return sorted({segment.line for segment in self._segments})

    def spans(self, line: str) -> Sequence[SegmentSpan]:
        """Segments of a line by number, without their data."""
        return [
            SegmentSpan(segment.number, segment.first_seq, segment.count) for segment in self.segments(line)
        ]

    def segments(self, line: str) -> Iterator[Segment]:
        """Segments of a line by number."""
        return iter(sorted((s for s in self._segments if s.line == line), key=lambda segment: segment.number))

    def segment(self, line: str, number: int) -> Segment:
        """One segment that `spans` named."""
        return next(segment for segment in self.segments(line) if segment.number == number)

    def blob(self, digest: bytes) -> bytes | None:
        """A payload; None if it is missing."""
        return self._blobs.get(digest)

    def references(self) -> set[bytes]:
        """Hashes of the payloads that are kept for this run."""
        return {*self._blobs, *self._redacted}

    def redacted(self, digest: bytes) -> bool:
        """Whether a payload is marked as removed on purpose."""
        return digest in self._redacted

    def signatures(self) -> Sequence[tuple[bytes, bytes]]:
        """Public key and signature of each one who signed the root."""
        return self._signatures
