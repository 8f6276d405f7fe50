"""Leaks and engines that compute otherwise, in real runs: on runtimes that have them, the classes of cause tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from genvm_replay.executor.engine import BUILDS, Build
from genvm_replay.journal.events import ReadClock
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.examine import Explanation, examine
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.triage import factor_of, trials
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER
from .other_runtime import OtherRuntime, clock_past_the_door, random_otherwise

TIMED = (
    HEADER
    + """
import os, time

class Timed(gl.Contract):
    at: u64
    drawn: u32

    @gl.public.write
    def when(self) -> int:
        self.at = time.time_ns() % 2**64
        return 1

    @gl.public.write
    def draw(self) -> int:
        self.drawn = 1 + os.urandom(1)[0]
        return int(self.drawn)
"""
)
Make = Callable[..., Workbench]


@pytest.fixture
def other(runtime_cache: Path) -> Iterator[Make]:
    """Makes benches whose runtime has another host function on some builds."""
    made = []

    def make(
        name: str, call: Callable[..., int], builds: Collection[Build] = BUILDS, engine: str = ""
    ) -> Workbench:
        runtime = OtherRuntime(runtime_cache, name, call, builds, engine)
        made.append(Workbench(MemoryStore(), lambda: runtime))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def recorded(bench: Workbench, method: str) -> StoredRun:
    """A call, recorded on a bench."""
    node = LocalNode(bench)
    address = node.deploy(TIMED.encode()).address
    return bench.store.load_run(node.call(address, method).run_id)


def explained(run: StoredRun, bench: Workbench) -> Explanation:
    told = examine(run, bench).explanation
    assert told is not None
    return told


def test_a_clock_past_the_door_is_a_leak(other: Make) -> None:
    """Nothing of it is recorded; two re-executions differ from each other, and that is the evidence."""
    leaky = other("clock_time_get", clock_past_the_door)
    run = recorded(leaky, "when")
    assert not [event for event in run.read_line("main") if isinstance(event.request, ReadClock)]
    told = explained(run, leaky)
    assert (told.cause.kind, told.cause.title) == ("leak", "nondeterminism leak")
    assert "two re-executions of the same record differ from each other" in told.cause.evidence[0]
    assert (told.found.line, told.found.field) == ("main", "data")
    assert told.contract_line.endswith(" in when")
    assert [one.place for one in told.changes if one.level == "storage"] == ["at"]


def test_a_leak_seen_from_a_machine_without_it(bench: Workbench, other: Make) -> None:
    """There the run reads the clock through the door; the record does not, and goes on with another time."""
    told = explained(recorded(other("clock_time_get", clock_past_the_door), "when"), bench)
    assert told.cause.kind == "leak"
    assert (told.found.field, told.found.actual) == ("kind", "read_clock/1")
    assert "past the door, or somebody took the event out" in told.cause.evidence[1]


def test_triage_follows_a_leak(other: Make) -> None:
    """On every build, as equal re-executions differ."""
    leaky = other("clock_time_get", clock_past_the_door)
    assert factor_of(list(trials(recorded(leaky, "when"), {"recorded": leaky}))).kind == "leak"


def test_a_run_of_another_engine(bench: Workbench, other: Make) -> None:
    """It was recorded where the guest got other bytes, and its pins say which engine: that alone is another one here."""
    elsewhere = other("random_get", random_otherwise, engine="wasmtime 48.0.0")
    run = recorded(elsewhere, "draw")
    assert examine(run, elsewhere).explanation is None
    told = explained(run, bench)
    assert (told.cause.kind, told.cause.title) == ("engine", "different engine")
    assert told.cause.evidence == ("engine is not the recorded one here",)
    assert told.found.field == "data"
    assert {one.place for one in told.changes} >= {"drawn", "value"}


@pytest.mark.parametrize(("build", "text"), [(Build.PULLEY, "Pulley"), (Build.FUEL, "fuel differ")])
def test_triage_follows_one_build(other: Make, build: Build, text: str) -> None:
    """A record that is right, on a machine one of whose builds computes otherwise: the build is named."""
    broken = other("random_get", random_otherwise, (build,))
    run = recorded(broken, "draw")
    factor = factor_of(list(trials(run, {"recorded": broken})))
    assert factor.kind == "engine"
    assert text in factor.text


def test_the_same_bytes_on_a_runtime_that_only_says_another_engine(bench: Workbench, other: Make) -> None:
    """Another name alone is no difference: the run is identical, and the other pin is told."""
    elsewhere = other("random_get", random_otherwise, (), "wasmtime 48.0.0")
    examined = examine(recorded(elsewhere, "draw"), bench)
    assert examined.explanation is None
    assert examined.report is not None
    assert examined.report.other_pins == ("engine",)
