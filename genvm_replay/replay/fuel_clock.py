"""The state of a guest at one point of a recorded run, found by running the record again up to there.

The point is a request (event N of a line, before it is answered) or an amount of fuel of the main VM. Every look is a
run of its own: to step back is to run again to an earlier point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from ..errors import Divergence, OutsideRecord, UsageError
from ..executor.effects import Effects, Replaying, ReplayingPrefix
from ..executor.effects.pausing import Pausing
from ..executor.engine import Build
from ..executor.fuel_clock import FuelClock, Paused, VmState
from ..executor.outcome import Outcome
from ..journal.run import RunHeader
from ..journal.stored import StoredRun
from .reexecute import check_runners
from .workbench import Workbench

FUEL_MAX = (1 << 63) - 1
CONTRACT_FILES: Final = "/contract"
EARLIER: Final = (300, 1_000, 3_000, 10_000)  # fuel; a print takes some thousands from its call to the stream


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestState:
    """What there was when a run was stopped.

    Attributes:
        vms: those that were running, innermost first; where none was, the main VM at its end, or nothing.
        events: requests that had crossed on the line `main`.
        requests: a hash of those that VMs had made there.
        written: (slot, offset, bytes) of every stretch of storage written so far, in order.
        known: the same for every byte of the contract's storage that was read or written so far.
        outcome: how the run ended, if it ended before the point.
        departed: what it asked for that its record doesn't know, if that came before the point.
        departed_at: the Python traceback of that place.
    """

    vms: tuple[VmState, ...]
    events: int
    requests: bytes
    written: tuple[tuple[bytes, int, bytes], ...]
    known: tuple[tuple[bytes, int, bytes], ...] = ()
    outcome: Outcome | None = None
    departed: str = ""
    departed_at: str = ""

    @property
    def fuel_used(self) -> int | None:
        """By the main VM; None before it was started."""
        return self.vms[-1].fuel_used if self.vms else None

    @property
    def end_fuel(self) -> int | None:
        """The same once the run has ended: before, it only tells where a function or a loop begins."""
        return None if self.outcome is None else self.fuel_used


def state_at_event(
    run: StoredRun, bench: Workbench, seq: int, line: str = "main", *, with_locals: bool = False
) -> GuestState:
    """The state when the run asks for event `seq` of a line.

    Args:
        with_locals: ask Python guests for their local variables too.

    Raises:
        UsageError: the record has no such event.
        Divergence: the run departs from its record before that.
    """
    counts = {summary.name: summary.count for summary in run.lines()}
    if line not in counts:
        raise UsageError(f"the record has no line {line!r}; it has {', '.join(counts) or 'none'}")
    if not 0 <= seq < counts[line]:
        raise UsageError(f"line {line} has events 0 to {counts[line] - 1}, not {seq}")
    state = _state(run, bench, FuelClock(with_locals=with_locals), stop_before=seq, stop_line=line)
    return _asked_before(run, bench, state) if with_locals else state


def _asked_before(run: StoredRun, bench: Workbench, state: GuestState) -> GuestState:
    """A state with the local variables of just before, where Python can't be asked at the point itself.

    While it writes to a stream it has let go of its lock. It is asked a little earlier then, in runs of their own, as
    long as the contract is at the same places: its functions wait there for that call, so their variables are these.
    """
    fuel = state.fuel_used
    if len(state.vms) != 1 or fuel is None or state.vms[0].python or not state.vms[0].traceback:
        return state
    [vm] = state.vms
    for earlier in EARLIER:
        before = _state(run, bench, FuelClock(stop_at=max(0, fuel - earlier), with_locals=True))
        frames = before.vms[0].python if before.vms else ()
        if frames and _contract_places(before.vms[0].traceback) == _contract_places(vm.traceback) != []:
            own = [frame for frame in frames if frame.file.startswith(CONTRACT_FILES)]
            return replace(state, vms=(replace(vm, python=tuple(own)),))
    return state


def _contract_places(traceback: str) -> list[str]:
    return [line for line in traceback.split("\n") if f'File "{CONTRACT_FILES}' in line]


def state_at_fuel(run: StoredRun, bench: Workbench, fuel: int, *, with_locals: bool = False) -> GuestState:
    """The state when the main VM has used so much fuel, 0 to FUEL_MAX; that of its end if it never does.

    Args:
        with_locals: ask Python guests for their local variables too. Between two host calls a value may be half
            made, so what they tell there may be missing.

    Raises:
        UsageError: no such amount.
        Divergence: the run departs from its record before that.
    """
    if not 0 <= fuel <= FUEL_MAX:
        raise UsageError(f"an amount of fuel is 0 to 2**63 - 1, not {fuel}")
    return _state(run, bench, FuelClock(stop_at=fuel, with_locals=with_locals))


def _state(
    run: StoredRun,
    bench: Workbench,
    clock: FuelClock,
    *,
    stop_before: int | None = None,
    stop_line: str = "main",
) -> GuestState:
    recorded = run.footer
    check_runners(recorded.runners, bench.registry(debug_mode=True))
    door = (ReplayingPrefix if recorded.interrupted else Replaying)(run.read_line)
    execution = Execution(run.header, door, recorded.image)
    return state_through(execution, bench, clock, stop_before=stop_before, stop_line=stop_line)


class Execution(NamedTuple):
    """What is executed: a transaction, the door to its world, the snapshot that its main VM starts from."""

    header: RunHeader
    door: Effects
    image: str | None


def state_through(
    execution: Execution,
    bench: Workbench,
    clock: FuelClock,
    build: Build = Build.FUEL,
    *,
    stop_before: int | None = None,
    stop_line: str = "main",
    tolerant: bool = False,
) -> GuestState:
    """The state at which a clock or a request stops an execution, or its end.

    Args:
        tolerant: where it asks for what its door doesn't know, that is its end.

    Raises:
        Divergence, OutsideRecord: it asks for what its door doesn't know.
    """
    contract = execution.header.message.contract_address
    door = Pausing(execution.door, clock, contract, stop_before=stop_before, stop_line=stop_line)
    outcome, departed, traceback = None, "", ""
    try:
        outcome = bench.execute(execution.header, door, build, image=execution.image, clock=clock).outcome
    except Paused:
        pass
    except (Divergence, OutsideRecord) as stop:
        if not tolerant:
            raise
        departed, traceback = str(stop), getattr(stop, "traceback", "")
    inside = [vm for vm in clock.states if not vm.ended]
    return GuestState(
        vms=tuple(inside or clock.states),
        events=door.seq,
        requests=door.requests(),
        written=tuple(door.written.runs()),
        known=tuple(door.known.runs()),
        outcome=outcome,
        departed=departed,
        departed_at=traceback,
    )
