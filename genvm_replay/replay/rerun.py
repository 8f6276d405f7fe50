"""Runs a recorded transaction again in another role, and records that as a child of the run it is about.

The state comes from the record, the validators' and the new leader's nondeterministic answers from the modules of this
machine. Nothing that such a run writes or sends changes the local node's state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from ..errors import UsageError
from ..executor.effects import Following, Live, Recording, Streams
from ..executor.effects.door import MAIN_LINE
from ..executor.engine import Build
from ..executor.moment import clock_ns
from ..executor.stops import GuestStop
from ..executor.transaction import RunReport
from ..host_bridge.known import Known
from ..host_bridge.recorded_host import RecordedHost
from ..journal.events import Event
from ..journal.recorder import RunRecorder
from ..journal.run import Limits, Role, RunHeader, named
from ..journal.store import Store
from ..journal.stored import StoredRun
from .local_modules import Asking, reached_modules
from .local_node import DEADLINE_MS
from .reexecute import check_runners
from .roles import RULES, why_unjudgeable
from .state_change import StateRead
from .workbench import Workbench, footer_of

NAME_CHARS_MAX: Final = 64
RUNS_MAX: Final = 1_000_000  # of one transaction
LOOKED_AT_MAX: Final = 20
NUMBER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunOptions:
    """How a run in another role is made.

    Attributes:
        modules: name of a module -> `ws://host:port`.
        asking: how they are asked.
        deadline_ms: wall-clock limit; None: no limit.
        local_state: what the record does not show is read from the local node's state, as it is now.
        name: of the run among those about the same leader's, at most NAME_CHARS_MAX characters; ``: its number.
    """

    modules: Mapping[str, str] = field(default_factory=dict)
    asking: Asking = field(default_factory=Asking)
    deadline_ms: int | None = DEADLINE_MS
    local_state: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """A run that was made and recorded.

    Attributes:
        refused: what it asked for and nobody knows; its deterministic part departed from the record before.
    """

    run_id: int
    refused: tuple[str, ...]


def rerun(bench: Workbench, leader: StoredRun, role: Role, options: RerunOptions) -> Rerun:
    """Run a transaction in a role over the record of a leader.

    Raises:
        UsageError: the leader's run can't be judged, or the run asks for something that nobody knows and that a run
            in this role may ask for.
        JournalDamaged: the record does not verify.
        EnvironmentProblem: a module can't be reached, runtime or runners are not in order. Nothing was recorded.
    """
    reason = "" if RULES[role].leads else why_unjudgeable(leader.footer)
    if reason:
        raise UsageError(
            f"{_name(leader)} has no result to judge: {reason}; `appeal` makes a new leader's run"
        )
    leader.verify()
    check_runners(leader.footer.runners, bench.registry(debug_mode=True))
    known = Known(leader.header.message.contract_address, _all_events(leader))
    header = _header(bench, leader, role, options)
    state = bench.store.state
    with bench.store.begin_run(header) as recorder:
        with state.snapshot() if options.local_state else nullcontext():
            local = StateRead(state) if options.local_state else None
            host = RecordedHost(known, leads=RULES[role].leads, local=local)
            report = _run(bench, leader, header, host, recorder, options)
        run_id = bench.store.commit(recorder.finish(footer_of(report)), method=_method(leader))
    return Rerun(run_id=run_id, refused=tuple(host.refused))


def _run(
    bench: Workbench,
    leader: StoredRun,
    header: RunHeader,
    host: RecordedHost,
    recorder: RunRecorder,
    options: RerunOptions,
) -> RunReport:
    """Run, and refuse what is not worth recording."""
    build = Build.EPOCH if header.limits.fuel is None else Build.FUEL
    with reached_modules(options.modules, header.tx, options.asking) as modules:
        moment_ns, note = clock_ns(header.message), recorder.note_attempts
        world = Live(host, moment_ns, Streams(), modules, note_attempts=note)
        following = Following(world, leader.read_line(MAIN_LINE))
        door = Recording(following, recorder)
        try:
            image = leader.footer.image or None
            report = bench.execute(header, door, build, image=image, cancel=modules.cancel)
        except GuestStop as stop:  # before the calldata was asked for
            raise UsageError(_refusal(leader, host.refused or [str(stop)], options)) from stop
    if modules.failure and not report.outcome.interrupted:
        raise modules.failure
    if host.refused and (RULES[header.role].leads or not following.departed):
        raise UsageError(_refusal(leader, host.refused, options))
    return report


def _header(bench: Workbench, leader: StoredRun, role: Role, options: RerunOptions) -> RunHeader:
    limits: Limits = leader.header.limits
    if limits.fuel is None:
        limits = structs.replace(limits, deadline_ms=options.deadline_ms)
    pins = bench.runtime.pins
    name = options.name or str(next_number(bench.store, leader))
    return named(
        structs.replace(leader.header, role=role, parent=leader.root, pins=pins, limits=limits), name
    )


def next_number(store: Store, leader: StoredRun) -> int:
    """The number of the next run about a leader's: more than there are, and than the newest ones have."""
    runs = store.find_runs(leader.header.tx.hex(), limit=RUNS_MAX)
    parents = {run.id for run in runs if run.root == leader.root}
    children = [run for run in runs if run.parent_id in parents]
    names = (store.load_run(run.id).header.name for run in children[:LOOKED_AT_MAX])
    return 1 + max([len(children), *(int(name) for name in names if NUMBER.fullmatch(name))])


def _all_events(run: StoredRun) -> Iterator[Event]:
    """All events, those of the main line first."""
    yield from run.read_line(MAIN_LINE)
    for line in run.lines():
        if line.name != MAIN_LINE:
            yield from run.read_line(line.name)


def _refusal(leader: StoredRun, refused: list[str], options: RerunOptions) -> str:
    advice = (
        "the local state can't tell either how it was before"
        if options.local_state
        else "--state local reads it from the local node's state, as it is now"
    )
    return f"the run asks for {refused[0]}, which {_name(leader)} does not show; {advice}; this run was not recorded"


def _name(leader: StoredRun) -> str:
    return f"run {leader.summary.id}" if leader.summary else "the leader's run"


def _method(leader: StoredRun) -> str | None:
    return leader.summary.method if leader.summary else None
