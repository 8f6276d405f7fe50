"""How a VM ends, results of other VMs, and how such VMs are started (sdk.md sections 1.8, 4.3, 6.4)."""

import dataclasses
import typing

from genlayer.gl._internal.gl_call import ask
from genlayer.gl._internal.lazy_api import lazy_api
from genlayer.py import calldata
from genlayer.py.public_abi import ResultCode
from genlayer.py.types import Lazy

_T = typing.TypeVar("_T")

__all__ = (
    "Result",
    "Return",
    "UserError",
    "VMError",
    "run_nondet",
    "run_nondet_unsafe",
    "spawn_sandbox",
    "unpack_result",
)


@dataclasses.dataclass
class Return(typing.Generic[_T]):
    """The VM returned a value."""

    calldata: _T


@dataclasses.dataclass
class VMError:
    """The VM failed: an exception nobody caught, a trap, no more memory."""

    message: str


@dataclasses.dataclass
class UserError(Exception):
    """Raise this to undo the transaction and tell the caller why."""

    message: str

    def __str__(self) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self), (self.message,)


Result: typing.TypeAlias = Return[_T] | VMError | UserError


def unpack_result(res: Result[_T], /) -> _T:
    """Give the value of a Return; raise a UserError for the others."""
    if isinstance(res, Return):
        return res.calldata
    if isinstance(res, VMError):
        raise UserError("vm error: " + res.message)
    raise res


def decode_result(data: bytes, /) -> Result[typing.Any]:
    """Decode the result of a VM: a code byte, then calldata or text.

    Raises:
        ValueError: no VM ends with this code.
    """
    payload = data[1:]
    match data[:1]:
        case b"\x00":
            return Return(calldata.decode(payload))
        case b"\x01":
            return UserError(payload.decode())
        case b"\x02":
            return VMError(payload.decode())
    raise ValueError(
        f"a VM result does not begin with {data[:1].hex() or 'nothing'}; known: {list(ResultCode)}"
    )


@lazy_api
def spawn_sandbox(fn: typing.Callable[[], _T], *, allow_write_ops: bool = False) -> Lazy[Result[_T]]:
    """Run a function in a VM of its own, so that nothing it does wrong, loops and crashes included, ends this one.

    It can't read storage. What it wrote or sent is not undone when it fails.

    Args:
        fn: without parameters; what it captures travels along by value. It returns calldata.
        allow_write_ops: let it write storage and send messages, where this VM may.

    Returns:
        How it ended; a failure is not raised.
    """
    from genlayer.gl._internal import closures

    closures.check(fn, "fn")
    return ask(
        {"Sandbox": {"data": closures.pack(fn), "allow_write_ops": bool(allow_write_ops)}}, decode_result
    )


@lazy_api
def run_nondet_unsafe(
    leader_fn: typing.Callable[[], _T], validator_fn: typing.Callable[[Result[_T]], bool], /
) -> Lazy[_T]:
    """Run a nondeterministic block: one node, the leader, finds a value, the others judge it.

    Both functions may use `gl.nondet`, but neither read nor change what the chain keeps.

    Args:
        leader_fn: gives the value, as calldata.
        validator_fn: gets how `leader_fn` ended; agrees by returning True. An exception disagrees.

    Returns:
        What the leader found.

    Raises:
        UserError: as `leader_fn` raised it. Any other exception of `leader_fn` ends the transaction.
    """
    from genlayer.gl._internal import closures, stages

    closures.check(leader_fn, "leader_fn")
    closures.check(validator_fn, "validator_fn")
    return _block(closures.pack(stages.lead, leader_fn), closures.pack(stages.judge, validator_fn))


def _same_message(leaders: UserError | VMError, mine: UserError | VMError, /) -> bool:
    return leaders.message == mine.message


@lazy_api
def run_nondet(
    leader_fn: typing.Callable[[], _T],
    validator_fn: typing.Callable[[Result[_T]], bool],
    /,
    *,
    compare_user_errors: typing.Callable[[UserError, UserError], bool] = _same_message,
    compare_vm_errors: typing.Callable[[VMError, VMError], bool] = _same_message,
) -> Lazy[_T]:
    """Run a nondeterministic block as `run_nondet_unsafe` does, with `validator_fn` in a sandbox.

    Where the leader failed, a validator agrees only if `validator_fn` fails in the same way.

    Args:
        leader_fn: gives the value, as calldata.
        validator_fn: gets how `leader_fn` ended; returns True to agree, else False.
        compare_user_errors: gets the leader's error and the validator's, where both raised one; equal messages agree.
        compare_vm_errors: the same where both VMs failed otherwise.
    """
    from genlayer.gl._internal import closures, stages

    given = (leader_fn, validator_fn, compare_user_errors, compare_vm_errors)
    names = ("leader_fn", "validator_fn", "compare_user_errors", "compare_vm_errors")
    for function, name in zip(given, names, strict=True):
        closures.check(function, name)
    leader, *validator = given
    return _block(closures.pack(stages.lead, leader), closures.pack(stages.judge_in_sandbox, *validator))


def _block(leader: bytes, validator: bytes) -> Lazy[typing.Any]:
    request = {"RunNondet": {"data_leader": leader, "data_validator": validator}}
    return ask(request, lambda result: unpack_result(decode_result(result)))
