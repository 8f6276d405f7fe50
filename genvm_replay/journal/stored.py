"""The reading end of a run: header, footer, its lines as streams of events, single events and their proofs.

Reading checks what it reads: the root when a run is opened, the chain of a line as it streams, the tag of a single
event. So what a replay gets is what was recorded, or a `JournalDamaged` that names the exact place (`verify.py` finds
it), or `PayloadRedacted` where a payload was removed on purpose.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from itertools import chain as chained
from typing import Final

from blake3 import blake3
from msgspec.structs import astuple

from genvm_replay.errors import JournalDamaged, JournalError, PayloadRedacted, UnknownEvent, UsageError
from genvm_replay.journal import chain, tree, verify
from genvm_replay.journal.bookkeeping import is_bookkeeping
from genvm_replay.journal.chain import LineSummary
from genvm_replay.journal.events import Event
from genvm_replay.journal.proof import LeafProof, Proof, SegmentProof, check_proof
from genvm_replay.journal.record import decode_event, decode_events, payload_fields, split
from genvm_replay.journal.run import RunFooter
from genvm_replay.journal.run_record import decode_footer, decode_header
from genvm_replay.journal.segment import (
    Segment,
    canonical_bytes,
    cut_leaves,
    leaf_hashes,
    plain_stretches,
    tags_of,
)
from genvm_replay.journal.segment_check import sound_bytes
from genvm_replay.journal.source import RunBytes, RunSummary, SegmentSpan, Source

KEPT_EVENTS_MAX: Final = 50_000  # of one run; some 600 bytes each
KEPT_PAYLOADS_MAX: Final = 32 << 20


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
        self._kept: dict[str, list[Event]] = {}

    def keep(self) -> None:
        """Read all lines now and keep their events for further readers; those of a large run are read anew each time.

        Raises:
            JournalDamaged, PayloadRedacted: as `read_line` does.
        """
        if sum(line.count for line in self.lines()) > KEPT_EVENTS_MAX:
            return
        kept: dict[str, list[Event]] = {}
        apart = 0  # bytes of payloads that are stored apart: a small segment can name a large one many times
        for line in self.lines():
            events = kept[line.name] = []
            for batch in self.read_batches(line.name):
                if isinstance(batch, list):
                    events += batch
                    continue
                for event in batch:
                    events.append(event)
                    apart += len(event.answer.value) if isinstance(event.answer.value, bytes) else 0
                    apart += sum(len(part) for part in astuple(event.request) if isinstance(part, bytes))
                    if apart > KEPT_PAYLOADS_MAX:
                        return
        self._kept = kept

    def told_otherwise(self, footer: RunFooter, lines: Mapping[str, list[Event]]) -> StoredRun:
        """This run with another end and other events, to be read by line. It is stored nowhere and has no hashes."""
        other = copy(self)
        other.footer, other._kept = footer, dict(lines)
        other._lines = {name: LineSummary(name, len(lines[name]), b"", 0, b"") for name in sorted(lines)}
        return other

    def lines(self) -> tuple[LineSummary, ...]:
        """Name, event count and last head of each line of requests and answers, sorted by name."""
        return tuple(line for line in self._lines.values() if not is_bookkeeping(line.name))

    def bookkeeping(self) -> tuple[LineSummary, ...]:
        """The same of the lines that nothing crossed on (`bookkeeping.py`)."""
        return tuple(line for line in self._lines.values() if is_bookkeeping(line.name))

    def all_lines(self) -> tuple[LineSummary, ...]:
        """Both."""
        return tuple(self._lines.values())

    def read_line(self, name: str) -> Iterator[Event]:
        """Stream the events of a line, segment by segment; a line that was never written to is empty.

        Raises:
            JournalDamaged: at the first event of a segment that does not verify; what came before is sound.
            PayloadRedacted: at an event whose payload was removed.
        """
        return chained.from_iterable(self.read_batches(name))

    def read_batches(self, name: str) -> Iterator[Iterable[Event]]:
        """As `read_line`, in batches: who chains them takes no step in Python for each event."""
        if name in self._kept:
            yield self._kept[name]
            return
        for segment, canonical in self._sound_segments(name):
            try:
                for _, count, events in plain_stretches(segment, canonical):
                    found = decode_events(events, count, self.payload)
                    yield found if isinstance(found, list) else self._one_by_one(found, segment, canonical)
            except JournalError as error:
                raise self._explained(error, name) from error

    def _one_by_one(self, events: Iterable[Event], segment: Segment, canonical: bytes) -> Iterator[Event]:
        try:
            yield from events
        except PayloadRedacted as error:
            raise _located(error.digest, segment, canonical) from error
        except JournalError as error:
            raise self._explained(error, segment.line) from error

    def read_shown(self, name: str) -> Iterator[Event | PayloadRedacted]:
        """As `read_line`, to be looked at: in the place of an event whose payload was removed stands the reason."""
        for segment, canonical in self._sound_segments(name):
            for seq, encoded in enumerate(split(canonical), segment.first_seq):
                try:
                    yield decode_event(encoded, self.payload)
                except PayloadRedacted as error:
                    yield _placed(error.digest, name, seq, encoded)
                except JournalError as error:
                    raise self._explained(error, name) from error

    def event(self, line: str, seq: int) -> Event:
        """One event, at the price of one segment.

        Raises:
            UsageError: the line has no such event.
            JournalDamaged: the event does not fit its tag, or its segment is unreadable.
            PayloadRedacted: a payload of it was removed.
        """
        self._check_place(line, seq)
        try:
            encoded = self._encoded_event(line, seq)
            return decode_event(encoded, self.payload)
        except PayloadRedacted as error:
            raise _placed(error.digest, line, seq, encoded) from error
        except JournalError as error:
            raise self._explained(error, line) from error

    def payload(self, digest: bytes) -> bytes:
        """A payload that was stored apart.

        Raises:
            PayloadRedacted: it was removed; which event names it is not told here.
            JournalError: it is missing or damaged.
        """
        found = self._source.blob(digest)
        if found is None and self._source.redacted(digest):
            raise PayloadRedacted(digest, "", 0, "payload")
        if found is None or blake3(found).digest() != digest:
            raise JournalError(f"payload {digest.hex()} is {'missing' if found is None else 'damaged'}")
        return found

    def payloads_of(self, line: str, seq: int) -> list[tuple[str, bytes]]:
        """Name and BLAKE3 of each payload of an event that is stored apart; raises as `event` does."""
        self._check_place(line, seq)
        return list(payload_fields(self._encoded_event(line, seq)))

    def verify(self) -> tuple[PayloadRedacted, ...]:
        """Walk everything; see `verify.verify`."""
        try:
            return verify.verify(self._run, self._source, self.summary)
        except UnknownEvent as error:
            raise self._dated(error) from error

    def prove(self, line: str, seq: int) -> Proof:
        """The proof that an event is part of this run; see `proof.py`. Reads its whole line.

        Raises:
            UsageError: the line has no such event.
            JournalDamaged: the line does not verify.
        """
        self._check_place(line, seq)
        previous = chain.line_start(self._genesis, line)
        heads: list[bytes] = []
        for segment, canonical in self._sound_segments(line):
            if segment.first_seq <= seq < segment.first_seq + segment.count:
                index, before, leaf = len(heads), previous, self._leaf_proof(segment, canonical, seq)
                first_seq, count, tags = segment.first_seq, segment.count, chain.tags_hash(segment.tags)
            heads.append(segment.head)
            previous = segment.head
        made = Proof(
            root=self.root.hex(),
            header=self._run.header,
            footer_hash=chain.footer_hash(self._run.footer),
            lines=self._run.lines,
            line=line,
            seq=seq,
            segment=SegmentProof(index, before, first_seq, count, tags, tree.path(heads, index)),
            leaf=leaf,
            payloads=[
                data
                for _, digest in self.payloads_of(line, seq)
                if (data := self._source.blob(digest)) is not None
            ],
            signatures=list(self._source.signatures()),
        )
        check_proof(made)
        return made

    def _leaf_proof(self, segment: Segment, canonical: bytes, seq: int) -> LeafProof:
        hashes = leaf_hashes(segment, chain.line_start(self._genesis, segment.line), canonical)
        leaves = list(cut_leaves(segment, canonical))
        index = bisect_right(leaves, seq, key=lambda leaf: leaf[0]) - 1
        first_seq, count, events = leaves[index]
        return LeafProof(index, len(hashes), first_seq, count, events, tree.path(hashes, index))

    def _sound_segments(self, name: str) -> Iterator[tuple[Segment, bytes]]:
        """The segments of a line with their canonical bytes, each given only after it fits the chain."""
        summary = self._lines.get(name)
        if summary is None:
            return
        start = head = chain.line_start(self._genesis, name)
        seq = 0
        for segment in self._source.segments(name):
            fits = segment.first_seq == seq and seq + segment.count <= summary.count
            canonical = sound_bytes(segment, head, start) if fits else None
            if canonical is None:
                raise self._explained(JournalError("a link of the chain does not hold"), name)
            yield segment, canonical
            head, seq = segment.head, seq + segment.count
        if (seq, head) != (summary.count, summary.head):
            raise self._explained(JournalError("the line ends elsewhere"), name)

    def _explained(self, error: JournalError, name: str) -> JournalError:
        """The error to raise for one met while reading a line: the exact place of the damage, if there is any."""
        if isinstance(error, UnknownEvent):
            return self._dated(error)
        try:
            verify.check_line(name, self._genesis, self._lines[name], self._source)
        except JournalDamaged as damage:
            return damage
        return error

    def _dated(self, error: UnknownEvent) -> UnknownEvent:
        """Name the release that recorded the run, which can read it."""
        return UnknownEvent(error.kind, error.reads, self.summary.release if self.summary else None)

    def _check_place(self, line: str, seq: int) -> None:
        summary = self._lines.get(line)
        if summary is None:
            known = ", ".join(self._lines) or "none"
            raise UsageError(f"the run has no line {line!r}; its lines: {known}")
        if not 0 <= seq < summary.count:
            raise UsageError(f"line {line!r} has no event {seq}; it has {summary.count}, counted from 0")

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


def _placed(digest: bytes, line: str, seq: int, encoded: bytes) -> PayloadRedacted:
    """Name the event and the field whose payload was removed."""
    fields = [name for name, found in payload_fields(encoded) if found == digest]
    return PayloadRedacted(digest, line, seq, fields[0])


def _located(digest: bytes, segment: Segment, canonical: bytes) -> PayloadRedacted:
    """The same for the first event of a segment that names the payload."""
    for seq, encoded in enumerate(split(canonical), segment.first_seq):
        if digest in encoded:
            return _placed(digest, segment.line, seq, encoded)
    raise AssertionError("no event names the payload")
