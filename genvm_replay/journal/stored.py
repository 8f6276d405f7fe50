"""The reading end of a run: header, footer, and its lines as streams of events.

Reading checks what it reads: the root when a run is opened, the chain of a line as it streams, the tag of a
single event. So what a replay gets is what was recorded, or a `JournalDamaged` that names the exact place
(`verify.py` finds it).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from blake3 import blake3

from genvm_replay.errors import JournalDamaged, JournalError, UsageError
from genvm_replay.journal import chain, verify
from genvm_replay.journal.chain import LineSummary
from genvm_replay.journal.events import Event
from genvm_replay.journal.record import decode_event, decode_events, split
from genvm_replay.journal.run_record import decode_footer, decode_header
from genvm_replay.journal.segment import canonical_bytes, tags_of
from genvm_replay.journal.source import RunBytes, RunSummary, SegmentSpan, Source


class StoredRun:
    """One recorded run. Keeps the last segment that `event` read; a stream keeps one segment at a time."""

    def __init__(self, run: RunBytes, source: Source, summary: RunSummary | None = None) -> None:
        """Open a run.

        Raises:
            JournalDamaged: header, footer, line summaries and root do not belong together.
            UnknownEvent: the header or the footer was written by a newer release.
        """
        verify.check_run(run, source, summary)
        self.summary = summary
        self.header = decode_header(run.header)
        self.footer = decode_footer(run.footer)
        self.root = run.root
        self._run = run
        self._source = source
        self._genesis = chain.genesis(run.header)
        self._lines = {line.name: line for line in chain.decode_lines(run.lines)}
        self._spans: dict[str, list[SegmentSpan]] = {}
        self._last: tuple[str, int, list[bytes]] | None = None

    def lines(self) -> tuple[LineSummary, ...]:
        """Name, event count and last head of each line, sorted by name."""
        return tuple(self._lines.values())

    def read_line(self, name: str) -> Iterator[Event]:
        """Stream the events of a line, segment by segment; a line that was never written to is empty.

        Raises:
            JournalDamaged: at the first event of a segment that does not verify; what came before is sound.
        """
        summary = self._lines.get(name)
        if summary is None:
            return
        head, seq = chain.line_start(self._genesis, name), 0
        try:
            for segment in self._source.segments(name):
                canonical = canonical_bytes(segment)
                head = chain.next_head(head, seq, segment.count, segment.tags, canonical)
                if head != segment.head or seq + segment.count > summary.count:
                    raise JournalError("a link of the chain does not hold")
                yield from decode_events(canonical, segment.count, self.payload)
                seq += segment.count
            if (seq, head) != (summary.count, summary.head):
                raise JournalError("the line ends elsewhere")
        except JournalError:
            verify.check_line(name, self._genesis, summary, self._source)
            raise

    def event(self, line: str, seq: int) -> Event:
        """One event, at the price of one segment.

        Raises:
            UsageError: the line has no such event.
            JournalDamaged: the event does not fit its tag, or its segment is unreadable.
        """
        summary = self._lines.get(line)
        if summary is None:
            known = ", ".join(self._lines) or "none"
            raise UsageError(f"the run has no line {line!r}; its lines: {known}")
        if not 0 <= seq < summary.count:
            raise UsageError(f"line {line!r} has no event {seq}; it has {summary.count}, counted from 0")
        try:
            return decode_event(self._encoded_event(line, seq), self.payload)
        except JournalError:
            verify.check_line(line, self._genesis, summary, self._source)
            raise

    def payload(self, digest: bytes) -> bytes:
        """A payload that was stored apart."""
        found = self._source.blob(digest)
        if found is None or blake3(found).digest() != digest:
            raise JournalError(f"payload {digest.hex()} is {'missing' if found is None else 'damaged'}")
        return found

    def verify(self) -> None:
        """Walk everything; see `verify.verify`."""
        verify.verify(self._run, self._source, self.summary)

    def _encoded_event(self, line: str, seq: int) -> bytes:
        if line not in self._spans:
            self._spans[line] = list(self._source.spans(line))
        spans = self._spans[line]
        at = bisect_right(spans, seq, key=lambda span: span.first_seq) - 1
        if at < 0 or seq >= spans[at].first_seq + spans[at].count:
            raise JournalDamaged(line, seq, "event", "a segment that holds it", None)
        number, first_seq = spans[at].number, spans[at].first_seq
        if self._last is None or self._last[:2] != (line, number):
            segment = self._source.segment(line, number)
            encoded = list(split(canonical_bytes(segment)))
            if tags_of(encoded) != segment.tags:
                raise JournalError("a tag does not fit its event")
            self._last = (line, number, encoded)
        encoded = self._last[2]
        if seq - first_seq >= len(encoded):
            raise JournalError("the segment holds fewer events than it says")
        return encoded[seq - first_seq]
