"""Requests to the host and their answers (sdk.md section 1.12)."""

import os
import typing

import _genlayer_wasi as wasi

from genlayer.py import calldata
from genlayer.py.types import Lazy

_T = typing.TypeVar("_T")

_READ_SIZE: typing.Final = 1 << 16

_NONDET_ONLY: typing.Final = (
    "gl.nondet works inside nondeterministic blocks only: put this into a function and give the function to "
    "gl.eq_principle.strict_eq or gl.vm.run_nondet_unsafe"
)
_AFTER_THE_BLOCK: typing.Final = (
    "messages, events and calls of other contracts are not possible in a nondeterministic block, nor where the caller "
    "gave no right to them: do it after the block, with its result"
)
_FORBIDDEN: typing.Final = {
    "WebRender": _NONDET_ONLY,
    "WebRequest": _NONDET_ONLY,
    "ExecPrompt": _NONDET_ONLY,
    "ExecPromptTemplate": _NONDET_ONLY,
    "RunNondet": "a nondeterministic block can't be started inside another one, nor in a sandbox: call the functions "
    "of the inner one directly",
    "CallContract": _AFTER_THE_BLOCK,
    "PostMessage": _AFTER_THE_BLOCK,
    "DeployContract": _AFTER_THE_BLOCK,
    "EmitEvent": _AFTER_THE_BLOCK,
    "EthSend": _AFTER_THE_BLOCK,
    "EthCall": _AFTER_THE_BLOCK,
}
"""What to do instead, by kind of the request that was forbidden."""
_VERSION: typing.Final = "need version {} or later: begin the contract's file with a line `# v0.1.10`"
_INVALID: typing.Final = {
    "EmitEvent": "events have at most three indexed fields, and " + _VERSION.format("0.1.5"),
    "Trace": "traces " + _VERSION.format("0.1.10"),
}
_HINTS: typing.Final = {"2": _INVALID, "6": _FORBIDDEN}  # by errno


def perform(request: dict[str, typing.Any]) -> bytes | None:
    """Send a request with one key, its kind. Gives the answer, None where the kind has none."""
    fd = _send(request)
    return None if fd == wasi.NO_RESULT else read_answer(fd)


def ask(request: dict[str, typing.Any], decode: typing.Callable[[bytes], _T]) -> Lazy[_T]:
    """Send a request that has an answer. The answer is read and decoded when it is first wanted."""
    fd = _send(request)
    return Lazy(lambda: decode(read_answer(fd)))


def _send(request: dict[str, typing.Any]) -> int:
    try:
        return wasi.gl_call(calldata.encode(request))
    except SystemError as error:
        [kind] = request
        hint = _HINTS.get(str(error)[:1], {}).get(kind)
        if hint:
            error.add_note(hint)
        raise


def read_answer(fd: int) -> bytes:
    """Read a result file to its end and close it."""
    try:
        return b"".join(iter(lambda: os.read(fd, _READ_SIZE), b""))
    finally:
        os.close(fd)
