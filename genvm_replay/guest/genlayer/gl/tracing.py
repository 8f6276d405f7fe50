"""`gl.trace`: notes for whoever debugs a run (sdk.md section 1.9)."""

import typing

from genlayer.gl._internal.gl_call import perform
from genlayer.py import calldata


def trace(*objs: typing.Any, sep: str = " ") -> None:
    """Write the objects to the log of the executor. The contract's own output is `print`."""
    perform({"Trace": {"Message": sep.join(map(str, objs))}})


def trace_time_micro() -> int:
    """Give the microseconds since this VM began; always 0 in a deterministic one, unless it is debugged."""
    answer = perform({"Trace": {"RuntimeMicroSec": None}})
    time_us: int = 0 if answer is None else calldata.decode(answer)
    return time_us
