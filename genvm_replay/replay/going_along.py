"""One run along a record and, where it departs from it, on to its end: what a first report is made of.

It runs on a build that can be stopped: behind a difference a run may never end by itself. As long as nothing differs
there is no deadline; the record has shown that the run ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..errors import Divergence, EnvironmentProblem, Mismatch
from ..executor.engine import Build
from ..executor.vm_watch import VmNote, VmWatch
from ..journal.recorder import Forgetting, RunRecorder
from ..journal.run import RunFooter
from ..journal.stored import StoredRun
from .continuing import TAIL_BYTES_MAX, Continuing, Endless, Journey
from .reexecute import again, footer_difference
from .vm_trees import ordered
from .workbench import Workbench, footer_of

if TYPE_CHECKING:
    from ..executor.machine import Machine

DEADLINE_S: Final = 60.0  # from the first difference on
ASK_AGAIN_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """How a run along a record came out.

    Attributes:
        found: the first difference; None: there is none.
        footer: how it ended; None where the record did not know enough.
        unknown: why there is no footer; `` if there is.
        vms: in the order of their ends.
    """

    found: Mismatch | None
    journey: Journey
    footer: RunFooter | None = None
    unknown: str = ""
    vms: tuple[VmNote, ...] = ()


def go_along(run: StoredRun, bench: Workbench, deadline_s: float = DEADLINE_S) -> Trip:
    """Re-execute a run that has an end, once.

    Args:
        deadline_s: how long it may go on behind the first difference.

    Raises:
        JournalError: the record can't be read. EnvironmentProblem: the runtime is not in order.
    """
    header, recorder = run.header, RunRecorder(run.header, Forgetting(), only_root=True)
    journey, watch = Journey(), VmWatch(memory=False)
    door = Continuing(run, again(run, recorder), journey)
    try:
        report = bench.execute(
            header,
            door,
            stoppable_build(run),
            image=run.footer.image,
            watch=watch,
            companion=_Guide(journey, deadline_s),
        )
    except (Divergence, EnvironmentProblem) as stop:
        if not journey.departures:
            raise
        unknown = f"behind the difference the run asks what the record does not know: {stop}"
        if isinstance(stop, Endless):
            unknown = f"behind the difference the run does not stop asking: {TAIL_BYTES_MAX >> 20} MiB are kept of it"
        return Trip(found=journey.first(), journey=journey, unknown=unknown, vms=ordered(watch))
    door.finish()
    footer = footer_of(report)
    if report.outcome.interrupted:
        unknown = f"behind the difference the run did not end within {deadline_s:g} seconds"
        return Trip(found=journey.first(), journey=journey, unknown=unknown, vms=ordered(watch))
    found = journey.first() or footer_difference(run.footer, footer)
    if found is None and (root := recorder.finish(footer, run.bookkeeping()).root) != run.root:
        found = Divergence("footer", None, "root", run.root.hex(), root.hex())
    return Trip(found=found, journey=journey, footer=footer, vms=ordered(watch))


def stoppable_build(run: StoredRun) -> Build:
    """The build on which a run is re-executed and can be stopped."""
    return Build.FUEL if run.header.limits.fuel is not None else Build.EPOCH


class _Guide:
    """Has each difference located as it happens, and ends the run some time after the first."""

    def __init__(self, journey: Journey, deadline_s: float) -> None:
        self._journey, self._deadline_s = journey, deadline_s
        self._until: float | None = None

    def attend(self, machine: Machine) -> None:
        """Let the machine say where differences happen."""

        def notice(found: Divergence) -> None:
            self._until = self._until or monotonic() + self._deadline_s
            machine.locate(found)

        self._journey.notice = notice

    def time_left_s(self) -> float:
        """Seconds to the end of the deadline, ASK_AGAIN_S at most."""
        return ASK_AGAIN_S if self._until is None else min(ASK_AGAIN_S, max(0.0, self._until - monotonic()))
