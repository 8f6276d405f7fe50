"""The writing end of a run: hands out lines, then binds everything into a root. Pure memory, no database.

A long run can be written bit by bit: what is closed goes to a `Checkpoints` and leaves memory. The record is the same
with and without: only segments that closed by themselves are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from genvm_replay.calldata import Value
from genvm_replay.errors import EnvironmentProblem, JournalError, UsageError
from genvm_replay.journal import chain
from genvm_replay.journal.bookkeeping import attempt_event, attempts_line
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
CHECKPOINT_BYTES: Final = 64 << 20  # of closed segments and their payloads, since the last checkpoint
UNFINISHED: Final = RunFooter(
    kind="internal_error",
    payload=b"the process that recorded this run ended before the run did",
    code_hash=None,
    image="",
    storage_hash=b"",
    memory_hash=None,
    interrupted=True,
)
"""The footer of a run that is still recorded, or whose process was killed."""


class Begun(NamedTuple):
    """Where the checkpoints of a run are, and the root of the last one."""

    run_id: int
    root: bytes


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A recorded run, ready to be committed or read; or the part of one that a checkpoint takes."""

    header: RunHeader
    footer: RunFooter
    lines: tuple[LineSummary, ...]  # sorted by name; lines without events are left out
    segments: tuple[Segment, ...]  # those that no checkpoint took
    blobs: Mapping[bytes, bytes]  # payloads stored apart, by their BLAKE3; those that no checkpoint took
    stored: RunBytes
    index: RunIndex  # what searches want to know of the events
    raw_bytes: int  # canonical bytes of events, and payloads
    stored_bytes: int  # compressed segments, with what locates their events
    begun: Begun | None = None  # where the rest of it is

    @property
    def root(self) -> bytes:
        """The hash that stands for the whole run; equal for equal runs."""
        return self.stored.root

    @property
    def event_count(self) -> int:
        """Events of all lines."""
        return sum(line.count for line in self.lines)

    def refuse_part(self) -> None:
        """Raise UsageError if a part of the run is in checkpoints."""
        if self.begun is not None:
            raise UsageError("a part of this run is in its store already: commit it and open it there")

    def open(self) -> StoredRun:
        """Read the run back from memory, through the same code as one from a database.

        Raises:
            UsageError: a part of it is in checkpoints; read it from its store.
        """
        self.refuse_part()
        return StoredRun(self.stored, MemorySource(self.segments, self.blobs))


class Checkpoints(Protocol):
    """Takes the closed part of a run that is still recorded."""

    def write(self, part: FinishedRun) -> Begun:
        """Store a part, all or nothing; `part.begun` tells where those before it are.

        Raises:
            EnvironmentProblem, UsageError: it can't be stored now; it stays in memory.
        """

    def remove(self, begun: Begun) -> None:
        """Forget a run that was given up."""


class Forgetting:
    """For whom only the root counts, such as a replay: nothing is kept."""

    def write(self, part: FinishedRun) -> Begun:
        """Keep nothing."""
        return Begun(0, part.root)

    def remove(self, begun: Begun) -> None:
        """There is nothing."""


class RunRecorder:
    """Takes one run. As a context it gives the run up where an error leaves it: its checkpoints are removed."""

    def __init__(
        self,
        header: RunHeader,
        checkpoints: Checkpoints | None = None,
        *,
        checkpoint_bytes: int = CHECKPOINT_BYTES,
        only_root: bool = False,
    ) -> None:
        """
        Args:
            only_root: the run is not to be kept, so nothing is compressed or indexed; its root is the same.
            checkpoints: None: all of the run stays in memory.
            checkpoint_bytes: how much may be closed before it is written.
        """
        self.header = header
        self.begun: Begun | None = None
        self._checkpoints = checkpoints
        self._checkpoint_bytes = checkpoint_bytes
        self._only_root = only_root
        self._closed_bytes = 0  # that the next checkpoint would take
        self._wanted_bytes = checkpoint_bytes  # before it is tried
        self._lock = Lock()  # validators record on a thread of their own
        self._header_bytes = encode_struct(header)
        self._genesis = chain.genesis(self._header_bytes)
        self._pool = BlobPool()
        self._index = RunIndex()
        self._lines: dict[str, LineWriter] = {}
        self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.give_up()

    def line(self, name: str) -> LineWriter:
        """The writer of a line; the same one for the same name."""
        writer = self._lines.get(name)
        if writer is None:
            if self._finished:
                raise JournalError("the run is finished: it takes no more lines")
            if not 0 < len(name.encode()) <= LINE_NAME_BYTES_MAX or name in ("header", "footer"):
                raise UsageError(f"{name[:LINE_NAME_BYTES_MAX]!r} can't be the name of a line")
            writer = LineWriter(
                *(name, self._genesis, self._pool, self._index),
                lock=self._lock,
                told=self._grow,
                only_root=self._only_root,
            )
            with self._lock:  # a checkpoint on another thread goes through them
                self._lines[name] = writer
        return writer

    def note_attempts(self, line: str, attempts: Sequence[Mapping[str, Value]]) -> None:
        """Tell what was tried for the answer that is the next event of a line."""
        call = len(self.line(line))
        for facts in attempts:
            self.line(attempts_line(line)).append(*attempt_event(call, facts))

    def finish(self, footer: RunFooter, bookkeeping: Sequence[LineSummary] = ()) -> FinishedRun:
        """Close all lines and compute the root; nothing can be appended after.

        Args:
            bookkeeping: lines of the run that is re-executed, taken over: only the root of such a run counts.
        """
        self._finished = True
        for writer in self._lines.values():
            writer.finish()
        return self._part(footer, self._pool.blobs, bookkeeping)

    def give_up(self) -> None:
        """Make no more checkpoints, and remove those that were made. Where that fails, a prefix of the run stays."""
        self._finished = True
        with self._lock:
            begun, self.begun = self.begun, None
            if begun is None or self._checkpoints is None:
                return
            try:
                self._checkpoints.remove(begun)
            except (EnvironmentProblem, UsageError):
                return  # whoever gives up has an error of his own to tell

    def _grow(self, size: int) -> None:
        """A segment was closed; make a checkpoint when enough has come together."""
        with self._lock:
            self._closed_bytes += size
            if self._checkpoints is None or self._finished or self._closed_bytes < self._wanted_bytes:
                return
            part = self._part(UNFINISHED, {digest: self._pool.blobs[digest] for digest in self._pool.named})
            try:
                self.begun = self._checkpoints.write(part)
            except (EnvironmentProblem, UsageError):  # memory may last until the end, where it is told
                self._wanted_bytes = self._closed_bytes + self._checkpoint_bytes
                return
            for writer in self._lines.values():
                writer.segments.clear()
            self._pool.release(part.blobs, self._closed_bytes)
            self._closed_bytes, self._wanted_bytes = 0, self._checkpoint_bytes

    def _part(
        self, footer: RunFooter, blobs: Mapping[bytes, bytes], bookkeeping: Sequence[LineSummary] = ()
    ) -> FinishedRun:
        """What is closed, as a run that ends with this footer."""
        writers = sorted(self._lines.values(), key=lambda writer: writer.name)
        summaries = [*(writer.closed() for writer in writers), *bookkeeping]
        lines, footer_bytes = chain.encode_lines(summaries), encode_struct(footer)
        return FinishedRun(
            header=self.header,
            footer=footer,
            lines=tuple(summary for summary in summaries if summary.count),
            segments=tuple(segment for writer in writers for segment in writer.segments),
            blobs=blobs,
            stored=RunBytes(
                header=self._header_bytes,
                footer=footer_bytes,
                lines=lines,
                field_tags=field_tags(header_fields(self._header_bytes) + footer_fields(footer_bytes)),
                root=chain.root(self._genesis, lines, footer_bytes),
            ),
            index=self._index,
            raw_bytes=sum(writer.raw_bytes for writer in writers) + self._pool.named_bytes,
            stored_bytes=sum(writer.stored_bytes for writer in writers),
            begun=self.begun,
        )
