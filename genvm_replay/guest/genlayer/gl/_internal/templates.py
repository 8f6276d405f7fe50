"""Nondeterministic blocks that a language model judges by one of the host's templates (sdk.md section 6.4)."""

import dataclasses
import typing

from genlayer.gl._internal.answers import ask_module
from genlayer.gl.vm import Result, Return

_T = typing.TypeVar("_T")


@dataclasses.dataclass
class Comparative:
    """A validator: compares what `fn` gives here with what it gave the leader."""

    fn: typing.Callable[[], typing.Any]
    principle: str

    def __call__(self, leaders: Result[typing.Any]) -> bool:
        """Tell whether the model holds them to be equivalent."""
        mine = self.fn()
        if not isinstance(leaders, Return):
            return False
        return _fill(
            bool,
            "EqComparative",
            leader_answer=format(leaders.calldata),
            validator_answer=format(mine),
            principle=self.principle,
        )


@dataclasses.dataclass
class NonComparative:
    """A leader that has a model do a task, and a validator that has one judge the answer."""

    input: typing.Callable[[], str] | str
    task: str
    criteria: str

    def lead(self) -> str:
        """Give the model's answer."""
        return _fill(
            str, "EqNonComparativeLeader", input=self._read(), task=self.task, criteria=self.criteria
        )

    def judge(self, leaders: Result[str]) -> bool:
        """Tell whether the model holds the leader's answer to fulfil the criteria."""
        given = self._read()
        if not isinstance(leaders, Return):
            return False
        return _fill(
            bool,
            "EqNonComparativeValidator",
            input=given,
            task=self.task,
            criteria=self.criteria,
            output=leaders.calldata,
        )

    def _read(self) -> str:
        given = self.input if isinstance(self.input, str) else self.input()
        assert isinstance(given, str), (
            f"the function given to prompt_non_comparative returns text, not {type(given).__name__} {given!r:.60}; "
            "use json.dumps or str"
        )
        return given


def _fill(answer: type[_T], template: str, /, **fields: str) -> _T:
    given: object = ask_module({"ExecPromptTemplate": {"template": template, **fields}}).get()
    assert isinstance(given, answer), f"the host answered {template} with {type(given).__name__}"
    return given
