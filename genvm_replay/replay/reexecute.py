"""The replayer: re-executes a recorded run from the journal alone and says what differed first.

Three things are compared, in this order: every request with the recorded one as it is made, the footer field by field
when the run is over, and the root of a second record made on the way. Nothing live is reached.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..errors import Divergence, EnvironmentProblem, Mismatch
from ..executor.effects import Recording, Replaying, ReplayingPrefix
from ..executor.engine import METERED, Build
from ..executor.runners.registry import Registry
from ..executor.runners.runner_id import RunnerId
from ..executor.stops import VmError
from ..journal.recorder import Forgetting, RunRecorder
from ..journal.run import Pins, RunFooter
from ..journal.stored import StoredRun
from .workbench import Workbench, footer_of

ARCHIVE: Final = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """The verdict on one re-execution.

    Attributes:
        divergence: the first difference; None: everything is identical.
        other_pins: names of pinned parts that are not the recorded ones here: a difference may come from them.
        prefix_only: the recorded run was stopped from outside; what it did until then was compared.
    """

    tx: bytes
    run_id: int | None
    divergence: Mismatch | None
    events: int
    seconds: float
    other_pins: tuple[str, ...]
    prefix_only: bool = False

    @property
    def identical(self) -> bool:
        """Whether nothing differed."""
        return self.divergence is None


def reexecute(run: StoredRun, bench: Workbench, build: Build | None = None) -> ReplayReport:
    """Re-execute a recorded run.

    Args:
        build: None: the one that the record needs: FUEL for a run with a fuel limit, EPOCH for one that was stopped by
            its deadline (it may not end by itself), else FAST.

    Raises:
        JournalDamaged: the record does not verify.
        EnvironmentProblem: the runtime is not in order.
    """
    started = time.perf_counter()
    header, recorded = run.header, run.footer
    run.verify()
    check_runners(recorded.runners, bench.registry(debug_mode=True))
    divergence = departure(run, bench, build or natural_build(run))
    return ReplayReport(
        tx=header.tx,
        run_id=run.summary.id if run.summary else None,
        divergence=divergence,
        events=sum(line.count for line in run.lines()),
        seconds=time.perf_counter() - started,
        other_pins=tuple(pins_that_differ(header.pins, bench.runtime.pins)),
        prefix_only=recorded.interrupted,
    )


def departure(run: StoredRun, bench: Workbench, build: Build) -> Divergence | None:
    """The first difference that a re-execution on a build meets; stored bytes and runners are not checked."""
    try:
        _compare(run, bench, build)
    except Divergence as found:
        return found
    return None


def natural_build(run: StoredRun) -> Build:
    """The fastest build that gives the same outcome."""
    if run.header.limits.fuel is not None:
        return Build.FUEL
    return Build.EPOCH if run.footer.interrupted else Build.FAST


def _compare(run: StoredRun, bench: Workbench, build: Build) -> None:
    header, recorded = run.header, run.footer
    if header.limits.fuel is not None and build not in METERED:
        raise EnvironmentProblem("the run has a fuel limit: only the fuel build can re-execute it")
    recorder = RunRecorder(header, Forgetting())  # only its root is asked for
    replaying = (ReplayingPrefix if recorded.interrupted else Replaying)(run.read_line)
    try:
        report = bench.execute(header, Recording(replaying, recorder), build, image=recorded.image)
    except VmError:
        if not recorded.interrupted:
            raise
        return  # the record ends before the contract was called
    replaying.finish(line.name for line in run.lines())
    if recorded.interrupted:
        return
    footer = footer_of(report)
    difference = footer_difference(recorded, footer)
    if difference is not None:
        raise difference
    finished = recorder.finish(footer, run.bookkeeping())
    if finished.root != run.root:
        raise Divergence("footer", None, "root", run.root.hex(), finished.root.hex())


def check_runners(recorded: Iterable[str], registry: Registry) -> None:
    """Check that the runners of a run come from where they came from then.

    Raises:
        EnvironmentProblem: one came from an official archive that is not here, or the other way round.
    """
    for text in recorded:
        key, _, then = text.rpartition(" ")
        if then == ARCHIVE and not registry.has_archive(RunnerId.parse(key)):
            raise EnvironmentProblem(
                f"the run used the official archive of {key}, which is not here: --runners DIR says where"
            )
        if then != ARCHIVE and registry.has_archive(RunnerId.parse(key)):
            raise EnvironmentProblem(
                f"the run was made without the archive of {key}, which is here: replay it without --runners"
            )


def footer_difference(recorded: RunFooter, found: RunFooter) -> Divergence | None:
    """The first field that differs."""
    for name in recorded.__struct_fields__:
        expected, actual = getattr(recorded, name), getattr(found, name)
        if expected != actual:
            return Divergence("footer", None, name, expected, actual)
    return None


def pins_that_differ(recorded: Pins, present: Pins) -> list[str]:
    """Names of the pinned parts that are others here than in the record."""
    return [name for name in recorded.__struct_fields__ if getattr(recorded, name) != getattr(present, name)]
