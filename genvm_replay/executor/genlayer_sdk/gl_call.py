"""gl_call: one entry for all messages, a table line a message (spec/executor.md 3.6, 4.2).

A message is a one-key map `{Name: payload}`, or the bare name where there is no payload. A message that is malformed,
unknown, or not yet known to the contract's version is answered with INVAL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ... import calldata
from ...calldata import CalldataError, Value
from ...journal.events import PostEvent, TraceMessage
from ..guest import Guest
from ..stops import Returned, RolledBack
from ..wasip1.files import File
from .asking import ask
from .errno import Errno

NO_RESULT: Final = 0xFFFF_FFFF
TOPICS_MAX: Final = 4
TOPIC_SIZE: Final = 32
EVENTS_SINCE: Final = (0, 1, 5)
TRACE_SINCE: Final = (0, 1, 10)


class Refused(Exception):
    """The message is answered with this errno and has no effect."""

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno


def gl_call(guest: Guest, request_ptr: int, request_size: int, result_ptr: int) -> Errno:
    """Read a message, carry it out, write the descriptor of its result or NO_RESULT."""
    raw = guest.memory.read(request_ptr, request_size)
    guest.memory.span(result_ptr, 4)
    try:
        name, payload = _read_message(raw)
        result = MESSAGES[name](guest, payload)
    except Refused as refused:
        return refused.errno
    guest.memory.write_u32(result_ptr, NO_RESULT if result is None else _place(guest, result))
    return Errno.SUCCESS


def _read_message(raw: bytes) -> tuple[str, Value]:
    try:
        message = calldata.decode(raw)
    except CalldataError as error:
        raise Refused(Errno.INVAL) from error
    if isinstance(message, str):
        message = {message: None}
    if not isinstance(message, Mapping) or len(message) != 1:
        raise Refused(Errno.INVAL)
    [(name, payload)] = message.items()
    if name not in MESSAGES:
        raise Refused(Errno.INVAL)
    return name, payload


def _place(guest: Guest, result: bytes) -> int:
    number = guest.descriptors.reserve()
    guest.descriptors.place(number, File(result))
    return number


def _return(_guest: Guest, payload: Value) -> bytes | None:
    raise Returned(calldata.encode(payload))


def _rollback(_guest: Guest, payload: Value) -> bytes | None:
    if not isinstance(payload, str):
        raise Refused(Errno.INVAL)
    raise RolledBack(payload)


def _trace(guest: Guest, payload: Value) -> bytes | None:
    if guest.version < TRACE_SINCE:
        raise Refused(Errno.INVAL)
    if payload in ("RuntimeMicroSec", {"RuntimeMicroSec": None}):
        return calldata.encode(0)  # a deterministic VM has no clock of its own
    if (
        not isinstance(payload, Mapping)
        or payload.keys() != {"Message"}
        or not isinstance(payload["Message"], str)
    ):
        raise Refused(Errno.INVAL)
    guest.effects.perform(TraceMessage(payload["Message"]))
    return None


def _emit_event(guest: Guest, payload: Value) -> bytes | None:
    if guest.version < EVENTS_SINCE:
        raise Refused(Errno.INVAL)
    if not isinstance(payload, Mapping) or payload.keys() != {"topics", "blob"}:
        raise Refused(Errno.INVAL)
    topics, blob = payload["topics"], payload["blob"]
    if not isinstance(topics, list) or not isinstance(blob, Mapping):
        raise Refused(Errno.INVAL)
    if not all(isinstance(topic, bytes) for topic in topics):
        raise Refused(Errno.INVAL)
    if not guest.rights.deterministic:
        raise Refused(Errno.FORBIDDEN)
    if len(topics) > TOPICS_MAX or any(len(topic) != TOPIC_SIZE for topic in topics):
        raise Refused(Errno.INVAL)
    ask(guest.effects, PostEvent(tuple(topics), calldata.encode(blob)))
    return None


MESSAGES: Final[dict[str, Callable[[Guest, Value], bytes | None]]] = {
    "Return": _return,
    "Rollback": _rollback,
    "Trace": _trace,
    "EmitEvent": _emit_event,
}
