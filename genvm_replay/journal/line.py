"""The writing end of one line: appending costs a tuple and a comparison, the rest is done in batches.

Every `BATCH_EVENTS` events are encoded, which bounds what a guest can make us hold; whole segments are
closed inline. A worker thread for compression was measured and left out: hand-over of the interpreter lock
costs more (0.5 us an event against 0.37) than compression and hash (0.1) could save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from threading import Lock
from typing import Final, NoReturn

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain, segment, tree
from genvm_replay.journal.chain import LineSummary
from genvm_replay.journal.events import Answer, Event, Request
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import Pair, encode_events, payload_fields
from genvm_replay.journal.run_index import NOTED, RunIndex
from genvm_replay.journal.segment import SEGMENT_BYTES_MAX, SEGMENT_EVENTS_MAX, Segment

BATCH_EVENTS: Final = 64  # one sixteenth of a segment


class LineWriter:
    """Takes the events of one line in order. One thread at a time; made by `RunRecorder.line`."""

    def __init__(
        self,
        name: str,
        genesis: bytes,
        pool: BlobPool,
        index: RunIndex | None = None,
        *,
        lock: Lock | None = None,
        told: Callable[[int], None] = lambda _size: None,
        only_root: bool = False,
    ) -> None:
        """
        Args:
            only_root: compress and index nothing.
            lock: held while what is known of the closed segments changes.
            told: called after each closed segment with the bytes of it and of the payloads that it is first to name.
        """
        self.name = name
        self._index = index or RunIndex()
        self._lock = lock or Lock()
        self._told = told
        self._only_root = only_root
        self.segments: list[Segment] = []  # closed, and in no checkpoint yet
        self.raw_bytes = 0  # canonical bytes of the closed segments
        self.stored_bytes = 0  # of the closed segments
        self._pool = pool
        self._heads: list[bytes] = []
        self._start = self._head = chain.line_start(genesis, name)
        self._pending: list[Pair] = []
        self._encoded: list[bytes] = []
        self._apart: list[int] = []  # which of the encoded events have a payload apart
        self._encoded_bytes = 0
        self._next_seq = 0  # of the first event that is in no segment yet

    def append(self, request: Request, answer: Answer) -> None:
        """Record one crossing.

        Raises:
            JournalError: the run is finished, or an event of this batch can't be stored.
        """
        pending = self._pending
        pending.append((request, answer))
        if len(pending) >= BATCH_EVENTS:
            self._encode_pending()

    def extend(self, events: Iterable[Event]) -> None:
        """Record crossings that were recorded before; raises as `append` does."""
        self._pending += [(event.request, event.answer) for event in events]
        self._encode_pending()

    def __len__(self) -> int:
        """Events appended so far: the seq of the next one."""
        return self._next_seq + len(self._encoded) + len(self._pending)

    def finish(self) -> LineSummary:
        """Close the last segment; nothing can be appended after."""
        self._encode_pending()
        if self._encoded:
            self._close_segment(len(self._encoded))
        self._pending = _Finished()
        return self.closed()

    def closed(self) -> LineSummary:
        """What is closed so far, as if the line ended there."""
        heads = self._heads
        return LineSummary(
            self.name, self._next_seq, self._head, len(heads), tree.root(heads) if heads else b""
        )

    def _encode_pending(self) -> None:
        added = self._pool.added
        encoded = encode_events(self._pending, self._pool)
        first = self._next_seq + len(self._encoded)
        if not self._only_root:
            for at in [i for i, pair in enumerate(self._pending) if type(pair[0]) in NOTED]:
                request, answer = self._pending[at]
                NOTED[type(request)](self._index, self.name, first + at, request, answer)
        self._pending.clear()
        if self._pool.added != added:
            self._apart += [len(self._encoded) + index for index in segment.with_payloads(encoded)]
        self._encoded += encoded
        self._encoded_bytes += sum(map(len, encoded))
        while len(self._encoded) >= SEGMENT_EVENTS_MAX or self._encoded_bytes > SEGMENT_BYTES_MAX:
            self._close_segment(self._fitting())

    def _fitting(self) -> int:
        """How many of the encoded events the next segment takes: what its bounds allow, at least one."""
        if self._encoded_bytes <= SEGMENT_BYTES_MAX:
            return min(len(self._encoded), SEGMENT_EVENTS_MAX)
        sizes = accumulate(map(len, self._encoded[:SEGMENT_EVENTS_MAX]))
        return max(1, sum(size <= SEGMENT_BYTES_MAX for size in sizes))

    def _close_segment(self, count: int) -> None:
        encoded, self._encoded = self._encoded[:count], self._encoded[count:]
        apart = [index for index in self._apart if index < count]
        self._apart = [index - count for index in self._apart[len(apart) :]]
        closed = segment.close(
            self.name,
            len(self._heads),
            self._next_seq,
            encoded,
            apart,
            start=self._start,
            previous=self._head,
            only_head=self._only_root,
        )
        size = sum(map(len, encoded)) if self._encoded else self._encoded_bytes
        named = {digest for index in apart for _, digest in payload_fields(encoded[index])}
        self._pool.charge(closed.stored_bytes)
        with self._lock:
            grown = closed.stored_bytes + self._pool.name(named)
            self.segments.append(closed)
            self._heads.append(closed.head)
            self._head = closed.head
            self._next_seq += count
            self._encoded_bytes -= size
            self.raw_bytes += size
            self.stored_bytes += closed.stored_bytes
        self._told(grown)


class _Finished(list[Pair]):
    """Stands where the pending events were, so that `append` needs no check of its own."""

    def append(self, _pair: Pair) -> NoReturn:
        raise JournalError("the run is finished: its lines take no more events")
