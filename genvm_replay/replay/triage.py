"""Which factor a difference follows: the same record re-executed on every build, with every set of runners, twice.

All builds give the same bytes, so a difference that some of them show is theirs; one that all show is the record's; one
that comes and goes between two equal re-executions is a leak of nondeterminism.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ..errors import EnvironmentProblem, Mismatch
from ..executor.engine import BUILDS, Build
from ..journal.stored import StoredRun
from .reexecute import departure
from .workbench import Workbench

REPETITIONS: Final = 2
FactorKind = Literal["nothing", "record", "engine", "runner", "leak", "several"]
CRANELIFT: Final = (Build.FAST, Build.EPOCH, Build.FUEL)


@dataclass(frozen=True, slots=True)
class Trial:
    """One re-execution.

    Attributes:
        runners: which runners it had: `recorded` or `built-in`.
        problem: why it could not be made; `` if it was.
    """

    build: Build
    runners: str
    repetition: int  # from 0
    found: Mismatch | None
    problem: str = ""

    @property
    def outcome(self) -> tuple[object, ...]:
        """Equal for re-executions that came to the same."""
        found = self.found
        if found is None:
            return (self.problem,)
        return (found.line, found.seq, found.field, found.actual)


@dataclass(frozen=True, slots=True)
class Factor:
    """What a difference follows, in a word and a sentence."""

    kind: FactorKind
    text: str


def builds_for(run: StoredRun) -> Sequence[Build]:
    """The builds that can re-execute a run: all, unless a fuel limit or a deadline ended it."""
    if run.header.limits.fuel is not None:
        return (Build.FUEL,)
    return (Build.EPOCH,) if run.footer.interrupted else BUILDS


def trials(run: StoredRun, benches: Mapping[str, Workbench]) -> Iterator[Trial]:
    """Re-execute a run in every way.

    Args:
        benches: by the name of their runners.

    Raises:
        JournalError: the record can't be read.
    """
    for runners, bench in benches.items():
        for build in builds_for(run):
            for repetition in range(REPETITIONS):
                try:
                    yield Trial(build, runners, repetition, departure(run, bench, build))
                except EnvironmentProblem as problem:
                    yield Trial(build, runners, repetition, None, str(problem))


def factor_of(made: Sequence[Trial]) -> Factor:
    """The factor that explains the outcomes; `several` if no single one does."""
    outcomes = {trial.outcome for trial in made}
    if len(outcomes) == 1:
        if outcomes == {("",)}:
            return Factor("nothing", "all re-executions are identical with the record")
        return Factor(
            "record", "all re-executions differ from the record in the same way: it follows the record"
        )
    if len({(trial.build, trial.runners, trial.outcome) for trial in made}) > len(
        {(trial.build, trial.runners) for trial in made}
    ):
        return Factor(
            "leak", "equal re-executions differ from each other: something reaches the guest unrecorded"
        )
    by_build = {trial.build: trial.outcome for trial in made}
    by_runners = {trial.runners: trial.outcome for trial in made}
    if all(trial.outcome == by_runners[trial.runners] for trial in made):
        return Factor("runner", "it follows the runners, whatever the build")
    if all(trial.outcome == by_build[trial.build] for trial in made):
        return Factor("engine", _which_builds(by_build))
    return Factor("several", "no single factor explains it; see the table")


def _which_builds(by_build: Mapping[Build, tuple[object, ...]]) -> str:
    """Name the builds that are not like the others."""
    compiled = {by_build[build] for build in CRANELIFT if build in by_build}
    if len(compiled) == 1 and Build.PULLEY in by_build:
        return "it follows the engine: compiled code and the interpreter Pulley come to different ends"
    different = [build for build, outcome in by_build.items() if outcome != ("",)]
    return f"it follows the build: {', '.join(different)} differ from the record, or each in its own way"
