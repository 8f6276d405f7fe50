"""Random programs do the same with and without the rules, on both engines: results, traps, memory, globals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.executor.contract_module.account import FULL
from genvm_replay.executor.engine import Build

from .guests import ENGINES, Guest
from .programs import F32, F64, GLOBALS, USED_FLOATS, Program, program

MODULES = 2_000
AT_ONCE = 10
FLOATS = (F32, F64)
Seen = tuple[list[object], bytes, list[object]]


def plain(value: object) -> object:
    """NaN is not equal to itself."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def run(guest: Guest, made: Program, *, balanced: bool) -> Seen:
    """Call each function in turn until one traps."""
    ends: list[object] = []
    for number, (params, _) in enumerate(made.functions):
        arguments = [float(number) if kind in FLOATS else number for kind in params]
        ends.append(plain(guest.call(f"f{number}", *arguments)))  # type: ignore[arg-type]
        if isinstance(ends[-1], str) and ends[-1] != "nan":
            break
        assert not balanced or guest.account == FULL, "all that was charged is given back"
    values = [plain(guest.exports[f"g{i}"].value(guest.store)) for i in range(len(GLOBALS))]  # type: ignore[union-attr]
    return ends, guest.memory(), values


@settings(deadline=None, max_examples=MODULES // AT_ONCE)
@given(st.integers(0, 1 << 40))
def test_rules_change_nothing_else(seed: int):
    for number in range(AT_ONCE):
        made = program(seed * AT_ONCE + number)
        expected = run(Guest(made.code, rules=False), made, balanced=False)
        for build in ENGINES:
            assert run(Guest(made.code, build), made, balanced=True) == expected


@settings(deadline=None, max_examples=MODULES // AT_ONCE // 4)
@given(st.integers(0, 1 << 40))
def test_floats(seed: int):
    """Computed with in the nondeterministic mode; in the other, the first use ends the program."""
    for number in range(AT_ONCE):
        made = program(seed * AT_ONCE + number, floats=True)
        expected = run(Guest(made.code, rules=False), made, balanced=False)
        assert run(Guest(made.code, deterministic=False), made, balanced=True) == expected
        found = run(Guest(made.code), made, balanced=True)
        assert run(Guest(made.code, Build.PULLEY), made, balanced=True) == found
        if expected[2][USED_FLOATS]:
            assert found[0][-1] == "DeterministicMode"
        else:
            assert found == expected


@settings(deadline=None, max_examples=MODULES // AT_ONCE // 4)
@given(st.integers(0, 1 << 40))
def test_too_deep_recursion(seed: int):
    """Both engines stop at the same point."""
    for number in range(AT_ONCE):
        made = program(seed * AT_ONCE + number, calls=3_000)
        assert run(Guest(made.code), made, balanced=True) == run(
            Guest(made.code, Build.PULLEY), made, balanced=True
        )


@pytest.mark.parametrize("floats", [False, True])
def test_the_generator_reaches_what_matters(floats: bool):
    ends = {
        end if isinstance(end, str) else "result"
        for seed in range(300)
        for made in [program(seed, floats=floats, calls=3_000)]
        for end in run(Guest(made.code), made, balanced=True)[0]
    }
    wanted = {
        "result",
        "StackOverflow",
        "UnreachableCodeReached",
        "MemoryOutOfBounds",
        "IntegerDivisionByZero",
    }
    assert ends >= wanted | ({"DeterministicMode"} if floats else set())
