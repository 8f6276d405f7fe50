"""The VMs of two runs are told apart one by one, down to the bytes of memory in which they differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import wasmtime
from guest.block_runs import running_modules

from genvm_replay.calldata import Address
from genvm_replay.journal.events import StorageWrite
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.compare import ABSENT, compare_facts
from genvm_replay.replay.examine import examine
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.rerun import RerunOptions, rerun
from genvm_replay.replay.run_facts import facts_of
from genvm_replay.replay.vm_trees import (
    PAGES_MAX,
    RANGES_MAX,
    Trees,
    compare_vms,
    path_of,
    ranges_that_differ,
    title_of,
    vm_tree,
)
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER
from .oracle_modules import ORACLE, say

WHEN = "2026-01-02T03:04:05Z"
CALLING = (
    HEADER
    + """
class Calling(gl.Contract):
    n: u32

    def __init__(self, n: int):
        self.n = n

    @gl.public.view
    def get(self, k: int) -> int:
        return self.n + k

    @gl.public.view
    def through(self, who: Address, k: int) -> int:
        return gl.get_contract_at(who).view().get(k)

    @gl.public.write
    def go(self, who: Address, k: int) -> int:
        first = gl.get_contract_at(who).view().get(1)
        second = gl.get_contract_at(who).view().through(who, k)
        gl.vm.spawn_sandbox(lambda: 3)
        if k == 7:
            gl.get_contract_at(who).view().get(k)
        if k == 9:
            raise ValueError("nine")
        self.n = first + second
        return first + second
"""
)


@pytest.fixture
def bench(runtime) -> Iterator[Workbench]:
    """A workbench in memory."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    yield bench
    bench.close()


@pytest.fixture
def calls(node: LocalNode, bench: Workbench) -> Any:
    """Makes runs of the same contract at the same time, which differ in one argument."""
    here, there = (node.deploy(CALLING.encode(), [n]).address for n in (1, 2))
    options = CallOptions(datetime=WHEN)
    return lambda k: bench.store.load_run(node.call(here, "go", [there, k], options=options).run_id)


def places(trees: Trees) -> dict[str, tuple[Any, Any]]:
    return {one.place: (one.first, one.second) for one in trees.differences}


def test_the_tree_of_one_run(bench: Workbench, calls: Any) -> None:
    """Every VM with what started it, what it is for, how it ended and what it took, in the order of their ends."""
    run = calls(5)
    notes = vm_tree(run, bench).notes
    there = Address(notes[0].contract).checksummed
    assert [(path_of(note.way), title_of(note)) for note in notes] == [
        ("main/0", f"view get of {there}"),
        ("main/1/0", f"view get of {there}"),
        ("main/1", f"view through of {there}"),
        ("main/2", "sandbox"),
        ("main", f"main go of {Address(run.header.message.contract_address).checksummed}"),
    ]
    assert all(note.outcome is not None and note.outcome.kind == "return" for note in notes)
    assert all((note.fuel_used or 0) > 100_000 and note.pages and note.memory_hash for note in notes)
    assert notes[-1].memory_hash == run.footer.memory_hash


def test_a_run_has_the_vms_of_itself(bench: Workbench, calls: Any) -> None:
    """Costs and memories too: nothing differs."""
    run = calls(5)
    trees = compare_vms(run, run, (bench, bench))
    assert (trees.differences, trees.first, trees.memory, trees.reason) == ((), None, (), "")


def test_the_first_vm_that_differs_is_named(bench: Workbench, calls: Any) -> None:
    """The innermost view got another argument; those that it was for come after it."""
    trees = compare_vms(calls(5), calls(6), (bench, bench))
    assert trees.first is not None
    assert path_of(trees.first) == "main/1/0"
    told = places(trees)
    assert told["main/1/0.call.args[0]"] == (5, 6)
    assert told["main/1/0.result.value"] == (7, 8)
    assert told["main.result.value"] == (10, 11)
    assert not [place for place in told if place.startswith(("main/0", "main/2"))]
    memories = {one.place.split(":")[0] for one in trees.memory}
    assert memories == {"main/1/0", "main/1", "main"}


def test_a_vm_that_only_one_has(bench: Workbench, calls: Any) -> None:
    """It stands before the VM that started it, and is absent in the other."""
    trees = compare_vms(calls(5), calls(7), (bench, bench))
    told = places(trees)
    assert told["main/3"][0] == ABSENT
    assert str(told["main/3"][1]).startswith("view get of 0x")
    assert list(told).index("main/3") < [place.startswith("main.") for place in told].index(True)


def test_a_failure_has_its_fingerprint_and_traceback(bench: Workbench, calls: Any) -> None:
    """Result, fingerprint and cost of the main VM; the Python traceback of the side that has one."""
    runs = calls(5), calls(9)
    told = places(compare_vms(*runs, (bench, bench)))
    assert told["main.result.kind"] == ("return", "vm_error")
    assert told["main.fingerprint"][1]["frames"]
    assert told["main.fuel"][0] < told["main.fuel"][1]
    facts = {one.place: one for one in compare_facts(*map(facts_of, runs)).differences}
    assert facts["traceback"].first == ABSENT
    assert 'raise ValueError("nine")' in facts["traceback"].second
    assert facts["traceback"].second.endswith("ValueError: nine")


MODULE = """
(module (memory (export "memory") 3)
  (func (export "_start")
    (i32.store (i32.const 0x10000) (i32.const {value}))
    (i32.store8 (i32.const 0x10010) (i32.const {value}))
    (i32.store (i32.const 0x2fffc) (i32.const {value}))
    (memory.fill (i32.const 0x20000) (i32.const {value}) (i32.const {length}))))
"""


def deployed(node: LocalNode, bench: Workbench, value: int, length: int = 0) -> StoredRun:
    text = MODULE.format(value=value, length=length)
    recorded = node.deploy(bytes(wasmtime.wat2wasm(text)), options=CallOptions(datetime=WHEN))
    return bench.store.load_run(recorded.run_id)


def test_pages_and_byte_ranges_of_memory(node: LocalNode, bench: Workbench) -> None:
    """By page of 64 KiB, with guest addresses and both contents; a few equal bytes do not part a range."""
    trees = compare_vms(deployed(node, bench, 1), deployed(node, bench, 0x0203), (bench, bench))
    told = {one.place: (one.first, one.second) for one in trees.memory}
    assert told == {
        "main: page 1, bytes 0x10000 to 0x10001": (b"\1\0", b"\3\2"),
        "main: page 1, bytes 0x10010 to 0x10010": (b"\1", b"\3"),
        "main: page 2, bytes 0x2fffc to 0x2fffd": (b"\1\0", b"\3\2"),
    }
    assert all(one.level == "fingerprints" for one in trees.memory)


def test_what_only_one_run_wrote_is_compared_with_what_was_there(node: LocalNode, bench: Workbench) -> None:
    """A page that the other left as it was at the start has its bytes all the same."""
    trees = compare_vms(deployed(node, bench, 7), deployed(node, bench, 7, 3), (bench, bench))
    told = {one.place: (one.first, one.second) for one in trees.memory}
    assert told == {"main: page 2, bytes 0x20000 to 0x20002": (b"\0\0\0", b"\7\7\7")}


@pytest.mark.parametrize(
    ("first", "second", "ranges"),
    [
        (b"", b"", []),
        (b"abc", b"abc", []),
        (b"abc", b"xbc", [(0, 1)]),
        (b"abc", b"abx", [(2, 3)]),
        (b"", b"ab", [(0, 2)]),
        (b"a" + b"-" * 8 + b"a", b"b" + b"-" * 8 + b"b", [(0, 10)]),
        (b"a" + b"-" * 9 + b"a", b"b" + b"-" * 9 + b"b", [(0, 1), (10, 11)]),
    ],
)
def test_ranges(first: bytes, second: bytes, ranges: list[tuple[int, int]]) -> None:
    """Both ends, missing bytes, and stretches near each other."""
    assert list(ranges_that_differ(first, second)) == ranges


def test_a_memory_that_differs_everywhere_is_told_in_bounded_room(node: LocalNode, bench: Workbench) -> None:
    """So many ranges of a page, and how many more there are; so many pages of a VM."""
    text = """(module (memory (export "memory") 64) (func (export "_start") (local $n i32)
        (loop $l (i32.store8 (local.get $n) (i32.const {value}))
          (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 64))) (i32.const 0x400000))))))"""
    runs = []
    for value in (1, 2):
        recorded = node.deploy(bytes(wasmtime.wat2wasm(text.replace("{value}", str(value)))))
        runs.append(bench.store.load_run(recorded.run_id))
    told = compare_vms(runs[0], runs[1], (bench, bench)).memory
    pages = PAGES_MAX * 4096 // 65536
    assert len(told) == pages * (RANGES_MAX + 1)
    assert told[-1].place == f"main: page {pages - 1}, further ranges"


def test_blocks_of_a_leader_and_of_a_validator_are_other_things(node: LocalNode, bench: Workbench) -> None:
    """They have numbers, and are not compared: they run other functions, by their roles. Two validators' are."""
    with running_modules() as modules:
        say(modules, 100)
        addresses = {"llm": modules.address, "web": modules.address}
        address = node.deploy(ORACLE.read_bytes()).address
        run = bench.store.load_run(
            node.call(address, "update", ["gen"], options=CallOptions(modules=addresses)).run_id
        )
        honest = rerun(bench, run, "validator", RerunOptions(modules=addresses))
        say(modules, 200)
        other = rerun(bench, run, "validator", RerunOptions(modules=addresses))
    validators = [bench.store.load_run(one.run_id) for one in (honest, other)]
    assert [title_of(note) for note in vm_tree(run, bench).notes[:2]] == [
        "leader of block 0",
        "leader of block 1",
    ]
    assert title_of(vm_tree(validators[0], bench).notes[-1]) == "validator of block 1"
    beside = compare_vms(run, validators[0], (bench, bench))
    assert not [place for place in places(beside) if "block" in place]
    between = compare_vms(validators[0], validators[1], (bench, bench))
    assert [path_of(between.first)] == ["main/block 0"] if between.first else False
    assert places(between)["main/block 0.result.value"] == (True, False)


def test_a_record_that_can_not_be_run_again_says_why(node: LocalNode, bench: Workbench, calls: Any) -> None:
    """A stopped run ends by chance, a forged one departs from its record: neither is an error."""
    run = calls(5)
    recorder = RunRecorder(run.header)
    for event in run.read_line("main"):
        request = (
            StorageWrite(b"x" * 32, 0, b"") if isinstance(event.request, StorageWrite) else event.request
        )
        recorder.line("main").append(request, event.answer)
    forged = recorder.finish(run.footer).open()
    trees = compare_vms(run, forged, (bench, bench))
    assert "can't be run again here" in trees.reason
    assert (trees.differences, trees.memory) == ((), ())
    spin = b'(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
    stopped = node.deploy(bytes(wasmtime.wat2wasm(spin.decode())), options=CallOptions(deadline_ms=100))
    assert "was stopped from outside" in vm_tree(bench.store.load_run(stopped.run_id), bench).reason


def test_an_explanation_has_the_vms_of_the_re_execution(bench: Workbench, calls: Any) -> None:
    """Those of the run that went on behind the difference."""
    run = calls(5)
    recorder = RunRecorder(run.header)
    for event in run.read_line("main"):
        request = event.request
        if isinstance(request, StorageWrite):
            request = StorageWrite(request.slot, request.index, b"\xff" * len(request.data))
        recorder.line("main").append(request, event.answer)
    told = examine(recorder.finish(run.footer).open(), bench).explanation
    assert told is not None
    assert [path_of(note.way) for note in told.vms] == ["main/0", "main/1/0", "main/1", "main/2", "main"]
