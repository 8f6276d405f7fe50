"""What ends a VM, a row each; the contract is the same for all, its entry data picks the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genvm_replay import calldata
from genvm_replay.executor.contract_program import WASM_IMPORTS

from .entry_rows import (
    ADDRESS_AT,
    BAD,
    BLOCK,
    BUFFER,
    DEPLOYMENT,
    EVENT,
    MESSAGE,
    OUT,
    PARAMS,
    PROMPT,
    SEGMENTS,
    SLOT,
    TEXT,
    TRANSFER,
    VIEW,
)
from .talking import Step, Talk
from .walking import FIELDS, Outcome, calling, importing, picked, started

INTERNAL: Outcome = ("internal_error", None)
FROM_BLOCK = 128  # added to a row's number: say it in a block
NOTHING = b"\0\0\0"  # a block that returned null
FORBIDDEN = b"\x06" + NOTHING


@dataclass(frozen=True)
class Ending:
    """One step and how the run ends: its outcome, or (bytes) what is printed before it returns null.

    Attributes:
        refuses: it is a refused input of its entry.
    """

    entry: str
    step: Step
    det: Outcome | bytes
    nondet: Outcome | bytes
    refuses: bool = True
    source: str = "2.4"


def trap(name: str, code: str, nondet: str | None = None) -> Ending:
    """A trap; in a block the same unless said otherwise."""
    other: Outcome | bytes = NOTHING if nondet == "" else ("vm_error", f"wasm_trap {nondet or name}")
    return Ending(f"wasm_trap {name}", code, ("vm_error", f"wasm_trap {name}"), other)


def fault(name: str, *args: int, nondet: Outcome | bytes = INTERNAL) -> Ending:
    """A pointer outside memory: an internal error of the run (4.1, 7)."""
    code = f"(call $errno {calling(PARAMS[name][1], name, *args)})"
    return Ending(name, code, INTERNAL, nondet, source="4.1, 7")


def leaving(status: int) -> str:
    return calling("i", "proc_exit", status)


def exits(status: int, told: int) -> Ending:
    error = ("vm_error", f"exit_code {told}")
    return Ending("exit_code", leaving(status), error, error)


ENDINGS: list[Ending] = [
    Ending("proc_exit", leaving(0), ("return", None), NOTHING, refuses=False, source="2.2"),
    exits(1, 1),
    exits(125, 125),
    exits(126, 125),
    exits(0xFFFF_FFFF, 125),
    Ending(
        "Return",
        {"Return": {"a": 1}},
        ("return", {"a": 1}),
        b"\0\0" + calldata.encode({"a": 1}),
        refuses=False,
    ),
    Ending("Return", {"Return": None}, ("return", None), NOTHING, refuses=False),
    Ending("Rollback", {"Rollback": "no"}, ("user_error", "no"), b"\0\x01no", refuses=False),
    trap("UnreachableCodeReached", "(unreachable)"),
    trap("IntegerDivisionByZero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
    trap("IntegerOverflow", "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"),
    trap("MemoryOutOfBounds", "(drop (i32.load (i32.const -1)))"),
    trap("MemoryOutOfBounds", "(memory.fill (i32.const 131072) (i32.const 0) (i32.const 1))"),
    trap("TableOutOfBounds", "(call_indirect (type $plain) (i32.const 9))"),
    trap("IndirectCallToNull", "(call_indirect (type $plain) (i32.const 0))"),
    trap("BadSignature", "(drop (call_indirect (type $other) (i32.const 1)))"),
    trap("StackOverflow", "(call $deep)"),
    trap("DeterministicMode", "(drop (f64.add (f64.const 1) (f64.const 2)))", nondet=""),
    trap("DeterministicMode", "(drop (i32.trunc_f32_s (f32.const nan)))", nondet="BadConversionToInteger"),
    fault("args_get", BAD, BAD),
    fault("args_sizes_get", BAD, OUT),
    fault("environ_get", BAD, BAD),
    fault("environ_sizes_get", OUT, BAD),
    fault("clock_res_get", 0, BAD),
    fault("clock_time_get", 0, 0, BAD),
    fault("random_get", BAD, 64),
    fault("fd_write", 1, BAD, 1, OUT),
    fault("path_open", 3, 0, BAD, 64, 0, 0, 0, 0, OUT),
    fault("storage_read", BAD, 0, BUFFER, 4, nondet=FORBIDDEN),
    fault("storage_read", SLOT, 0, BAD, 64, nondet=FORBIDDEN),
    fault("storage_write", SLOT, 0, BAD, 64, nondet=FORBIDDEN),
    fault("get_balance", BAD, OUT),
    fault("get_balance", ADDRESS_AT, BAD),
    fault("get_self_balance", BAD, nondet=FORBIDDEN),
    fault("gl_call", BAD, 64, OUT),
    fault("gl_call", TEXT, 0, BAD),
    fault("gl_call", TEXT, 0, OUT + 1),
]


def again(name: str, step: Step) -> Ending:
    return Ending(name, step, ("return", None), ("return", None), refuses=False)


def asking(name: str, *args: int) -> Ending:
    return again(name, f"(call $errno {calling(PARAMS[name][1], name, *args)})")


SDK_AGAIN: list[Ending] = [
    asking("storage_read", SLOT, 0, BUFFER, 4),
    asking("storage_write", SLOT, 0, BUFFER, 4),
    asking("get_balance", ADDRESS_AT, OUT),
    again("RunNondet", {"RunNondet": BLOCK}),
    again("PostMessage", {"PostMessage": MESSAGE}),
    again("EmitEvent", {"EmitEvent": EVENT}),
    again("DeployContract", {"DeployContract": DEPLOYMENT}),
    again("EthCall", {"EthCall": {"address": TRANSFER["address"], "calldata": b""}}),
    again("EthSend", {"EthSend": TRANSFER}),
    again("CallContract", {"CallContract": VIEW}),
    again("ExecPrompt", {"ExecPrompt": PROMPT}),
]
"""One call for each host method."""

MORE_FIELDS = """
  (type $plain (func)) (type $other (func (result i32)))
  (table 2 funcref) (elem (i32.const 1) $nothing)
  (func $nothing) (func $deep (call $deep))"""


class Picking:
    """A contract that says the row that its calldata picks, in the main VM or in a block."""

    def __init__(self, rows: Sequence[Ending]) -> None:
        talk = _Picked(imports=importing(WASM_IMPORTS), fields=SEGMENTS + FIELDS + MORE_FIELDS)
        talk.main = [(n, row.step) for n, row in enumerate(rows)]  # type: ignore[assignment,misc]
        talk.main += [  # type: ignore[operator]
            (FROM_BLOCK + n, {"RunNondet": {"data_leader": bytes((n,)), "data_validator": b""}})
            for n in range(len(rows))
        ]
        talk.stage = [(n, row.step) for n, row in enumerate(rows) if row.entry != "RunNondet"]  # type: ignore[misc]
        self._code = started(talk.code())

    def code(self) -> bytes:
        """The contract."""
        return self._code

    def call(self, number: int, *, deterministic: bool) -> bytes:
        """Calldata that picks a row."""
        return bytes((number if deterministic else FROM_BLOCK + number,))


class _Picked(Talk):
    def _steps(self, steps: Sequence[Step]) -> str:
        return " ".join(picked(number, super(_Picked, self)._steps([step])) for number, step in steps)  # type: ignore[misc]
