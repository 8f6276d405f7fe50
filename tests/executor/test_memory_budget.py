"""`memory_budget`: each charge of spec/executor.md 8.1, what refuses it, and what returns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.memory_budget import BUDGET, MemoryBudget, MemoryCharges
from genvm_replay.executor.stops import VmError

Use = Callable[[MemoryCharges], object]

# What a VM does, bytes it takes.
CHARGES: list[tuple[str, Use, int]] = [
    ("a page of memory", lambda vm: vm.grow_memory(65536), 65536),
    ("the first memory", lambda vm: vm.first_memory(40 << 20), 40 << 20),
    ("three elements", lambda vm: vm.grow_table(3), 192),
    ("the first table", lambda vm: vm.first_table(10), 640),
    ("a file", lambda vm: vm.map_file("/a.txt"), 262),
    ("a file with a name in UTF-8", lambda vm: vm.map_file("/é"), 259),
    ("a descriptor", lambda vm: vm.open_descriptor(), 96),
    ("a result", lambda vm: vm.open_result(1000), 1000),
    ("an archive", lambda vm: vm.resolve_archive(123), 123),
    ("locked slots", lambda vm: vm.lock_slots(64), 64),
    ("nothing", lambda vm: vm.grow_memory(0), 0),
]
REPORTS_FAILURE = ("a page of memory", "three elements")


@pytest.mark.parametrize(("name", "use", "size"), CHARGES, ids=[row[0] for row in CHARGES])
def test_charges(name: str, use: Use, size: int):
    """Exactly enough is enough; one byte less refuses and takes nothing."""
    budget = MemoryBudget(size)
    use(MemoryCharges(budget))
    assert budget.left == 0
    if size == 0:
        return
    short = MemoryBudget(size - 1)
    if name in REPORTS_FAILURE:
        assert use(MemoryCharges(short)) is False
    else:
        with pytest.raises(VmError, match="OOM"):
            use(MemoryCharges(short))
    assert short.left == size - 1


def test_a_full_4_gib_never_fits():
    assert BUDGET == 4_294_967_295
    vm = MemoryCharges(MemoryBudget())
    assert not vm.grow_memory(1 << 32)
    assert vm.grow_memory((1 << 32) - 65536)


def test_vms_share_a_budget_and_return_what_they_took():
    budget = MemoryBudget(1000)
    parent, child = MemoryCharges(budget), MemoryCharges(budget)
    assert parent.grow_memory(600)
    assert not child.grow_memory(401)
    assert child.grow_memory(400)
    child.close()
    assert budget.left == 400
    child.close()
    assert budget.left == 400, "closing twice returns once"
    parent.close()
    assert budget.left == 1000


def test_a_closed_result_returns_at_once():
    budget = MemoryBudget(1000)
    vm = MemoryCharges(budget)
    vm.open_result(700)
    vm.close_result(700)
    assert budget.left == 1000
    vm.close()
    assert budget.left == 1000


def test_locked_slots_stay_charged():
    budget = MemoryBudget(1000)
    vm = MemoryCharges(budget)
    vm.lock_slots(100)
    vm.open_descriptor()
    vm.close()
    assert budget.left == 900


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 500)), max_size=60))
def test_the_budget_is_what_the_vms_alive_took(steps: list[tuple[int, int]]):
    """Vm 0 is dropped and replaced when it comes up with an odd size."""
    budget = MemoryBudget(4000)
    vms = [MemoryCharges(budget) for _ in range(4)]
    for which, size in steps:
        if which == 0 and size % 2:
            vms[0].close()
            vms[0] = MemoryCharges(budget)
        vms[which].grow_memory(size)
        assert budget.left == 4000 - sum(vm.taken.total() for vm in vms) >= 0
