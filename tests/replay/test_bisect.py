"""Where two executions part is found by fuel, within the promised number of runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from math import log2

import pytest
import wasmtime

from genvm_replay.errors import UsageError
from genvm_replay.executor.outcome import Outcome
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.bisect import bisect, bisect_runs, differences
from genvm_replay.replay.fuel_clock import FUEL_MAX, GuestState, state_at_fuel
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER

PAIRS = 50
Program = list[tuple[int, int]]  # a function each: times around its loop, what it stores


@pytest.fixture
def bench(runtime) -> Iterator[Workbench]:
    """A workbench in memory."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    yield bench
    bench.close()


def module(program: Program) -> bytes:
    """Functions in a row; each fills a stretch of memory of its own."""
    functions = [
        f"""(func $f{number} (local $n i32)
          (loop $again
            (i32.store (i32.add (i32.const {number * 4096}) (i32.mul (local.get $n) (i32.const 4)))
              (i32.add (local.get $n) (i32.const {value})))
            (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {times})))))"""
        for number, (times, value) in enumerate(program)
    ]
    calls = "".join(f"(call $f{number})" for number in range(len(program)))
    text = f"""(module (memory (export "memory") 2) {"".join(functions)} (func $main (export "_start") {calls}))"""
    return bytes(wasmtime.wat2wasm(text))


def deployed(node: LocalNode, bench: Workbench, program: Program) -> StoredRun:
    """The record of a program's run."""
    recorded = node.deploy(module(program))
    assert recorded.report.outcome.kind == "return", recorded.report
    return bench.store.load_run(recorded.run_id)


@pytest.mark.parametrize("seed", range(PAIRS))
def test_within_log2_fuel_plus_2_runs_at_the_very_place(node: LocalNode, bench: Workbench, seed: int) -> None:
    """A random program against one with one changed number: equal just before, different there, in its function."""
    chance = random.Random(seed)
    program = [(chance.randint(1, 300), chance.randint(0, 99)) for _ in range(chance.randint(1, 8))]
    where = chance.randrange(len(program))
    times, value = program[where]
    mutated = list(program)
    mutated[where] = (times, value + 1) if chance.random() < 0.5 else (times + chance.randint(1, 50), value)
    first, second = (deployed(node, bench, one) for one in (program, mutated))
    parting = bisect_runs(first, second, bench)
    assert parting.fuel is not None
    used = min(state_at_fuel(run, bench, FUEL_MAX).fuel_used or 0 for run in (first, second))
    assert parting.probes <= log2(used) + 2
    before = [state_at_fuel(run, bench, parting.fuel - 1) for run in (first, second)]
    there = [state_at_fuel(run, bench, parting.fuel) for run in (first, second)]
    assert not differences(*before)
    assert differences(*there) == parting.fields != ()
    assert before[0].vms[0].frames[0].name == f"f{where}"
    assert set(parting.pages) <= {where}


PARTS = (
    HEADER
    + """
class Parts(gl.Contract):
    kept: str

    @gl.public.write
    def go(self, word: str) -> int:
        if len(word) > 3:
            self.kept = word
        return 5
"""
)


def test_python_runs_part_where_their_arguments_do(node: LocalNode, bench: Workbench) -> None:
    """The first difference in memory is the calldata that they read."""
    address = node.deploy(PARTS.encode()).address
    runs = [bench.store.load_run(node.call(address, "go", [word]).run_id) for word in ("one", "four")]
    parting = bisect_runs(runs[0], runs[1], bench)
    used = min(state_at_fuel(run, bench, FUEL_MAX).fuel_used or 0 for run in runs)
    assert parting.probes <= log2(used) + 2
    assert parting.fields
    assert parting.before is not None


def test_a_run_does_not_part_from_itself(node: LocalNode, bench: Workbench) -> None:
    """One probe tells."""
    run = deployed(node, bench, [(5, 1)])
    parting = bisect_runs(run, run, bench)
    assert (parting.fuel, parting.fields, parting.before, parting.probes) == (None, (), None, 1)


def test_a_stopped_run_has_no_end_to_compare(node: LocalNode, bench: Workbench) -> None:
    """It is refused with its name, instead of running until a deadline."""
    spin = b'(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
    recorded = node.deploy(bytes(wasmtime.wat2wasm(spin.decode())), options=CallOptions(deadline_ms=100))
    run = bench.store.load_run(recorded.run_id)
    with pytest.raises(UsageError, match=f"0x{run.header.tx.hex()} was stopped from outside"):
        bisect_runs(run, run, bench)


@pytest.mark.parametrize("end", [1, 2, 3, 64, 1000, 1023, 1024, 1025])
def test_every_place_is_found_within_the_bound(end: int) -> None:
    """The search itself, over all places of executions of many lengths, fuel 0 and the very end included."""
    state = GuestState(vms=(), events=0, requests=b"", written=())
    done = Outcome(kind="return", payload=b"")
    for place in {0, 1, end // 2, end - 1, end}:

        def probe(fuel: int, place: int = place) -> tuple[GuestState, GuestState]:
            vm = _Vm(min(fuel, end))
            over = done if fuel >= end else None
            one = replace(state, vms=(vm,), outcome=over)  # type: ignore[arg-type]
            return one, replace(one, requests=b"other" if fuel >= place else b"")

        parting = bisect(probe)
        assert parting.fuel == max(1, place)
        assert parting.probes <= log2(end) + 2


class _Vm:
    """What the search looks at."""

    memory_hash, frames, pages = b"", (), {}

    def __init__(self, fuel_used: int) -> None:
        self.fuel_used = fuel_used
