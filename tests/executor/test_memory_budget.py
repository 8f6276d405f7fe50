"""`memory_budget`: who is charged for what, what is refused at the last byte, what returns (spec/executor.md 8.1)."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.executor.memory_budget import DESCRIPTOR, MemoryBudget
from genvm_replay.executor.stops import VmError
from genvm_replay.executor.wasip1.descriptors import Descriptors
from genvm_replay.executor.wasip1.files import Directory, File

from .talking import Talk
from .test_sub_vms import LIMITS, Ran, box, nondet, run

PAGE = 65536
REFUSED = 0xFF  # the low byte of -1


def grow(pages: int) -> str:
    """Grow and print the low byte of what memory.grow says."""
    return f"(call $errno (memory.grow (i32.const {pages})))"


@pytest.fixture(scope="module")
def thread() -> GuestThread:
    return GuestThread()


def run_with(thread: GuestThread, talk: Talk, codes: int, pages: int, more: int = 0) -> Ran:
    """Run with a budget of so many times the contract's code, so many pages, and some bytes."""
    size = codes * len(talk.code()) + pages * PAGE + more
    return run(thread, talk, limits=msgspec.structs.replace(LIMITS, memory_bytes=size))


@pytest.mark.parametrize(("more", "answer"), [(0, 2), (-1, REFUSED)])
def test_growth_stops_at_the_last_byte(thread: GuestThread, more: int, answer: int) -> None:
    """The code counts twice, as read and as archive; then pages, to the byte. A refusal is -1 and changes nothing."""
    ran = run_with(thread, Talk([grow(2), grow(0)]), 2, 4, more)
    assert ran.out == bytes([answer, 4 if answer == 2 else 2])


@pytest.mark.parametrize(("more", "answer"), [(0, 2), (-1, REFUSED)])
def test_a_sandbox_has_what_its_caller_leaves(thread: GuestThread, more: int, answer: int) -> None:
    """The caller's memory as it is now, grown; the archive again, as every VM resolves it."""
    ran = run_with(thread, Talk([grow(2), box()], sandbox=[grow(1)]), 3, 4 + 2 + 1, more)
    assert ran.out[:2] == bytes([2, answer])


def test_what_a_dropped_vm_held_returns(thread: GuestThread) -> None:
    """The second sandbox gets as much as the first, less the first one's result."""
    ran = run_with(thread, Talk([box(), box()], sandbox=[grow(1)]), 3, 2 + 2 + 1, 2 * DESCRIPTOR + 100)
    assert ran.out.count(bytes([2])) == 2
    assert REFUSED not in ran.out


def test_a_block_has_a_budget_of_its_own(thread: GuestThread) -> None:
    """What deterministic VMs hold does not concern it."""
    ran = run_with(thread, Talk([grow(2), nondet()], stage=[grow(1)]), 2, 4, 2 * DESCRIPTOR)
    assert ran.out[:2] == bytes([2, 2])


@pytest.mark.parametrize(("more", "kind"), [(0, "return"), (-1, "vm_error")])
def test_a_result_is_a_file_and_a_descriptor(thread: GuestThread, more: int, kind: str) -> None:
    """The sandbox does not fit, which is data; that data does not fit either at one byte less: OOM."""
    ran = run_with(thread, Talk([box()]), 2, 2, DESCRIPTOR + len(b"\x02OOM") + more)
    assert ran.outcome == (kind, None if kind == "return" else "OOM")


@pytest.mark.parametrize("pages", [1, 0])
def test_a_first_memory_that_does_not_fit(thread: GuestThread, pages: int) -> None:
    """Nothing of the contract runs."""
    ran = run_with(thread, Talk([grow(0)]), 2, pages, PAGE - 1)
    assert (ran.outcome, ran.out) == (("vm_error", "OOM"), b"")


def test_closing_a_result_returns_its_length_but_not_its_number() -> None:
    """A number that was used once is never charged again."""
    budget = MemoryBudget(2 * DESCRIPTOR + 10)
    table = Descriptors.standard(Directory("/"), b"message", budget)
    for _ in range(3):
        budget.take(10, "a result")
        number = table.reserve()
        table.place(number, File(bytes(10)), charged=10)
        assert budget.in_use() == DESCRIPTOR + 10
        table.close(number)
    assert table.close(0), "the message was never charged"
    assert budget.in_use() == DESCRIPTOR
    assert [table.reserve(), table.reserve()] == [0, number]
    assert table.reserve() == number + 1
    with pytest.raises(VmError, match="OOM"):
        table.reserve()


@dataclasses.dataclass
class Linear:
    """A memory that grows as long as it is let."""

    size: int = 0
    limit: int = 0


@given(st.integers(0, 1000), st.lists(st.tuples(st.sampled_from("tgm"), st.integers(0, 400))))
def test_nothing_exceeds_the_budget(size: int, steps: list[tuple[str, int]]) -> None:
    """Whatever is taken, given back and grown: all together never more than the size, and exactly what was asked."""
    budget, linear, taken = MemoryBudget(size), Linear(limit=size), []
    budget.attach(lambda: linear.size, lambda limit: setattr(linear, "limit", limit))
    for kind, amount in steps:
        if kind == "t":
            fits = amount <= size - sum(taken) - linear.size
            try:
                budget.take(amount, "something")
            except VmError:
                assert not fits
            else:
                assert fits
                taken.append(amount)
        elif kind == "g" and taken:
            budget.give(taken.pop())
        elif kind == "m" and linear.size + amount <= linear.limit:
            linear.size += amount
        assert budget.in_use() == sum(taken) + linear.size <= size
