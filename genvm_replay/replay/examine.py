"""A re-execution with its explanation: what differed first, where the contract was, what it changed, and why.

A run that is identical costs one re-execution and nothing more. One that differs is re-executed once again, going on
behind the difference as far as the record knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from ..errors import Divergence, EnvironmentProblem, JournalDamaged, JournalError, Mismatch
from ..executor.effects import Recording
from ..executor.engine import Build
from ..executor.vm_watch import VmNote, VmWatch
from ..journal.events import Event, ModuleCall, PostNondetResult, WriteStream
from ..journal.recorder import RunRecorder
from ..journal.stored import StoredRun
from .audit import Finding, audit
from .causes import HOST_ANSWERS, Case, Cause, cause_of
from .compare import LEVELS, Difference, compare_facts
from .continuing import Continuing
from .field_names import NO_NAMES, Pieces, field_names
from .reexecute import ReplayReport, footer_difference, pins_that_differ, reexecute
from .run_facts import facts_of
from .storage_layout import storage_layout
from .vm_trees import ordered
from .workbench import Workbench, footer_of

DEADLINE_MS: Final = 60_000  # of a run that goes on: it may never end by itself
STDERR: Final = 2
FRAME: Final = re.compile(r'File "(/contract[^"\n]*)", line (\d+)(?: in ([^\n]*))?')
CHANGED: Final = [level for level in LEVELS if level not in ("input", "stream")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is told of a difference.

    Attributes:
        found: the first difference.
        contract_line: `file:line in function` of the contract, where it was when it differed; `` if not known.
        changes: what is other in the end, recorded against now.
        unknown_end: why the end is not known; `` if it is.
        findings: contradictions of the record in itself.
        vms: those of the re-execution that went on behind the difference, in the order of their ends.
    """

    found: Mismatch
    cause: Cause
    vm: str = ""
    traceback: str = ""
    contract_line: str = ""
    changes: tuple[Difference, ...] = ()
    unknown_end: str = ""
    findings: tuple[Finding, ...] = ()
    vms: tuple[VmNote, ...] = ()


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
        thorough: also search the record of an identical run for contradictions: an answer that nothing came of.

    Raises:
        JournalError: the record can't be read.
        EnvironmentProblem: the runtime is not in order.
    """
    try:
        report = reexecute(run, bench, build)
    except JournalDamaged as damage:
        case = Case(found=damage, limits=run.header.limits)
        return Examined(report=None, explanation=Explanation(found=damage, cause=cause_of(case)))
    except EnvironmentProblem:
        contradiction = _contradiction(run)
        if contradiction is None:
            raise
        return Examined(report=None, explanation=contradiction)
    if report.divergence is None:
        return Examined(report=report, explanation=_contradiction(run) if thorough else None)
    return Examined(report=report, explanation=explain(run, bench, report.divergence))


def _contradiction(run: StoredRun) -> Explanation | None:
    """The first place where a record contradicts itself, as a difference; None if there is none."""
    findings = tuple(audit(run))
    if not findings:
        return None
    found = findings[0].as_divergence()
    case = Case(found=found, limits=run.header.limits, findings=findings)
    return Explanation(found=found, cause=cause_of(case), findings=findings)


def explain(run: StoredRun, bench: Workbench, found: Mismatch) -> Explanation:
    """Explain a difference that a re-execution has met."""
    findings = tuple(audit(run))
    watch = VmWatch(memory=False)
    second, doors, unknown = _go_on(run, bench, watch)
    departures = doors.departures()
    again: Mismatch | None = next(
        (one for one in departures if one.line == found.line), departures[0] if departures else None
    )
    if again is None and second is not None:
        again = footer_difference(run.footer, second.footer) or found
    case = Case(
        found=found,
        limits=run.header.limits,
        recorded=run.footer,
        findings=findings,
        other_pins=pins_that_differ(run.header.pins, bench.runtime.pins),
        again=again,
        repeated=not run.footer.interrupted,
        ended=second.footer if second else None,
        unanswered="" if run.footer.interrupted else unknown,
        told_last=_told_last(run, found),
        out_of_memory=(_memory_error(run), second is not None and _memory_error(second)),
    )
    traceback = getattr(found, "traceback", "")
    frame = FRAME.search(traceback)
    return Explanation(
        found=found,
        cause=cause_of(case),
        vm=getattr(found, "vm", ""),
        traceback=traceback,
        contract_line=f"{frame[1]}:{frame[2]} in {frame[3] or '?'}" if frame else "",
        changes=() if second is None else tuple(_changes(run, second, bench)),
        unknown_end=unknown,
        findings=findings,
        vms=ordered(watch),
    )


def _go_on(run: StoredRun, bench: Workbench, watch: VmWatch) -> tuple[StoredRun | None, Continuing, str]:
    """Run once more, behind the difference too: the second record, or why there is none."""
    header, doors, recorder = run.header, Continuing(run), RunRecorder(run.header)
    if run.footer.interrupted:
        return None, doors, "the recorded run was stopped from outside, so it has no end to compare with"
    limits = msgspec.structs.replace(header.limits, deadline_ms=DEADLINE_MS)
    build = Build.FUEL if header.limits.fuel is not None else Build.EPOCH
    try:
        report = bench.execute(
            msgspec.structs.replace(header, limits=limits),
            Recording(doors, recorder),
            build,
            image=run.footer.image,
            watch=watch,
        )
    except (Divergence, EnvironmentProblem) as stop:
        return None, doors, f"behind the difference the run asks what the record does not know: {stop}"
    if report.outcome.interrupted:
        return None, doors, f"behind the difference the run did not end within {DEADLINE_MS // 1000} seconds"
    return recorder.finish(footer_of(report)).open(), doors, ""


def _told_last(run: StoredRun, found: Mismatch) -> tuple[str, Event] | None:
    """The last answer of a host or a module before a difference; of a block's result, the block's own line first."""
    counts = {line.name: line.count for line in run.lines()}
    places: list[tuple[str, int | None]] = [
        (found.line, found.seq) if found.line in counts else ("main", None)
    ]
    if found.seq is not None and found.seq < counts.get(found.line, 0):
        asked = run.event(found.line, found.seq).request
        if isinstance(asked, PostNondetResult) and f"nondet:{asked.call_no}" in counts:
            places.insert(0, (f"nondet:{asked.call_no}", None))
    for line, end in places:
        told = None
        for seq, event in enumerate(run.read_line(line)):
            if end is not None and seq >= end:
                break
            if isinstance(event.request, (ModuleCall, *HOST_ANSWERS)):
                told = f"{line}[{seq}]", event
        if told is not None:
            return told
    return None


def _memory_error(run: StoredRun) -> bool:
    """Whether standard error tells of Python's MemoryError."""
    written = bytearray()
    for event in run.read_line("main"):
        if isinstance(event.request, WriteStream) and event.request.stream == STDERR:
            written += event.request.data
    return b"MemoryError" in written


def _changes(run: StoredRun, second: StoredRun, bench: Workbench) -> list[Difference]:
    """What differs in the end, storage by name where anything there does."""
    try:
        facts = facts_of(run), facts_of(second)
    except JournalError:
        return []
    names, code = NO_NAMES, facts[0].code
    if code is not None and facts[0].delta.hash() != facts[1].delta.hash():
        names = field_names(storage_layout(bench.runtime, code), *(Pieces(one.known) for one in facts))
    return [one for one in compare_facts(*facts, names).differences if one.level in CHANGED]
