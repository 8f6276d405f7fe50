"""How a VM or a whole run ended, and its form on the wire (spec/executor.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import wasmtime

from .. import calldata
from ..calldata import Value
from ..errors import Divergence, EnvironmentProblem, GuestFault
from ..journal.run import ResultKind
from .contract_module.account import stop_reason
from .stops import TIMEOUT, Exited, InternalFailure, Returned, RolledBack, VmError

CODES: Final[dict[ResultKind, int]] = {"return": 0, "user_error": 1, "vm_error": 2, "internal_error": 2}
TRAP_NAMES: Final = {
    code: "".join(word.capitalize() for word in code.name.split("_")) for code in wasmtime.TrapCode
} | {wasmtime.TrapCode.UNREACHABLE: "UnreachableCodeReached"}


EMPTY_FINGERPRINT: Final[Value] = {"frames": [], "module_instances": {}}
"""That of an error before the entry function ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a VM.

    Attributes:
        payload: calldata for `return`, else the UTF-8 message.
        cause: the reason for people; never part of what is compared.
        fingerprint: frames and memory hashes of an error, as calldata (spec/executor.md 2.3).
        interrupted: stopped by a deadline or a signal, so no deterministic result.
    """

    kind: ResultKind
    payload: bytes
    cause: str = ""
    interrupted: bool = False
    fingerprint: Value = field(default_factory=lambda: EMPTY_FINGERPRINT)

    def with_fingerprint(self, fingerprint: Value) -> Outcome:
        """The same end, with where it happened."""
        return replace(self, fingerprint=fingerprint)

    def wire_payload(self) -> bytes:
        """What consume_result carries (spec/executor.md 2.2)."""
        code = bytes((CODES[self.kind],))
        if self.kind in ("return", "internal_error"):
            return code + self.payload
        return code + calldata.encode({"fingerprint": self.fingerprint, "message": self.payload.decode()})


def outcome_of(stop: BaseException | None, account: int | None = None) -> Outcome:
    """Read what ended a VM; None is a normal end of its entry function.

    Args:
        account: of a contract module, after the end: it tells which of our rules a trap stands for.

    Raises:
        Divergence, and whatever is a fault of ours: these are no outcomes.
    """
    match stop:
        case None | Exited(status=0):
            return Outcome(kind="return", payload=calldata.encode(None))
        case Returned(calldata=payload):
            return Outcome(kind="return", payload=payload)
        case RolledBack(message=message):
            return Outcome(kind="user_error", payload=message.encode())
        case Exited(status=status):
            return vm_error(f"exit_code {status}")
        case VmError(message=message, cause=cause):
            return vm_error(message, cause)
        case wasmtime.Trap():
            return _of_trap(stop, account)
        case GuestFault() | EnvironmentProblem() | InternalFailure() if not isinstance(stop, Divergence):
            return Outcome(kind="internal_error", payload=str(stop).encode(), cause=str(stop))
        case _:
            raise stop


def vm_error(message: str, cause: str = "") -> Outcome:
    """A VM error (spec/executor.md 2.4)."""
    return Outcome(kind="vm_error", payload=message.encode(), cause=cause, interrupted=message == TIMEOUT)


def _of_trap(trap: wasmtime.Trap, account: int | None) -> Outcome:
    try:
        code = trap.trap_code
    except ValueError:  # a code that this wasmtime-py has no name for
        code = None
    name = "Unknown" if code is None else TRAP_NAMES[code]
    if code is wasmtime.TrapCode.UNREACHABLE and account is not None:
        name = stop_reason(account) or name
    if name == "Interrupt":
        return vm_error(TIMEOUT)
    return vm_error(f"wasm_trap {name}", str(trap).strip().split("\n")[-1].strip())
