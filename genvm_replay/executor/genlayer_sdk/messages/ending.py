"""Return and Rollback end the VM; Trace leaves a note (spec/executor.md 4.2)."""

from __future__ import annotations

from typing import Final

from .... import calldata
from ....calldata import Value
from ....journal.events import ReadRunningTime, TraceMessage
from ...guest import Guest
from ...stops import Returned, RolledBack
from .payload import Refused, fields, text

TRACE_SINCE: Final = (0, 1, 10)


def end_with_return(_guest: Guest, payload: Value) -> bytes | None:
    """End the VM with a value, encoded canonically."""
    raise Returned(calldata.encode(payload))


def end_with_rollback(_guest: Guest, payload: Value) -> bytes | None:
    """End the VM with a user error."""
    raise RolledBack(text(payload))


def trace(guest: Guest, payload: Value) -> bytes | None:
    """Leave a message, or tell the running time: 0 in a deterministic VM that is not debugged."""
    if guest.version < TRACE_SINCE:
        raise Refused
    if payload in ("RuntimeMicroSec", {"RuntimeMicroSec": None}):
        return calldata.encode(guest.effects.perform(ReadRunningTime()).value)
    guest.effects.perform(TraceMessage(fields(payload, {"Message": text})["Message"]))
    return None
