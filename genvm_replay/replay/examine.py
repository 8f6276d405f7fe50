"""A re-execution with its explanation: what differed first, where the contract was, what it changed, and why.

One run tells all of that: behind the first difference it goes on as far as the record knows. Only whether two
re-executions differ from each other takes a second one: `confirmed`, for those to whom a first report is not enough.
"""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from ..errors import EnvironmentProblem, JournalDamaged, JournalError, Mismatch
from ..executor.engine import Build
from ..executor.vm_watch import VmNote
from ..journal.events import Event, PostNondetResult, Request, StorageRead, StorageWrite, WriteStream
from ..journal.run import RunFooter
from ..journal.stored import StoredRun
from .audit import Finding, audit
from .causes import OUTSIDE, Case, Cause, cause_of, is_firm
from .compare import LEVELS, Difference, compare_facts
from .field_names import NO_NAMES, Pieces, field_names
from .going_along import Trip, go_along, stoppable_build
from .reexecute import (
    ReplayReport,
    check_runners,
    departure,
    pins_that_differ,
    reexecute,
    report_on,
)
from .run_facts import facts_of
from .storage_layout import storage_layout
from .workbench import Workbench

STDERR: Final = 2
TOLD_MAX: Final = 8  # answers from outside that are named
FRAME: Final = re.compile(r'File "(/contract[^"\n]*)", line (\d+)(?: in ([^\n]*))?')
CHANGED: Final = [level for level in LEVELS if level not in ("input", "stream")]
STORAGE: Final = (StorageRead, StorageWrite)
NO_END: Final = "the recorded run was stopped from outside, so it has no end to compare with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is told of a difference.

    Attributes:
        case: what the class of cause was found from.
        contract_line: `file:line in function` of the contract, where it was when it differed; `` if not known.
        changes: what is other in the end, recorded against now.
        unknown_end: why the end is not known; `` if it is.
        findings: contradictions of the record in itself.
        vms: those of the run that went on behind the difference, in the order of their ends.
    """

    case: Case
    cause: Cause
    vm: str = ""
    traceback: str = ""
    contract_line: str = ""
    changes: tuple[Difference, ...] = ()
    unknown_end: str = ""
    findings: tuple[Finding, ...] = ()
    vms: tuple[VmNote, ...] = ()

    @property
    def open(self) -> bool:
        """Whether a second re-execution could show another class of cause."""
        return not self.case.repeated and not is_firm(self.case)

    @property
    def found(self) -> Mismatch:
        """The first difference."""
        return self.case.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A verdict, with an explanation where there is a difference.

    Attributes:
        report: None where the record can't be executed at all.
    """

    report: ReplayReport | None
    explanation: Explanation | None = None


def examine(
    run: StoredRun, bench: Workbench, build: Build | None = None, *, thorough: bool = False
) -> Examined:
    """Re-execute a run and explain a difference.

    Args:
        build: None: one on which it goes on behind a difference. On another, a difference takes a second re-execution.
        thorough: also search the record of an identical run for contradictions: an answer that nothing came of.

    Raises:
        JournalError: the record can't be read.
        EnvironmentProblem: the runtime is not in order.
    """
    try:
        if build is None and not run.footer.interrupted:
            return _examined_once(run, bench, thorough=thorough)
        report = reexecute(run, bench, build)
    except JournalDamaged as damage:
        case = Case(found=damage, limits=run.header.limits)
        return Examined(report=None, explanation=Explanation(case=case, cause=cause_of(case)))
    except EnvironmentProblem:
        contradiction = _contradiction(run)
        if contradiction is None:
            raise
        return Examined(report=None, explanation=contradiction)
    if report.divergence is None:
        return Examined(report=report, explanation=_contradiction(run) if thorough else None)
    return Examined(report=report, explanation=explain(run, bench, report.divergence))


def _examined_once(run: StoredRun, bench: Workbench, *, thorough: bool) -> Examined:
    started = time.perf_counter()
    run.verify()
    check_runners(run.footer.runners, bench.registry(debug_mode=True))
    run.keep()
    trip = go_along(run, bench)
    report = report_on(run, bench, trip.found, started)
    if trip.found is None:
        return Examined(report=report, explanation=_contradiction(run) if thorough else None)
    return Examined(report=report, explanation=_explained(run, bench, trip.found, trip))


def _contradiction(run: StoredRun) -> Explanation | None:
    """The first place where a record contradicts itself, as a difference; None if there is none."""
    findings = tuple(audit(run))
    if not findings:
        return None
    found = findings[0].as_divergence()  # the record alone shows it: no re-execution can change that
    case = Case(found=found, limits=run.header.limits, findings=findings, again=found, repeated=True)
    return Explanation(case=case, cause=cause_of(case), findings=findings)


def explain(run: StoredRun, bench: Workbench, found: Mismatch) -> Explanation:
    """Explain a difference that a re-execution has met: the run is re-executed once more, going on behind it."""
    if run.footer.interrupted:
        return _explained(run, bench, found, None)
    run.keep()
    trip = go_along(run, bench)
    told = _explained(run, bench, found, trip)
    return _repeated(told, trip.found)


def confirmed(run: StoredRun, bench: Workbench, told: Explanation) -> Explanation:
    """Re-execute a run once more, up to its first difference, if that can show that its class of cause is another."""
    if not told.open or run.footer.interrupted:
        return told
    return _repeated(told, departure(run, bench, stoppable_build(run)))


def _repeated(told: Explanation, again: Mismatch | None) -> Explanation:
    case = replace(told.case, repeated=True, again=again)
    return replace(told, case=case, cause=cause_of(case))


def _explained(run: StoredRun, bench: Workbench, found: Mismatch, trip: Trip | None) -> Explanation:
    """What one run tells.

    Args:
        trip: None: the record has no end to go on to.
    """
    ended = trip.footer if trip else None
    unknown = trip.unknown if trip else NO_END
    findings = tuple(audit(run, ended.storage_hash if trip and ended and _same_writes(run, trip) else None))
    case = Case(
        found=found,
        limits=run.header.limits,
        recorded=run.footer,
        findings=tuple(one for one in findings if not _behind(one, found)),
        other_pins=pins_that_differ(run.header.pins, bench.runtime.pins),
        ended=ended,
        unanswered=unknown if trip else "",
        told=_told_before(run, found),
        out_of_memory=_out_of_memory(run, trip),
    )
    traceback = getattr(found, "traceback", "")
    frame = FRAME.search(traceback)
    return Explanation(
        case=case,
        cause=cause_of(case),
        vm=getattr(found, "vm", ""),
        traceback=traceback,
        contract_line=f"{frame[1]}:{frame[2]} in {frame[3] or '?'}" if frame else "",
        changes=tuple(_changes(run, trip, ended, bench)) if trip and ended else (),
        unknown_end=unknown,
        findings=findings,
        vms=trip.vms if trip else (),
    )


def _behind(finding: Finding, found: Mismatch) -> bool:
    """Whether a host's contradiction stands where the request is no longer the recorded one: that may be forged."""
    if finding.blame != "host" or finding.line != found.line or found.seq is None:
        return False
    return finding.seq is not None and finding.seq >= found.seq


def _told_before(run: StoredRun, found: Mismatch) -> tuple[tuple[str, Event], ...]:
    """The last answers from outside before a difference, newest first; of a block's result, the block's own first."""
    counts = {line.name: line.count for line in run.lines()}
    on_line = found.seq is not None and found.line in counts
    places: list[tuple[str, int | None]] = [(found.line, found.seq) if on_line else ("main", None)]
    if on_line and found.seq is not None and found.seq < counts[found.line]:
        asked = run.event(found.line, found.seq).request
        if isinstance(asked, PostNondetResult) and f"nondet:{asked.call_no}" in counts:
            places.insert(0, (f"nondet:{asked.call_no}", None))
    told: list[tuple[str, Event]] = []
    for line, end in places:
        last: deque[tuple[int, Event]] = deque(maxlen=TOLD_MAX)
        last += (
            one for one in enumerate(islice(run.read_line(line), end)) if type(one[1].request) in OUTSIDE
        )
        told += ((f"{line}[{seq}]", event) for seq, event in reversed(last))
    return tuple(told[:TOLD_MAX])


def _same_writes(run: StoredRun, trip: Trip) -> bool:
    """Whether the run has written what is recorded, as far as requests tell: it differs behind all writes only."""
    tails = [islice(run.read_line(line), _cut(trip, line), None) for line in trip.journey.tails]
    return not any(
        isinstance(event.request, StorageWrite)
        for tail in (*tails, *trip.journey.tails.values())
        for event in tail
    )


def _cut(trip: Trip, line: str) -> int | None:
    """How many events of a line are as recorded; None: all."""
    return next((found.seq for _, found in trip.journey.departures if found.line == line), None)


def _out_of_memory(run: StoredRun, trip: Trip | None) -> tuple[bool, bool]:
    """Whether standard error tells of Python's MemoryError, recorded and now. Same ends need no look."""
    ended = trip.footer if trip else None
    if trip is None or ended is None or (ended.kind, ended.payload) == (run.footer.kind, run.footer.payload):
        return False, False
    events = list(run.read_line("main"))
    now = [*events[: _cut(trip, "main")], *trip.journey.tails.get("main", ())]
    return _memory_error(events), _memory_error(now)


def _memory_error(events: list[Event]) -> bool:
    requests = (event.request for event in events)
    return b"MemoryError" in b"".join(
        one.data for one in requests if isinstance(one, WriteStream) and one.stream == STDERR
    )


def _changes(run: StoredRun, trip: Trip, ended: RunFooter, bench: Workbench) -> list[Difference]:
    """What differs in the end, storage by name where anything there does."""
    same = (run.footer.storage_hash, run.footer.kind) == (ended.storage_hash, ended.kind)
    try:
        recorded, now = (facts_of(one) for one in _sides(run, trip, ended, leave_out=STORAGE if same else ()))
    except JournalError:
        return []
    names = NO_NAMES
    if not same and recorded.code is not None:
        layout = storage_layout(bench.runtime, recorded.code)
        names = field_names(layout, Pieces(recorded.known), Pieces(now.known))
    recorded.delta, now.delta = recorded.delta.apart(now.delta)
    return [one for one in compare_facts(recorded, now, names).differences if one.level in CHANGED]


def _sides(
    run: StoredRun, trip: Trip, ended: RunFooter, leave_out: tuple[type[Request], ...]
) -> tuple[StoredRun, StoredRun]:
    """A record and the run along it, without what is the same in both anyway."""
    recorded: dict[str, list[Event]] = {}
    now: dict[str, list[Event]] = {}
    for name in sorted({line.name for line in run.lines()} | trip.journey.tails.keys()):
        events = list(run.read_line(name))
        mine = [*events[: _cut(trip, name)], *trip.journey.tails.get(name, ())]
        for side, told in ((recorded, events), (now, mine)):
            side[name] = [one for one in told if type(one.request) not in leave_out] if leave_out else told
    return run.told_otherwise(run.footer, recorded), run.told_otherwise(ended, now)
