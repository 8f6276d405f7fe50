"""The state of a guest at a point of a recorded run: where it is, what it has used, changed and written."""

from __future__ import annotations

import pytest
import wasmtime

from genvm_replay.errors import Divergence, UsageError
from genvm_replay.executor.fingerprint import PAGE
from genvm_replay.journal.events import StorageWrite
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.fuel_clock import FUEL_MAX, state_at_event, state_at_fuel
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER

STEPS = (
    HEADER
    + """
class Steps(gl.Contract):
    first: u32
    second: u32

    @gl.public.write
    def go(self, times: int) -> int:
        self.first = 7
        total = sum(range(times))
        self.second = 9
        return total

    @gl.public.view
    def look(self, here: Address, depth: int) -> int:
        if depth:
            return gl.get_contract_at(here).view().look(here, depth - 1)
        return self.first

    @gl.public.write
    def spin(self) -> None:
        while True:
            self.first += 1
"""
)
COUNTER = """
(module (memory (export "memory") 2)
  (func $store (param $at i32) (i32.store (local.get $at) (i32.const 1)))
  (func $main (export "_start") (local $n i32)
    (loop $again
      (call $store (i32.mul (local.get $n) (i32.const 4096)))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10))))))
"""


def line_of(contract: str, text: str) -> int:
    """Number of the line with this text."""
    return next(number for number, line in enumerate(contract.split("\n"), 1) if text in line)


@pytest.fixture
def stepped(node: LocalNode, bench: Workbench) -> StoredRun:
    """A recorded call of `go`."""
    address = node.deploy(STEPS.encode()).address
    return bench.store.load_run(node.call(address, "go", [50]).run_id)


def writes(run: StoredRun) -> list[int]:
    """Where in the record storage is written."""
    return [n for n, event in enumerate(run.read_line("main")) if isinstance(event.request, StorageWrite)]


def test_a_python_guest_tells_its_line_and_what_is_written_so_far(
    bench: Workbench, stepped: StoredRun
) -> None:
    """Before a write it does not show; before the next one it does; the contract's file and line are named."""
    first, second = writes(stepped)
    for seq, text, written in ((first, "self.first = 7", []), (second, "self.second = 9", [b"\7\0\0\0"])):
        state = state_at_event(stepped, bench, seq)
        [vm] = state.vms
        assert f'File "/contract.py", line {line_of(STEPS, text)} in go' in vm.traceback
        assert [data for _, _, data in state.written] == written
        assert (state.events, state.outcome, vm.ended, vm.depth) == (seq, None, False, 0)
        assert vm.pages
        assert vm.contract == stepped.header.message.contract_address


def test_fuel_grows_from_event_to_event_and_two_looks_see_the_same(
    bench: Workbench, stepped: StoredRun
) -> None:
    """A step forward and back is a run of its own, and gives the very same state."""
    first, second = writes(stepped)
    states = [state_at_event(stepped, bench, seq) for seq in (first, first + 1, second, first)]
    used = [state.fuel_used or 0 for state in states]
    assert 0 < used[0] < used[1] <= used[2]
    assert states[3] == states[0]


def test_an_amount_of_fuel_is_a_point_too(bench: Workbench, stepped: StoredRun) -> None:
    """Between two events the guest is inside the method; with more fuel than it uses it has come to its end."""
    first, second = (state_at_event(stepped, bench, seq).fuel_used for seq in writes(stepped))
    assert first is not None
    assert second is not None
    middle = state_at_fuel(stepped, bench, (first + second) // 2)
    assert middle.fuel_used == (first + second) // 2
    assert " in go" in middle.vms[0].traceback
    end = state_at_fuel(stepped, bench, FUEL_MAX)
    assert end.outcome is not None
    assert end.outcome.payload == stepped.footer.payload
    assert end.vms[0].ended
    assert end.vms[0].memory_hash == stepped.footer.memory_hash
    used = end.fuel_used or 0
    assert state_at_fuel(stepped, bench, used).outcome == end.outcome
    assert state_at_fuel(stepped, bench, used - 1000).outcome is None


def test_every_vm_on_the_way_is_shown(node: LocalNode, bench: Workbench) -> None:
    """Inside views, the innermost VM comes first; each has a traceback of its own."""
    address = node.deploy(STEPS.encode()).address
    recorded = node.call(address, "look", [address, 2], view=True)
    run = bench.store.load_run(recorded.run_id)
    deepest = max(
        (state_at_event(run, bench, seq) for seq in range(recorded.event_count)), key=lambda s: len(s.vms)
    )
    assert [vm.depth for vm in deepest.vms] == [2, 1, 0]
    assert all(" in look" in vm.traceback for vm in deepest.vms[1:])


def test_a_module_tells_its_functions_and_the_pages_it_changed(node: LocalNode, bench: Workbench) -> None:
    """One page more each time around, and the name and place of the function."""
    run = bench.store.load_run(node.deploy(bytes(wasmtime.wat2wasm(COUNTER))).run_id)
    end = state_at_fuel(run, bench, FUEL_MAX)
    assert list(end.vms[0].pages) == list(range(10))
    assert end.vms[0].memory_bytes == 32 * PAGE
    counts = [len(state_at_fuel(run, bench, fuel).vms[0].pages) for fuel in range(end.fuel_used or 0)]
    assert counts == sorted(counts)
    assert set(counts) == set(range(11))
    middle = state_at_fuel(run, bench, (end.fuel_used or 0) // 2)
    names = [frame.name for frame in middle.vms[0].frames]
    assert names in (["main"], ["store", "main"])
    assert all(frame.offset for frame in middle.vms[0].frames)


def test_a_run_that_was_stopped_can_be_looked_into(node: LocalNode, bench: Workbench) -> None:
    """Its record ends by chance, but each point of it is a point; one sees where it was spinning."""
    address = node.deploy(STEPS.encode()).address
    recorded = node.call(address, "spin", options=CallOptions(deadline_ms=300))
    assert recorded.report.outcome.interrupted
    run = bench.store.load_run(recorded.run_id)
    state = state_at_fuel(run, bench, 1_000_000)
    assert " in spin" in state.vms[0].traceback
    assert len(state.written) == 1


def test_a_run_with_a_fuel_limit_ends_by_its_own(node: LocalNode, bench: Workbench) -> None:
    """The limit of the record counts before the point that is asked for."""
    address = node.deploy(STEPS.encode()).address
    run = bench.store.load_run(
        node.call(address, "spin", options=CallOptions(fuel=700_000, deadline_ms=None)).run_id
    )
    end = state_at_fuel(run, bench, 800_000)
    assert end.outcome is not None
    assert end.outcome.payload == b"wasm_trap OutOfFuel"
    assert state_at_fuel(run, bench, 600_000).outcome is None


@pytest.mark.parametrize(
    ("seq", "line", "text"),
    [(-1, "main", "not -1"), (10**6, "main", "has events 0 to"), (0, "nondet:0", "no line 'nondet:0'")],
)
def test_a_point_that_is_not_there_is_refused(
    bench: Workbench, stepped: StoredRun, seq: int, line: str, text: str
) -> None:
    """With what there is instead."""
    with pytest.raises(UsageError, match=text):
        state_at_event(stepped, bench, seq, line)


@pytest.mark.parametrize("fuel", [-1, FUEL_MAX + 1])
def test_an_amount_that_can_not_be_is_refused(bench: Workbench, stepped: StoredRun, fuel: int) -> None:
    """Fuel is a number of 63 bits."""
    with pytest.raises(UsageError, match="an amount of fuel"):
        state_at_fuel(stepped, bench, fuel)


def test_a_record_that_does_not_fit_is_no_state(bench: Workbench, stepped: StoredRun) -> None:
    """The way to the point is a replay: where it departs from the record, that is told."""
    recorder = RunRecorder(stepped.header)
    first, second = writes(stepped)
    for seq, event in enumerate(stepped.read_line("main")):
        request = StorageWrite(b"x" * 32, 0, b"") if seq == first else event.request
        recorder.line("main").append(request, event.answer)
    forged = recorder.finish(stepped.footer).open()
    with pytest.raises(Divergence) as found:
        state_at_event(forged, bench, second)
    assert (found.value.seq, found.value.field) == (first, "slot")
