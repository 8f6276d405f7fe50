"""`${NAME}` in environment variables (spec/executor.md 6.3)."""

from __future__ import annotations

import pytest

from genvm_replay.executor.runners.environment import TOTAL_SIZE_MAX, Environment
from genvm_replay.executor.stops import VmError

TEMPLATES = [
    ("plain", "plain"),
    ("", ""),
    ("${A}", "one"),
    ("x${A}y${B_2}z", "xoney${A}z"),
    ("${ENV[HOME]}", ""),
    ("a${ENV[]}b", "ab"),
    ("$A ${A ${} $${A} ${ENV[x]", "$A ${A ${} $one ${ENV[x]"),
    ("${A-b}", "${A-b}"),
    ("${\u00e9}", "${\u00e9}"),
    ("${ENV[A}", "${ENV[A}"),
]


def environment() -> Environment:
    made = Environment()
    made.add("A", "one")
    made.add("DOLLAR", "$")
    made.add("B_2", "${DOLLAR}{A}")
    return made


@pytest.mark.parametrize(("template", "value"), TEMPLATES)
def test_templates(template: str, value: str) -> None:
    """Values are put in as they are: what they contain is no template again."""
    made = environment()
    made.add("X", template)
    assert f"X={value}" in made.lines()


@pytest.mark.parametrize("template", ["${C}", "${a}", "${X}", "${A}${" + "n" * 5000 + "}"])
def test_unknown_names(template: str) -> None:
    """Only earlier variables count, and case does."""
    with pytest.raises(VmError) as caught:
        environment().add("X", template)
    assert caught.value.message == "invalid_contract"
    assert len(caught.value.cause) < 200


def test_sorted_and_overridden() -> None:
    """A later value wins and may use the earlier one."""
    made = Environment()
    for name, value in [("b", "1"), ("a", "2"), ("B", "3"), ("b", "${b}${b}")]:
        made.add(name, value)
    assert made.lines() == ("B=3", "a=2", "b=11")


def test_growth_is_bounded() -> None:
    """Each line doubles: forty would be a terabyte."""
    made = Environment()
    made.add("A", "x" * 1000)

    def double_often() -> None:
        for _ in range(40):
            made.add("A", "${A}${A}")

    with pytest.raises(VmError) as caught:
        double_often()
    assert caught.value.message == "OOM"
    with pytest.raises(VmError):
        made.add("B", "${A}" * (TOTAL_SIZE_MAX // 1000))
