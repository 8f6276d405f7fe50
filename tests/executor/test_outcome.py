"""How a VM ended becomes a result, and the result its bytes (spec/executor.md 2.2, 2.4)."""

from __future__ import annotations

import pytest
import wasmtime

from genvm_replay import calldata
from genvm_replay.errors import Divergence, GuestFault
from genvm_replay.executor.outcome import EMPTY_FINGERPRINT, TRAP_NAMES, outcome_of
from genvm_replay.executor.stops import Exited, Returned, RolledBack, VmError

ENDS = [
    (None, "return", b"\x00", b"\x00\x00"),
    (Exited(0), "return", b"\x00", b"\x00\x00"),
    (Returned(b"\x09"), "return", b"\x09", b"\x00\x09"),
    (
        RolledBack("no"),
        "user_error",
        b"no",
        b"\x01" + calldata.encode({"fingerprint": EMPTY_FINGERPRINT, "message": "no"}),
    ),
    (
        Exited(7),
        "vm_error",
        b"exit_code 7",
        b"\x02" + calldata.encode({"fingerprint": EMPTY_FINGERPRINT, "message": "exit_code 7"}),
    ),
    (
        VmError("OOM"),
        "vm_error",
        b"OOM",
        b"\x02" + calldata.encode({"fingerprint": EMPTY_FINGERPRINT, "message": "OOM"}),
    ),
    (GuestFault("out of memory"), "internal_error", b"out of memory", b"\x02out of memory"),
]


@pytest.mark.parametrize(("stop", "kind", "payload", "wire"), ENDS)
def test_ends(stop: Exception | None, kind: str, payload: bytes, wire: bytes) -> None:
    """Every way to end has one result."""
    outcome = outcome_of(stop)
    assert (outcome.kind, outcome.payload, outcome.wire_payload()) == (kind, payload, wire)
    assert not outcome.interrupted


def test_a_timeout_is_marked() -> None:
    """It is no deterministic result."""
    assert outcome_of(VmError("timeout")).interrupted


@pytest.mark.parametrize(
    "error", [Divergence("main", 0, "kind", 1, 2), KeyError("ours"), KeyboardInterrupt()]
)
def test_what_is_no_outcome_is_raised(error: BaseException) -> None:
    """A divergence, or a fault of ours, never looks like a contract's result."""
    with pytest.raises(type(error)):
        outcome_of(error)


def test_every_trap_has_a_name() -> None:
    """Names are those of the deployed executor."""
    assert set(TRAP_NAMES) == set(wasmtime.TrapCode)
    expected = {
        "StackOverflow",
        "MemoryOutOfBounds",
        "IntegerDivisionByZero",
        "UnreachableCodeReached",
        "OutOfFuel",
    }
    assert expected <= set(TRAP_NAMES.values())
