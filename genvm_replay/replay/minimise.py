"""Cuts a run that replays differently down to what still shows the difference.

What comes after the first difference is never asked for, so it goes: the run becomes one that was stopped there. Then
lines go, as long as the same difference is found. A difference at the end (result, footer, more asked than
recorded) needs the whole record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import structs

from ..errors import EnvironmentProblem, Mismatch, UsageError
from ..executor.stops import GuestStop
from ..journal.recorder import FinishedRun, RunRecorder
from ..journal.stored import StoredRun
from .reexecute import reexecute
from .workbench import Workbench

Counts = Mapping[str, int]  # events to keep, by line
Cause = tuple[str, int | None, str, object, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimised:
    """A run that still shows the difference.

    Attributes:
        events: how many it has, of `events_before`.
    """

    finished: FinishedRun
    difference: Mismatch
    events: int
    events_before: int


def minimise(run: StoredRun, bench: Workbench) -> Minimised:
    """Find a smallest beginning of a run, with as few lines as possible, that shows its first difference.

    Raises:
        UsageError: it replays identically.
        JournalDamaged, PayloadRedacted: the record can't be read.
    """
    difference = reexecute(run, bench).divergence
    if difference is None:
        raise UsageError(f"0x{run.header.tx.hex()} replays identically here: there is no difference to keep")
    wanted = cause_of(difference)
    counts = {line.name: line.count for line in run.lines()}

    def shows(kept: Counts) -> bool:
        try:
            found = reexecute(beginning(run, kept).open(), bench).divergence
        except (GuestStop, EnvironmentProblem):  # too little is left for the run to begin
            return False
        return found is not None and cause_of(found) == wanted

    kept = counts if difference.seq is None else smallest(counts, difference.line, difference.seq, shows)
    return Minimised(
        finished=whole(run) if kept == counts else beginning(run, kept),
        difference=difference,
        events=sum(kept.values()),
        events_before=sum(counts.values()),
    )


def smallest(counts: Counts, line: str, seq: int, shows: Callable[[Counts], bool]) -> Counts:
    """The fewest events of each line that still show a difference at event `seq` of `line`.

    Args:
        shows: whether a run with so many events of each line does.
    """
    kept = {**counts, line: min(counts.get(line, 0), seq + 1)}
    if not shows(kept):
        return counts
    for other in sorted(counts.keys() - {line}):
        without = {name: count for name, count in kept.items() if name != other}
        if shows(without):
            kept = without
            continue
        least, enough = 0, kept[other]
        while enough - least > 1:
            middle = (least + enough) // 2
            if shows({**kept, other: middle}):
                enough = middle
            else:
                least = middle
        kept[other] = enough
    return kept


def cause_of(difference: Mismatch) -> Cause:
    """What makes two differences the same."""
    return difference.line, difference.seq, difference.field, difference.expected, difference.actual


def beginning(run: StoredRun, kept: Counts) -> FinishedRun:
    """A run as it would be if it had been stopped from outside after so many events of each line."""
    recorder = RunRecorder(run.header)
    for name, count in sorted(kept.items()):
        for _, event in zip(range(count), run.read_line(name), strict=False):
            recorder.line(name).append(event.request, event.answer)
    return recorder.finish(structs.replace(run.footer, interrupted=True))


def whole(run: StoredRun) -> FinishedRun:
    """The same run in memory, with the same root."""
    recorder = RunRecorder(run.header)
    for line in run.all_lines():
        for event in run.read_line(line.name):
            recorder.line(line.name).append(event.request, event.answer)
    return recorder.finish(run.footer)
