"""Finds where two executions part: each probe runs both up to the same point and compares what is there.

Compared are the main VM's memory (its canonical hash), its stack, what it has asked of the world, and how it ended. A
point is an amount of fuel; where one side does not count it, a request of the main line. What is found is a place where
they part: equal at one point, different at the next. If they differ for a while and are equal again, there are several
such places, and any of them may be found; executions with equal ends are called equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ..errors import UsageError
from ..journal.stored import StoredRun
from .fuel_clock import FUEL_MAX, GuestState, state_at_event, state_at_fuel
from .sides import ClockKind, Side
from .workbench import Workbench

Pair = tuple[GuestState, GuestState]
Probe = Callable[[int], Pair]
ALL: Final = ("memory", "stack", "requests", "outcome")
OTHER_IMAGES: Final = (
    "they start from different snapshots: memory and fuel can't be compared, only what they ask"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """Where two executions part.

    Attributes:
        clock: what a point is: an amount of fuel, or the number of a request of the main line.
        point: the least one at which they differ, 1 where they do from the start; None: their ends are equal.
        fields: what differs there: names of ALL.
        pages: numbers of the memory pages that differ there.
        at: both states there, or at their ends where nothing differs.
        before: both states at one less, where they are equal in what is compared; None at point 1.
        probes: how often both were run.
        compared: what is compared: names of ALL.
        notes: what could not be compared, and why.
        fuel_between: of a point that is a request: the fuel of both its ends, if one side's record tells it.
    """

    clock: ClockKind = "fuel"
    point: int | None
    fields: tuple[str, ...]
    pages: tuple[int, ...]
    at: Pair
    before: Pair | None
    probes: int
    compared: tuple[str, ...] = ALL
    notes: tuple[str, ...] = ()
    fuel_between: tuple[int, int] | None = None

    @property
    def fuel(self) -> int | None:
        """The amount of fuel at which they part; None where they don't, or where fuel is not the clock."""
        return self.point if self.clock == "fuel" else None


def bisect_runs(first: StoredRun, second: StoredRun, bench: Workbench) -> Parting:
    """Find where two recorded runs part.

    Raises:
        UsageError: one of them was stopped from outside, so it has no end of its own.
        Divergence: one of them departs from its own record.
    """
    sides = Side(run=first, bench=bench), Side(run=second, bench=bench)
    _check_ends(sides)
    fields, notes = _comparable(sides)
    if fields != ALL:
        return bisect_sides(*sides)
    found = bisect(lambda fuel: (state_at_fuel(first, bench, fuel), state_at_fuel(second, bench, fuel)))
    return replace(found, notes=notes)


def bisect_sides(first: Side, second: Side) -> Parting:
    """Find where two executions part: by fuel where both count it alike, else by request.

    Raises:
        UsageError: a recorded run was stopped from outside, so it has no end of its own.
    """
    sides = first, second
    _check_ends(sides)
    fields, notes = _comparable(sides)
    if fields == ALL:
        found, reason = _by_fuel(sides)
        if found is not None:
            return replace(found, notes=notes)
        notes += (reason,)
    found = _by("events", sides, fields)
    return replace(found, notes=notes, fuel_between=_fuel_between(found, sides))


def _by_fuel(sides: tuple[Side, Side]) -> tuple[Parting | None, str]:
    """Where two executions part by fuel, or why that can't be said."""
    one, other = (side.metered() for side in sides)
    if one is None or other is None:
        silent = ", ".join(side.name for side in sides if side.metered() is None)
        return None, f"{silent}: this build counts no fuel, so the point is a request, not a block"
    found = _by("fuel", (one, other), ALL)
    if found.point is None and (one, other) != sides:
        return None, f"{one.name} and {other.name}, which count fuel, do not part"
    return found, ""


def _check_ends(sides: tuple[Side, Side]) -> None:
    for side in sides:
        if side.run.footer.interrupted:
            tx = side.run.header.tx.hex()
            raise UsageError(f"0x{tx} was stopped from outside: it has no end to compare")


def _comparable(sides: tuple[Side, Side]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What of two sides can be compared, and notes on what can't."""
    notes = [
        f"{side.name}: recorded with another {', '.join(side.other_parts)}, run with those that are here"
        for side in sides
        if side.other_parts
    ]
    if sides[0].start() == sides[1].start():
        return ALL, tuple(notes)
    return ("requests", "outcome"), (*notes, OTHER_IMAGES)


def _by(clock: ClockKind, sides: tuple[Side, Side], fields: tuple[str, ...]) -> Parting:
    found = bisect(
        lambda point: (sides[0].state(clock, point), sides[1].state(clock, point)),
        fields=fields,
        length=_fuel_of if clock == "fuel" else _events_of,
    )
    return replace(found, clock=clock)


def _fuel_of(state: GuestState) -> int:
    return FUEL_MAX if state.departed else 1 + (state.fuel_used or 0)


def _events_of(state: GuestState) -> int:
    return state.events + (1 if state.departed else 0)


def _fuel_between(found: Parting, sides: tuple[Side, Side]) -> tuple[int, int] | None:
    """The fuel of a recorded execution at the requests around the point, where its record has them."""
    side = next((side for side in sides if side.code is None and not side.other_runners), None)
    if side is None or found.point is None:
        return None
    count = next(line.count for line in side.run.lines() if line.name == "main")
    ends = [
        state_at_event(side.run, side.bench, min(seq, count - 1)).fuel_used or 0
        for seq in (found.point - 1, found.point)
    ]
    return ends[0], ends[1]


def bisect(
    probe: Probe, *, fields: tuple[str, ...] = ALL, length: Callable[[GuestState], int] = _fuel_of
) -> Parting:
    """Find where two executions part, with at most log2(length) + 2 probes, of the length of the shorter one.

    Args:
        probe: runs both up to a point; FUEL_MAX for their ends.
        fields: what is compared.
        length: the point at which an execution, of which the end is given, has surely ended.
    """
    seen: dict[int, Pair] = {}

    def differs(point: int) -> bool:
        seen[point] = probe(point)
        return bool(differences(*seen[point], fields))

    if not differs(FUEL_MAX):
        return Parting(
            point=None, fields=(), pages=(), at=seen[FUEL_MAX], before=None, probes=1, compared=fields
        )
    # One of them has surely ended there, so they differ: no probe is needed.
    equal, different = 0, max(1, min(length(state) for state in seen[FUEL_MAX]))
    while different - equal > 1:
        middle = (equal + different) // 2
        if differs(middle):
            different = middle
        else:
            equal = middle
    at = seen.get(different) or seen[FUEL_MAX]
    return Parting(
        point=different,
        fields=differences(*at, fields),
        pages=pages_that_differ(*at) if "memory" in fields else (),
        at=at,
        before=seen.get(equal),
        probes=len(seen),
        compared=fields,
    )


def differences(first: GuestState, second: GuestState, fields: tuple[str, ...] = ALL) -> tuple[str, ...]:
    """Names of what differs between two states; one that has departed from its record differs in what it asks."""
    if first.departed or second.departed:
        return () if (first.departed, first.events) == (second.departed, second.events) else ("requests",)
    one, other = _compared(first), _compared(second)
    if "memory" in fields and None not in (first.fuel_used, second.fuel_used):
        one["outcome"], other["outcome"] = (
            (one["outcome"], first.end_fuel),
            (other["outcome"], second.end_fuel),
        )
    return tuple(name for name in fields if one[name] != other[name])


def _compared(state: GuestState) -> dict[str, object]:
    end = state.outcome
    return {
        "memory": [vm.memory_hash for vm in state.vms],
        "stack": [vm.frames for vm in state.vms],
        "requests": state.requests,
        "outcome": None if end is None else (end.kind, end.payload),
    }


def pages_that_differ(first: GuestState, second: GuestState) -> tuple[int, ...]:
    """Numbers of the pages of the main VM's memory that differ."""
    if not first.vms or not second.vms:
        return ()
    one, other = first.vms[-1].pages, second.vms[-1].pages
    return tuple(number for number in sorted({*one, *other}) if one.get(number) != other.get(number))
