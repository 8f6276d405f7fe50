"""A stopped Python guest tells its local variables, and the storage so far has the names of the contract's fields."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genvm_replay.calldata import Address
from genvm_replay.executor.python_runtime.look import LOCALS_MAX, TEXT_CHARS_MAX, PythonFrame
from genvm_replay.journal.events import StorageWrite, WriteStream
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.fuel_clock import GuestState, state_at_event, state_at_fuel
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.storage_layout import storage_layout
from genvm_replay.replay.storage_view import code_in, storage_view
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, STORAGE

LOCALS = (
    HEADER
    + """
class Odd:
    def __init__(self):
        self.side = [1, 2]

    def __repr__(self):
        raise RuntimeError("a contract's own code is not called")

    @property
    def __dict__(self):
        raise RuntimeError("nor is this")

class Plain:
    def __init__(self):
        self.side, self.other = [1, 2], "x"

class Looked(gl.Contract):
    n: u32
    names: TreeMap[str, u32]

    @gl.public.write
    def go(self, times: int, who: Address) -> int:
        odd, plain, names = Odd(), Plain(), self.names
        text, numbers = "a" * 1000, list(range(1000))
        deep = [[[[[times]]]]]
        mixed = {"k": (1, 2.5, b"xx", None, True), who: {3}}
        huge = 10 ** 6000
        kind, function = Odd, lambda x: x
        control = "\\x1b[31m\\x1e\\x1f\\n"
        self.n = times
        print("a line")
        self.n = self._inner(times + 1)
        return 1

    def _inner(self, times):
        total = sum(number for number in range(times))
        self.n = total
        return total

    @gl.public.write
    def many(self) -> None:
        exec("\\n".join(f"v{number} = {number}" for number in range(100)) + "\\nthis.n = 1", {"this": self})
        scope = {f"v{number}": number for number in range(100)}
        self.n = 2

    @gl.public.write
    def trap(self) -> None:
        import sys
        sys._getframe = None
        self.n = 3

    @gl.public.write
    def flood(self) -> None:
        import posix
        old = posix.write
        def write(number, data):
            while True:
                old(number, bytes(1 << 18))
        posix.write = write
        self.n = 4
"""
)
WHO = Address(b"w" * 20)


@pytest.fixture(scope="module")
def looked(runtime) -> Iterator[tuple[LocalNode, Workbench, Address]]:
    """A contract whose methods have local variables of many kinds."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    node = LocalNode(bench)
    yield node, bench, node.deploy(LOCALS.encode()).address
    bench.close()


def called(looked: tuple[LocalNode, Workbench, Address], method: str, *args: object) -> StoredRun:
    node, bench, address = looked
    return bench.store.load_run(node.call(address, method, list(args)).run_id)  # type: ignore[arg-type]


def places(run: StoredRun, kind: type) -> list[int]:
    return [n for n, event in enumerate(run.read_line("main")) if isinstance(event.request, kind)]


def method(state: GuestState, name: str) -> PythonFrame:
    return next(frame for frame in state.vms[0].python if frame.function == name)


def test_values_are_told_without_calling_the_contract(looked) -> None:
    """Plain values as they are, containers and objects by what they hold, cut where they are long."""
    run = called(looked, "go", 3, WHO)
    state = state_at_event(run, looked[1], places(run, StorageWrite)[0], with_locals=True)
    told = dict(method(state, "go").locals)
    assert told["times"] == "3"
    assert told["who"] == WHO.checksummed
    assert told["self"] == "<Looked in storage>"
    assert told["plain"] == "<Plain side=[1, 2], other='x'>"
    assert told["odd"].startswith("<Odd")
    assert told["names"].startswith("<TreeMap")
    assert told["text"] == "'" + "a" * (TEXT_CHARS_MAX - 1) + "..."
    assert told["numbers"] == "[0, 1, 2, 3, 4, 5, 6, 7, ...]"
    assert told["deep"].startswith("[[[<list")
    assert told["mixed"] == "{'k': (1, 2.5, b'xx', None, True), " + WHO.checksummed + ": {3}}"
    assert told["huge"] == "<int>"
    assert (told["kind"], told["function"]) == ("<class Odd>", "<function>")
    assert told["control"] == r"'\x1b[31m\x1e\x1f\n'"


def test_innermost_first_and_stepping_gives_the_same(looked) -> None:
    """Each function has variables of its own; a second look is the same as the first."""
    run = called(looked, "go", 3, WHO)
    inner = places(run, StorageWrite)[1]
    state = state_at_event(run, looked[1], inner, with_locals=True)
    functions = [frame.function for frame in state.vms[0].python if frame.file == "/contract.py"]
    assert functions == ["_inner", "go"]
    assert dict(method(state, "_inner").locals)["total"] == "6"
    assert state_at_event(run, looked[1], inner, with_locals=True) == state
    frame = method(state, "go")
    assert f'File "{frame.file}", line {frame.line} in go' in state.vms[0].traceback


def test_looking_leaves_no_trace(looked) -> None:
    """Memory, fuel, pages and stack are those of a look without locals, and the run replays as before."""
    run = called(looked, "go", 3, WHO)
    seq = places(run, StorageWrite)[1]
    with_them, without = (
        state_at_event(run, looked[1], seq, with_locals=asked).vms[0] for asked in (True, False)
    )
    assert without.python == ()
    for name in ("memory_hash", "pages", "fuel_used", "frames", "traceback", "memory_bytes"):
        assert getattr(with_them, name) == getattr(without, name)
    assert reexecute(run, looked[1]).identical


def test_between_two_calls_of_the_host(looked) -> None:
    """An amount of fuel is a point too: the sum is being made there."""
    run = called(looked, "go", 2000, WHO)
    first, last = (
        state_at_event(run, looked[1], seq).fuel_used or 0 for seq in places(run, StorageWrite)[:2]
    )
    state = state_at_fuel(run, looked[1], (first + last) // 2, with_locals=True)
    assert dict(method(state, "_inner").locals)["times"] == "2001"


def test_while_python_waits_for_a_stream_it_is_asked_a_little_earlier(looked) -> None:
    """A print is where people look: the contract's functions have the variables that they have there."""
    run = called(looked, "go", 3, WHO)
    [printing] = places(run, WriteStream)
    state = state_at_event(run, looked[1], printing, with_locals=True)
    [vm] = state.vms
    [frame] = vm.python
    assert (frame.function, dict(frame.locals)["times"]) == ("go", "3")
    assert f'File "{frame.file}", line {frame.line} in go' in vm.traceback
    assert vm.fuel_used == state_at_event(run, looked[1], printing).vms[0].fuel_used
    assert state.events == printing


def test_many_variables_are_cut(looked) -> None:
    """So many of a function, and no more."""
    run = called(looked, "many")
    state = state_at_event(run, looked[1], places(run, StorageWrite)[0], with_locals=True)
    assert len(method(state, "<module>").locals) <= LOCALS_MAX
    assert dict(method(state, "many").locals)["self"] == "<Looked in storage>"


@pytest.mark.parametrize("name", ["trap", "flood"])
def test_a_hostile_contract_tells_nothing_and_harms_nothing(looked, name: str) -> None:
    """What it has broken gives no variables, in bounded time and room; the rest of the state is there."""
    run = called(looked, name)
    [vm] = state_at_event(run, looked[1], places(run, StorageWrite)[0], with_locals=True).vms
    assert vm.python == ()
    assert f" in {name}" in vm.traceback


def test_storage_so_far_by_field(node: LocalNode, bench: Workbench) -> None:
    """What was read and what was written has the names of the source, with the values of that moment."""
    address = node.deploy(STORAGE.encode(), [5]).address
    run = bench.store.load_run(node.call(address, "put", ["alice", 7, ["x", "yz"]]).run_id)
    end = state_at_fuel(run, bench, (1 << 63) - 1)
    code = code_in(end.known)
    assert code == STORAGE.encode()
    layout = storage_layout(bench.runtime, code)
    told = {one.name: (one.value, one.written) for one in storage_view(layout, end.known, end.written)}
    assert told["total"] == (12, True)
    assert told["entries['alice'].amount"] == (7, True)
    assert told["entries['alice'].tags[1]"] == ("yz", True)
    assert not [name for name in told if name.startswith(("links", "root", "nodes", "key"))]
    last = places(run, StorageWrite)[-1]
    before = state_at_event(run, bench, last)
    earlier = {
        one.name: (one.value, one.written) for one in storage_view(layout, before.known, before.written)
    }
    assert earlier["entries['alice'].amount"] == (7, True)
    assert earlier["total"] != told["total"]


def test_without_a_layout_there_are_no_fields(node: LocalNode, bench: Workbench) -> None:
    """Before the code is read nothing is known of the contract."""
    run = bench.store.load_run(node.deploy(STORAGE.encode(), [5]).run_id)
    assert code_in(state_at_event(run, bench, 0).known) is None
    assert list(storage_view([], (), ())) == []
