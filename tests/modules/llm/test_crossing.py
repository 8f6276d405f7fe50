"""Answers that went through Lua and came back."""

from __future__ import annotations

import math

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.crossing import read_result, restore

ANSWER = {
    "a": None,
    "b": [],
    "c": {},
    "d": [1, None, 3],
    "e": 2**70,
    "huge": -(10**400),
    "f": {"g": [{}, "x"]},
    "h": True,
    "i": -5,
}
CROSSED = {
    "b": {},
    "c": {},
    "d": {1: 1, 3: 3},
    "e": float(2**70),
    "huge": -math.inf,
    "f": {"g": [{}, b"x"]},
    "h": True,
    "i": -5.0,
}


@pytest.mark.parametrize(
    "returned",
    [CROSSED, {**CROSSED, "b": [], "c": []}, {**CROSSED, "d": [1, None, 3], "a": None}, ANSWER],
)
def test_an_answer_that_comes_back_as_it_went_in_is_the_answer(returned):
    """With its nulls, empty lists and large numbers."""
    assert restore(returned, [{"other": 1}, ANSWER]) is ANSWER


@pytest.mark.parametrize("change", [{"h": 1}, {"i": -6}, {"b": [1]}, {"a": False}, {"d": {1: 1, 3: 4}}])
def test_what_a_script_changed_is_its_own(change):
    """A boolean is no number."""
    returned = {**CROSSED, **change}
    assert restore(returned, [ANSWER]) is returned


@pytest.mark.parametrize(
    ("result", "kind", "data"),
    [
        ({"data": "x", "consumed_gen": 0, "more": 1}, "text", "x"),
        ({"data": b"x\xff", "consumed_gen": 3.0}, "text", "x�"),
        ({"data": True, "consumed_gen": 0}, "bool", True),
        ({"data": [], "consumed_gen": 0}, "json", {}),
        ({"data": {"a": 0.5, "b": [1.0]}, "consumed_gen": 0}, "json", {"a": "0.5", "b": [1]}),
    ],
)
def test_a_result_is_read(result, kind, data):
    """A script's own numbers follow the rule for answers."""
    read = read_result(result, [], kind)
    assert read == {"data": data, "consumed_gen": int(result["consumed_gen"])}
    assert type(read["consumed_gen"]) is int


@pytest.mark.parametrize(
    ("result", "kind", "reason"),
    [
        (None, "text", "a table with data"),
        ({"data": "x"}, "text", "consumed_gen"),
        ({"data": "x", "consumed_gen": -1}, "text", "consumed_gen"),
        ({"data": "x", "consumed_gen": 0.5}, "text", "consumed_gen"),
        ({"data": "x", "consumed_gen": True}, "text", "consumed_gen"),
        ({"data": {"a": 1}, "consumed_gen": 0}, "text", "a string is wanted"),
        ({"data": "true", "consumed_gen": 0}, "bool", "a boolean is wanted"),
        ({"data": [1], "consumed_gen": 0}, "json", "a table with names"),
    ],
)
def test_a_result_of_another_kind_is_the_scripts_fault(result, kind, reason):
    """The executor would end the run with less of a reason (spec/manager-modules.md 1.4)."""
    with pytest.raises(ModuleError) as caught:
        read_result(result, [], kind)
    assert (caught.value.causes, caught.value.fatal) == (("SCRIPT_RESULT",), True)
    assert reason in caught.value.ctx["reason"]
