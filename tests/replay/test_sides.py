"""Two executions of one transaction, on other builds, runtimes, code: where they part, and what can't be compared."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from pathlib import Path

import pytest
import wasmtime

from genvm_replay.errors import UsageError
from genvm_replay.executor.engine import Build
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.events import ReadRandom, StorageWrite
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.bisect import OTHER_IMAGES, bisect_sides
from genvm_replay.replay.fuel_clock import state_at_event
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.sides import END, Side
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER
from .other_runtime import OtherRuntime, random_otherwise
from .test_bisect import deployed, module

DRAWING = (
    HEADER
    + """
import os

class Drawing(gl.Contract):
    before: u32
    drawn: u32
    after: u32

    @gl.public.write
    def go(self, times: int) -> int:
        self.before = 1
        total = sum(range(times))
        self.drawn = 1 + os.urandom(1)[0]
        if times > 100:
            self.after = 7
        return total
"""
)


@pytest.fixture(scope="module")
def bench(runtime: PythonRuntime) -> Iterator[Workbench]:
    """A workbench in memory."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def drawn(bench: Workbench) -> StoredRun:
    """A call that draws a random byte in its middle."""
    node = LocalNode(bench)
    address = node.deploy(DRAWING.encode()).address
    return bench.store.load_run(node.call(address, "go", [50]).run_id)


@pytest.fixture(scope="module")
def other(runtime_cache: Path) -> Iterator[Workbench]:
    """A bench whose fast and fuel builds turn a bit of what is drawn."""
    runtime = OtherRuntime(runtime_cache, "random_get", random_otherwise, (Build.FAST, Build.FUEL))
    bench = Workbench(MemoryStore(), lambda: runtime)
    yield bench
    bench.close()


def at_draw(run: StoredRun) -> int:
    """Where in the record the byte is drawn."""
    return next(n for n, e in enumerate(run.read_line("main")) if isinstance(e.request, ReadRandom))


@pytest.mark.parametrize("build", [Build.EPOCH, Build.FAST, Build.FUEL, Build.PULLEY_FUEL])
def test_builds_do_not_part(bench: Workbench, build: Build) -> None:
    """A module on each build: equal, and by fuel wherever both count it, with the same amounts on both engines."""
    run = deployed(LocalNode(bench), bench, [(20, 1), (30, 2)])
    sides = Side(run=run, bench=bench), Side(run=run, bench=bench, build=build)
    found = bisect_sides(*sides)
    counts = build in (Build.FUEL, Build.PULLEY_FUEL)
    assert (found.point, found.clock, found.probes) == (None, "fuel" if counts else "events", 1)
    assert [note for note in found.notes if "counts no fuel" in note] == ([] if counts else list(found.notes))
    if counts:
        for fuel in (1, 100, 333, 500):
            states = [side.state("fuel", fuel) for side in sides]
            assert states[0].vms == states[1].vms


def test_pulley_is_compared_by_fuel_on_the_build_of_it_that_counts(bench: Workbench) -> None:
    """And where that one is equal, request by request on Pulley itself."""
    run = deployed(LocalNode(bench), bench, [(20, 1)])
    found = bisect_sides(Side(run=run, bench=bench), Side(run=run, bench=bench, build=Build.PULLEY))
    assert (found.point, found.clock) == (None, "events")
    assert "on pulley-fuel, which count fuel, do not part" in found.notes[0]


def test_another_runtime_by_fuel(bench: Workbench, other: Workbench, drawn: StoredRun) -> None:
    """They part where the byte comes in, between the requests around it, within log2(fuel) + 2 runs."""
    found = bisect_sides(Side(run=drawn, bench=bench), Side(run=drawn, bench=other))
    assert (found.clock, found.notes) == ("fuel", ())
    assert found.point is not None
    seq = at_draw(drawn)
    assert found.before is not None
    assert found.before[0].events <= seq < found.at[0].events
    assert found.fields[0] == "memory"
    assert found.pages
    used = Side(run=drawn, bench=bench).state("fuel", END).fuel_used or 0
    assert found.probes <= log2(used) + 2
    assert "in go" in found.at[0].vms[0].traceback


def test_a_build_that_counts_no_fuel_by_request(bench: Workbench, other: Workbench, drawn: StoredRun) -> None:
    """The request after the byte came in, the fuel on both its sides, and why it is no block."""
    found = bisect_sides(Side(run=drawn, bench=bench), Side(run=drawn, bench=other, build=Build.FAST))
    seq = at_draw(drawn)
    assert (found.clock, found.point, found.fuel) == ("events", seq + 1, None)
    count = sum(1 for _ in drawn.read_line("main"))
    assert found.probes <= log2(count) + 2
    fuel = tuple(state_at_event(drawn, bench, at).fuel_used for at in (seq, seq + 1))
    assert found.fuel_between == fuel
    assert "counts no fuel, so the point is a request" in found.notes[0]


def test_where_a_side_departs_from_its_record_it_ends(other: Workbench, drawn: StoredRun) -> None:
    """What it asked for and where it was are told; that is no error of the search."""
    end = Side(run=drawn, bench=other).state("fuel", END)
    writes = [n for n, e in enumerate(drawn.read_line("main")) if isinstance(e.request, StorageWrite)]
    assert end.departed.startswith(f"main[{writes[1]}]")
    assert " in go" in end.departed_at
    assert end.outcome is None


def test_other_code_of_a_python_contract(bench: Workbench, drawn: StoredRun) -> None:
    """Neither memory nor fuel can be compared, what they ask can: the first request that only the new code makes."""
    code = DRAWING.replace("if times > 100", "if times > 10").encode()
    first = Side(run=drawn, bench=bench, supposed=True)
    found = bisect_sides(first, Side(run=drawn, bench=bench, supposed=True, code=code))
    assert (found.clock, found.notes, found.compared) == ("events", (OTHER_IMAGES,), ("requests", "outcome"))
    count = sum(1 for _ in drawn.read_line("main"))
    assert (found.point, found.probes <= log2(count) + 2) == (
        count,
        True,
    )  # instead of handing over the result
    assert found.before is not None
    line = next(n for n, text in enumerate(DRAWING.split("\n"), 1) if "self.after = 7" in text)
    assert f'File "/contract.py", line {line} in go' in found.before[1].vms[0].traceback
    assert [side.events for side in found.before] == [count - 1] * 2
    same = bisect_sides(first, Side(run=drawn, bench=bench, supposed=True, code=DRAWING.encode()))
    assert same.point is None


def test_other_code_of_a_module(bench: Workbench) -> None:
    """Modules start from an empty memory, so memory is compared too: the very function is found."""
    run = deployed(LocalNode(bench), bench, [(20, 1), (30, 2)])
    code = module([(20, 1), (30, 3)])
    first = Side(run=run, bench=bench, supposed=True)
    found = bisect_sides(first, Side(run=run, bench=bench, supposed=True, code=code))
    assert found.notes == ()
    assert found.fields == ("memory",)
    assert [state.vms[0].frames[0].name for state in found.before or ()] == ["f1", "f1"]
    assert found.pages == (1,)


def test_parts_that_are_not_here_are_named(bench: Workbench, runtime_cache: Path, drawn: StoredRun) -> None:
    """A record of another engine is run with the present one, and that is said."""
    older = OtherRuntime(runtime_cache, "random_get", random_otherwise, (), "wasmtime 48.0.0")
    there = Workbench(MemoryStore(), lambda: older)
    found = bisect_sides(Side(run=drawn, bench=bench), Side(run=drawn, bench=there))
    there.close()
    assert found.point is None
    assert found.notes == (
        f"run {drawn.summary.id}: recorded with another engine, run with those that are here",
    )  # type: ignore[union-attr]


def test_a_stopped_run_has_no_end(bench: Workbench, drawn: StoredRun) -> None:
    """It is refused with its name."""
    spin = b'(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
    recorded = LocalNode(bench).deploy(
        bytes(wasmtime.wat2wasm(spin.decode())), options=CallOptions(deadline_ms=100)
    )
    run = bench.store.load_run(recorded.run_id)
    with pytest.raises(UsageError, match="was stopped from outside: it has no end to compare"):
        bisect_sides(Side(run=drawn, bench=bench), Side(run=run, bench=bench))
