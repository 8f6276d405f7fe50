"""Finds where two executions part, by fuel: each probe runs both up to the same amount and compares what is there.

Compared are the main VM's memory (its canonical hash), its stack, what it has asked of the world, and how it ended.
What is found is a place where they part: equal at one amount of fuel, different at the next. If they differ for a
while and are equal again, there are several such places, and any of them may be found; executions with equal ends are
called equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UsageError
from ..journal.stored import StoredRun
from .fuel_clock import FUEL_MAX, GuestState, state_at_fuel
from .workbench import Workbench

Pair = tuple[GuestState, GuestState]
Probe = Callable[[int], Pair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """Where two executions part.

    Attributes:
        fuel: the least amount at which they differ, 1 where they do from the start; None: their ends are equal.
        fields: what differs there: `memory`, `stack`, `requests`, `outcome`.
        pages: numbers of the memory pages that differ there.
        at: both states there, or at their ends where nothing differs.
        before: both states at one less, where they are equal; None at fuel 1.
        probes: how often both were run.
    """

    fuel: int | None
    fields: tuple[str, ...]
    pages: tuple[int, ...]
    at: Pair
    before: Pair | None
    probes: int


def bisect_runs(first: StoredRun, second: StoredRun, bench: Workbench) -> Parting:
    """Find where two recorded runs part.

    Raises:
        UsageError: one of them was stopped from outside, so it has no end of its own.
        Divergence: one of them departs from its own record.
    """
    for run in (first, second):
        if run.footer.interrupted:
            raise UsageError(f"0x{run.header.tx.hex()} was stopped from outside: it has no end to compare")
    return bisect(lambda fuel: (state_at_fuel(first, bench, fuel), state_at_fuel(second, bench, fuel)))


def bisect(probe: Probe) -> Parting:
    """Find where two executions part, with at most log2(fuel) + 2 probes, where `fuel` is what the shorter one uses.

    Args:
        probe: runs both up to an amount of fuel; FUEL_MAX for all of it.
    """
    seen: dict[int, Pair] = {}

    def differs(fuel: int) -> bool:
        seen[fuel] = probe(fuel)
        return bool(differences(*seen[fuel]))

    if not differs(FUEL_MAX):
        return Parting(fuel=None, fields=(), pages=(), at=seen[FUEL_MAX], before=None, probes=1)
    # With one more than the shorter one uses it has surely ended, so they differ there: no probe is needed.
    equal, different = 0, 1 + min(state.fuel_used or 0 for state in seen[FUEL_MAX])
    while different - equal > 1:
        middle = (equal + different) // 2
        if differs(middle):
            different = middle
        else:
            equal = middle
    at = seen.get(different) or seen[FUEL_MAX]
    return Parting(
        fuel=different,
        fields=differences(*at),
        pages=pages_that_differ(*at),
        at=at,
        before=seen.get(equal),
        probes=len(seen),
    )


def differences(first: GuestState, second: GuestState) -> tuple[str, ...]:
    """Names of what differs between two states."""
    one, other = _compared(first), _compared(second)
    return tuple(name for name in one if one[name] != other[name])


def _compared(state: GuestState) -> dict[str, object]:
    """The fuel counts once a run has ended: before, it only tells where a function or a loop begins."""
    end = state.outcome
    return {
        "memory": [vm.memory_hash for vm in state.vms],
        "stack": [vm.frames for vm in state.vms],
        "requests": state.requests,
        "outcome": None if end is None else (end.kind, end.payload, state.fuel_used),
    }


def pages_that_differ(first: GuestState, second: GuestState) -> tuple[int, ...]:
    """Numbers of the pages of the main VM's memory that differ."""
    if not first.vms or not second.vms:
        return ()
    one, other = first.vms[-1].pages, second.vms[-1].pages
    return tuple(number for number in sorted({*one, *other}) if one.get(number) != other.get(number))
