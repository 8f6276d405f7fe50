"""Two runs side by side, level by level: what they were given, gave, wrote, sent, were told, and asked. Pure.

What may differ between equal runs (ids, pins, times of recording) is bookkeeping and told apart: two runs with other
bookkeeping only are the same run.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from typing import Any, Final, TypeGuard

import msgspec

from ..executor.effects.replaying import first_difference, kind_of
from ..executor.storage_delta import StorageDelta
from ..journal.events import Event
from ..journal.stored import StoredRun
from .field_names import NO_NAMES, FieldNames, Pieces
from .run_facts import RunFacts

LEVELS: Final = ("input", "result", "storage", "messages", "vms", "answers", "fingerprints", "stream")
TEXT_CHARS_MIN: Final = 40  # a shorter text is shown whole instead of as a diff
TEXT_LINES_MAX: Final = 200  # of one text diff
ALIGNED_EVENTS_MAX: Final = (
    4000  # of a line, between the first and the last difference; longer ones: by index
)
ABSENT: Final = "(absent)"
_bytes_of: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two runs.

    Attributes:
        level: one of LEVELS, or `bookkeeping`.
        place: a dotted path, the name of a storage field, or `line[seq]: field`.
        text: for two texts, the lines of a unified diff.
    """

    level: str
    place: str
    first: Any
    second: Any
    text: tuple[str, ...] = ()


@dataclass(slots=True)
class Comparison:
    """All differences of two runs."""

    differences: list[Difference] = field(default_factory=list)
    bookkeeping: list[Difference] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing but bookkeeping differs."""
        return not self.differences


def compare_facts(first: RunFacts, second: RunFacts, names: FieldNames = NO_NAMES) -> Comparison:
    """Compare all levels but the event stream.

    Args:
        names: of the contract's storage fields.
    """
    found = Comparison(bookkeeping=list(values("bookkeeping", first.bookkeeping, second.bookkeeping)))
    found.differences += values("input", first.inputs, second.inputs)
    found.differences += values("result", first.result, second.result)
    found.differences += storage((first.delta, second.delta), (first.known, second.known), names)
    found.differences += values("messages", first.sent, second.sent)
    found.differences += values("answers", first.answers, second.answers)
    found.differences += values("fingerprints", first.hashes, second.hashes)
    return found


def values(level: str, first: object, second: object, place: str = "") -> Iterator[Difference]:
    """The differing leaves of two values, structures entered."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in sorted(first.keys() | second.keys(), key=str):
            inner = f"{place}.{key}" if place else str(key)
            yield from values(level, first.get(key, ABSENT), second.get(key, ABSENT), inner)
    elif _is_list(first) and _is_list(second):
        for number in range(max(len(first), len(second))):
            one, other = (items[number] if number < len(items) else ABSENT for items in (first, second))
            yield from values(level, one, other, f"{place}[{number}]")
    elif first != second or type(first) is not type(second):
        yield Difference(level, place, first, second, text_diff(first, second))


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def text_diff(first: object, second: object) -> tuple[str, ...]:
    """A unified diff of two texts; nothing for short ones and for other values."""
    if not isinstance(first, str) or not isinstance(second, str):
        return ()
    if max(len(first), len(second)) < TEXT_CHARS_MIN or ABSENT in (first, second):
        return ()
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), "first", "second", lineterm="", n=1)
    return tuple(line for line, _ in zip(lines, range(TEXT_LINES_MAX), strict=False))


def storage(
    written: tuple[StorageDelta, StorageDelta], seen: tuple[StorageDelta, StorageDelta], names: FieldNames
) -> Iterator[Difference]:
    """What two runs leave in storage and do not have in common, by field where the name is known.

    A field is shown by its value where the run has seen all of it, else by the bytes that were written.

    Args:
        written: what they leave. seen: every byte that they read or wrote, as of their ends.
    """
    if written[0].hash() == written[1].hash():
        return
    deltas = Pieces(written[0]), Pieces(written[1])
    known = Pieces(seen[0]), Pieces(seen[1])
    told: set[str] = set()
    for slot in sorted(deltas[0].slots() | deltas[1].slots()):
        edges = sorted({*deltas[0].edges(slot), *deltas[1].edges(slot), *names.edges(slot)})
        for begin, end in pairwise(edges):
            one, other = (delta.fetch(slot, begin, end - begin) for delta in deltas)
            span = names.span_at(slot, begin)
            if one == other or (span is not None and span.name in told):
                continue
            if span is None:
                yield Difference("storage", f"slot 0x{slot.hex()}[{begin}:{end}]", one, other)
                continue
            told.add(span.name)
            left, right = (
                ABSENT if part is None else span.value(pieces, slot, part)
                for part, pieces in zip((one, other), known, strict=True)
            )
            yield Difference("storage", span.name, left, right, text_diff(left, right))


def stream(first: StoredRun, second: StoredRun, *, every: bool = False) -> Iterator[Difference]:
    """Where the events of two runs part: the first difference of each line, or all of them."""
    for name in sorted({line.name for run in (first, second) for line in run.lines()}):
        if every:
            yield from _all(name, list(first.read_line(name)), list(second.read_line(name)))
        else:
            yield from _first(name, first.read_line(name), second.read_line(name))


def _first(line: str, first: Iterable[Event], second: Iterable[Event]) -> Iterator[Difference]:
    for seq, (one, other) in enumerate(zip_longest(first, second)):
        if one != other:
            yield event_difference(line, seq, one, other)
            return


def _all(line: str, first: list[Event], second: list[Event]) -> Iterator[Difference]:
    """All differences; what is missing or extra does not make all that follows differ."""
    begin = next((at for at, pair in enumerate(zip_longest(first, second)) if pair[0] != pair[1]), len(first))
    blocks: Iterable[tuple[str, int, int, int, int]]
    if max(len(first), len(second)) - begin <= ALIGNED_EVENTS_MAX:
        keys = [[_bytes_of(event) for event in events[begin:]] for events in (first, second)]
        blocks = difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes()
    else:
        blocks = [("replace", 0, len(first) - begin, 0, len(second) - begin)]
    for kind, at, to, other_at, other_to in blocks:
        if kind == "equal":
            continue
        pairs = zip_longest(first[begin + at : begin + to], second[begin + other_at : begin + other_to])
        for offset, (one, other) in enumerate(pairs):
            if one != other:
                yield event_difference(line, begin + (at if one else other_at) + offset, one, other)


def event_difference(line: str, seq: int, first: Event | None, second: Event | None) -> Difference:
    """The first differing field of two events; one may be missing."""
    place = f"{line}[{seq}]"
    if first is None or second is None:
        kinds = [None if event is None else kind_of(event.request) for event in (first, second)]
        return Difference("stream", f"{place}: kind", kinds[0], kinds[1])
    if first.request != second.request:
        name, one, other = first_difference(first.request, second.request)
        return Difference("stream", f"{place}: {name}", one, other)
    name = "error" if first.answer.error != second.answer.error else "value"
    one, other = getattr(first.answer, name), getattr(second.answer, name)
    return Difference("stream", f"{place}: answer.{name}", one, other)
