"""gl_call: one entry for all messages, a table line a message (spec/executor.md 3.6, 4.2).

A message is a one-key map `{Name: payload}`: every one has a payload, so bare names are none. A message that is
malformed, unknown, or not yet known to the contract's version is answered with INVAL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ... import calldata
from ...calldata import CalldataError, Value
from ...errors import GuestFault
from ..guest import Guest
from ..transfer import check_transfer
from ..wasip1.files import File
from .errno import Errno
from .messages import calling, ending, modules, sending
from .messages.payload import Refused

NO_RESULT: Final = 0xFFFF_FFFF
RESULT_SIZE: Final = 4  # a u32, aligned (spec/executor.md 4.1)

MESSAGES: Final[dict[str, Callable[[Guest, Value], bytes | None]]] = {
    "Return": ending.end_with_return,
    "Rollback": ending.end_with_rollback,
    "Trace": ending.trace,
    "EmitEvent": sending.emit_event,
    "PostMessage": sending.post_message,
    "DeployContract": sending.deploy_contract,
    "EthSend": sending.eth_send,
    "EthCall": calling.eth_call,
    "CallContract": calling.call_contract,
    "RunNondet": calling.run_nondet,
    "Sandbox": calling.sandbox,
    "WebRender": modules.web_render,
    "WebRequest": modules.web_request,
    "ExecPrompt": modules.exec_prompt,
    "ExecPromptTemplate": modules.exec_prompt_template,
}
"""Each gives the bytes of its result file, or None if it has none."""


def gl_call(guest: Guest, request_ptr: int, request_size: int, result_ptr: int) -> Errno:
    """The import: `carry_out` with a result pointer that must be aligned."""
    if result_ptr % RESULT_SIZE:
        raise GuestFault(f"gl_call: the result pointer {result_ptr:#x} is not aligned")
    return carry_out(guest, request_ptr, request_size, result_ptr)


def carry_out(guest: Guest, request_ptr: int, request_size: int, result_ptr: int) -> Errno:
    """Read a message, carry it out, write the descriptor of its result or NO_RESULT."""
    check_transfer(request_size)
    raw = guest.memory.read(request_ptr, request_size)
    guest.memory.span(result_ptr, RESULT_SIZE)
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
        raise Refused from error
    if not isinstance(message, Mapping) or len(message) != 1:
        raise Refused
    [(name, payload)] = message.items()
    if name not in MESSAGES:
        raise Refused
    return name, payload


def _place(guest: Guest, result: bytes) -> int:
    guest.budget.take(len(result), "a result file")
    number = guest.descriptors.reserve()
    guest.descriptors.place(number, File(result), charged=len(result))
    return number
