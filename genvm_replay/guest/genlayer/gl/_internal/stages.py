"""What runs in the VMs of a nondeterministic block (sdk.md sections 5.4, 6.4).

The leader's VM calls `lead`, a validator's one of the others; each gets the author's functions bound in front. These
functions travel to the other VM by name, the author's by value.
"""

import functools
import typing

from genlayer.gl.vm import Result, Return, UserError, VMError, decode_result, spawn_sandbox

_Leader: typing.TypeAlias = typing.Callable[[], typing.Any]
_Validator: typing.TypeAlias = typing.Callable[[Result[typing.Any]], bool]
_CompareUser: typing.TypeAlias = typing.Callable[[UserError, UserError], bool]
_CompareVm: typing.TypeAlias = typing.Callable[[VMError, VMError], bool]


def lead(leader: _Leader, _stage_data: None) -> typing.Any:
    """Run the leader's function."""
    return leader()


def judge(validator: _Validator, stage_data: dict[str, bytes]) -> bool:
    """Ask the validator's function whether it agrees with the leader's result."""
    leaders = decode_result(stage_data["leaders_result"])
    try:
        vote = validator(leaders)
    except (TypeError, AttributeError) as error:
        if "'Return'" in str(error):  # how CPython names the type where a value was expected
            error.add_note(
                "a validator function gets a gl.vm.Result; the leader's value is in its `.calldata`"
            )
        raise
    return _vote(validator, vote)


def judge_in_sandbox(
    validator: _Validator,
    compare_user_errors: _CompareUser,
    compare_vm_errors: _CompareVm,
    stage_data: dict[str, bytes],
) -> bool:
    """Ask the validator's function in a sandbox: an error of it can agree with the leader's error."""
    leaders = decode_result(stage_data["leaders_result"])
    mine = spawn_sandbox(functools.partial(validator, leaders), allow_write_ops=True)
    if type(mine) is not type(leaders):
        return False
    if isinstance(mine, Return):
        return _vote(validator, mine.calldata)
    if isinstance(mine, UserError):
        return _vote(compare_user_errors, compare_user_errors(typing.cast("UserError", leaders), mine))
    return _vote(compare_vm_errors, compare_vm_errors(typing.cast("VMError", leaders), mine))


def judge_by_repeating(leader: _Leader, stage_data: dict[str, bytes]) -> bool:
    """Run the leader's function again, in a sandbox: kind and value of the result must be the same."""
    return bool(spawn_sandbox(leader) == decode_result(stage_data["leaders_result"]))


def _vote(function: typing.Any, vote: typing.Any) -> bool:
    """Check a vote.

    Raises:
        TypeError: it is no bool; the validator then disagrees.
    """
    if not isinstance(vote, bool):
        name = getattr(function, "__qualname__", type(function).__name__)
        raise TypeError(
            f"`{name}` returned {type(vote).__name__} {vote!r:.60}; return True to agree, else False"
        )
    return vote
