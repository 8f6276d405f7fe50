"""One side of a search for where two executions part: a run, and how it is executed.

The sides may be two runs, or one run on two builds, with two contracts, or with two sets of runners. A clock counts how
far an execution has come: fuel, where both sides count it alike, else the requests of the main line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from ..errors import UsageError
from ..executor.effects import Replaying
from ..executor.effects.supposing import Changes
from ..executor.engine import METERED, Build
from ..executor.fuel_clock import FuelClock
from ..journal.stored import StoredRun
from .fuel_clock import Execution, GuestState, state_through
from .reexecute import check_runners, pins_that_differ
from .what_if import Supposition
from .workbench import Workbench

ClockKind: TypeAlias = Literal["fuel", "events"]
METERED_TWIN: Final = {Build.PULLEY: Build.PULLEY_FUEL} | {build: build for build in METERED}
"""The build that counts, for those that have one."""
END: Final = (1 << 63) - 1


@dataclass(frozen=True, kw_only=True)
class Side:
    """How a run is executed.

    Attributes:
        supposed: it is answered as in a what-if: from the record, wherever in the run something is asked.
        code: of the contract, instead of its own; only where supposed.
        other_runners: it is meant to have other runners than the record; else that is refused.
    """

    run: StoredRun
    bench: Workbench
    build: Build = Build.FUEL
    supposed: bool = False
    code: bytes | None = None
    other_runners: bool = False

    @property
    def name(self) -> str:
        """What it is, for people."""
        summary = self.run.summary
        named = f"run {summary.id}" if summary else f"0x{self.run.header.tx.hex()}"
        parts = [named] if self.build is Build.FUEL else [named, f"on {self.build}"]
        parts += ["with other code"] if self.code is not None else []
        return " ".join(parts + (["with other runners"] if self.other_runners else []))

    @property
    def other_parts(self) -> list[str]:
        """Pinned parts that are not the recorded ones here."""
        return pins_that_differ(self.run.header.pins, self.bench.runtime.pins)

    def start(self) -> tuple[str, object]:
        """What its memory starts from; memories of two sides are comparable where this is equal."""
        image = self.run.footer.image
        changed = None if self.code is None else hash(self.code)
        own = (self.run.footer.code_hash, changed, self.other_runners) if image == "contract" else None
        return image, own

    def metered(self) -> Side | None:
        """The same on a build that counts fuel; None where there is none."""
        twin = METERED_TWIN.get(self.build)
        return None if twin is None else replace(self, build=twin)

    def state(self, clock: ClockKind, point: int) -> GuestState:
        """The state at an amount of fuel, or before a request of the main line; END: the end.

        Where the execution departs from what its record knows, that is its end.
        """
        by_fuel = clock == "fuel" and self.build in METERED
        return state_through(
            self._execution(),
            self.bench,
            FuelClock(stop_at=point if by_fuel else None),
            self.build,
            stop_before=None if by_fuel or point == END else point,
            tolerant=True,
        )

    def _execution(self) -> Execution:
        run = self.run
        if self.supposed:
            return Supposition(run, self.bench).execution(Changes(), self.code)
        if run.footer.interrupted:
            raise UsageError(f"0x{run.header.tx.hex()} was stopped from outside: it has no end to compare")
        if not self.other_runners:
            check_runners(run.footer.runners, self.bench.registry(debug_mode=True))
        return Execution(run.header, Replaying(run.read_line), run.footer.image)
