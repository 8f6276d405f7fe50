"""The writing end of a run: hands out lines, then binds everything into a root. Pure memory, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from genvm_replay.errors import JournalError, UsageError
from genvm_replay.journal import chain
from genvm_replay.journal.chain import LineSummary
from genvm_replay.journal.line import LineWriter
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import encode_struct
from genvm_replay.journal.run import RunFooter, RunHeader
from genvm_replay.journal.run_index import RunIndex
from genvm_replay.journal.run_record import field_tags, footer_fields, header_fields
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import MemorySource, RunBytes
from genvm_replay.journal.stored import StoredRun

LINE_NAME_BYTES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A recorded run, ready to be committed or read."""

    header: RunHeader
    footer: RunFooter
    lines: tuple[LineSummary, ...]  # sorted by name; lines without events are left out
    segments: tuple[Segment, ...]
    blobs: Mapping[bytes, bytes]  # payloads stored apart, by their BLAKE3
    stored: RunBytes
    index: RunIndex  # what searches want to know of the events
    raw_bytes: int  # canonical bytes of events, and payloads

    @property
    def root(self) -> bytes:
        """The hash that stands for the whole run; equal for equal runs."""
        return self.stored.root

    @property
    def event_count(self) -> int:
        """Events of all lines."""
        return sum(line.count for line in self.lines)

    @property
    def stored_bytes(self) -> int:
        """Compressed segments, with what locates their events."""
        return sum(segment.stored_bytes for segment in self.segments)

    def open(self) -> StoredRun:
        """Read the run back from memory, through the same code as one from a database."""
        return StoredRun(self.stored, MemorySource(self.segments, self.blobs))


class RunRecorder:
    """Takes one run. A recorder that is never finished costs nothing but its memory."""

    def __init__(self, header: RunHeader) -> None:
        self.header = header
        self._header_bytes = encode_struct(header)
        self._genesis = chain.genesis(self._header_bytes)
        self._pool = BlobPool()
        self._index = RunIndex()
        self._lines: dict[str, LineWriter] = {}
        self._finished = False

    def line(self, name: str) -> LineWriter:
        """The writer of a line; the same one for the same name."""
        writer = self._lines.get(name)
        if writer is None:
            if self._finished:
                raise JournalError("the run is finished: it takes no more lines")
            if not 0 < len(name.encode()) <= LINE_NAME_BYTES_MAX or name in ("header", "footer"):
                raise UsageError(f"{name[:LINE_NAME_BYTES_MAX]!r} can't be the name of a line")
            writer = self._lines[name] = LineWriter(name, self._genesis, self._pool, self._index)
        return writer

    def finish(self, footer: RunFooter) -> FinishedRun:
        """Close all lines and compute the root; nothing can be appended after."""
        self._finished = True
        summaries = sorted((writer.finish() for writer in self._lines.values()), key=lambda line: line.name)
        writers = [self._lines[summary.name] for summary in summaries]
        lines, footer_bytes = chain.encode_lines(summaries), encode_struct(footer)
        return FinishedRun(
            header=self.header,
            footer=footer,
            lines=tuple(summary for summary in summaries if summary.count),
            segments=tuple(segment for writer in writers for segment in writer.segments),
            blobs=self._pool.blobs,
            stored=RunBytes(
                header=self._header_bytes,
                footer=footer_bytes,
                lines=lines,
                field_tags=field_tags(header_fields(self._header_bytes) + footer_fields(footer_bytes)),
                root=chain.root(self._genesis, lines, footer_bytes),
            ),
            index=self._index,
            raw_bytes=sum(writer.raw_bytes for writer in writers) + sum(map(len, self._pool.blobs.values())),
        )
