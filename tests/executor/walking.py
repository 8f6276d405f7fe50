"""Contracts that walk tables of calls, in both modes, and how their runs are made, recorded and replayed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.executor.effects import Live, Recording, Replaying, Streams
from genvm_replay.executor.engine import Build
from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.executor.machine import Machine
from genvm_replay.executor.moment import clock_ns
from genvm_replay.executor.rights import Rights
from genvm_replay.executor.runners.registry import Registry
from genvm_replay.executor.storage_slots import CODE_SLOT, LOCKED_SLOT
from genvm_replay.executor.transaction import RunReport, run_transaction
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.methods import METHODS
from genvm_replay.host_bridge.modules import Modules
from genvm_replay.journal.events import Answer, GetLeaderNondetResult
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import Limits, Pins, RunHeader
from genvm_replay.replay.workbench import footer_of

from .guests import CONTRACT, MESSAGE
from .runners.archives import zipped
from .talking import STDIN_AT
from .test_sub_vms import LIMITS, OTHER, NoPython

LETTERS = {"i": "i32", "p": "i32", "I": "i64"}
LOCKED = b"L" * 32
MARK = b"\n#"
FIELDS = f"""(func $pick (result i32) (local $at i32)
    (local.set $at (i32.const {STDIN_AT}))
    (loop $next
      (if (i32.eq (i32.load (local.get $at)) (i32.const 0x61746164))
        (then (return (i32.load8_u offset=5 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    unreachable)
  (func $mark (param i32)
    (i32.store16 (i32.const 40) (i32.const 0x230a))
    (i32.store8 (i32.const 42) (local.get 0))
    (call $print (i32.const 40) (i32.const 3)))"""
"""`pick`: the first byte of entry_data. `mark`: begins what a row prints."""


def importing(tables: dict[str, dict[str, Any]]) -> str:
    """Imports of whole tables of the program, each function as `$x_<name>`."""
    return "\n  ".join(
        f'(import "{module}" "{name}" (func $x_{name} {_types(function.params)}'
        f"{'(result i32)' if function.result else ''}))"
        for module, table in tables.items()
        for name, function in table.items()
    )


def _types(params: str) -> str:
    return f"(param {' '.join(LETTERS[letter] for letter in params)})" if params else ""


def calling(params: str, name: str, *args: int) -> str:
    """A call of an imported function."""
    assert len(args) == len(params), name
    given = " ".join(f"({LETTERS[letter]}.const {arg})" for letter, arg in zip(params, args, strict=True))
    return f"(call $x_{name} {given})"


def picked(number: int, step: str) -> str:
    """A step for entry data that begins with `number`."""
    return f"(if (i32.eq (call $pick) (i32.const {number})) (then {step}))"


def printed(out: bytes, count: int) -> list[bytes]:
    """What each of `count` marked steps printed."""
    pieces = []
    for number in range(count):
        mark = MARK + bytes((number,))
        assert out.startswith(mark), (number, out[:40])
        ends = out.find(MARK + bytes((number + 1,)), 3) if number + 1 < count else len(out)
        pieces.append(out[3:ends])
        out = out[ends:]
    return pieces


def archived(runner: Value, **files: bytes) -> bytes:
    """A contract that is a zip file, of the highest version."""
    return zipped({"runner.json": json.dumps(runner).encode(), "version": b"v0.1.10", **files})


def started(wasm: bytes) -> bytes:
    """A module with two arguments, a variable and a file."""
    runner: Value = {
        "Seq": [
            {"MapFile": {"to": "/dir/f", "file": "text"}},
            {"SetArgs": ["a0", "b"]},
            {"AddEnv": {"name": "N", "val": "V"}},
            {"StartWasm": "main"},
        ]
    }
    return archived(runner, main=wasm, text=b"hello")


Outcome = tuple[str, Value]


class State:
    """Committed state: contracts by address, one locked slot, 100 for everybody."""

    def __init__(self, codes: dict[bytes, bytes]) -> None:
        self._slots = {(address, CODE_SLOT): code for address, code in codes.items()}
        self._slots[CONTRACT, LOCKED_SLOT] = LOCKED

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        data = self._slots.get((address, slot), b"")
        count = len(data) if slot == CODE_SLOT else len(data) // 32
        return (count.to_bytes(4, "little") + data)[4096 * page :][:4096] if data else b""

    def balance(self, address: bytes) -> int:
        return 100


@dataclass
class Case:
    """What a run is made of.

    Attributes:
        refused: method of the host -> the error byte that it answers with.
        stopped_by: method of the host during which the run is stopped from outside.
        results: what the host knows of the leader; None: we lead.
    """

    code: bytes
    call: bytes = b"\x00"
    other: bytes = b""
    letters: str = "rwscn"
    refused: dict[str, int] = field(default_factory=dict)
    results: list[bytes] | None = None
    sync: bool = False
    gated: bool = False
    limits: Limits = LIMITS
    modules: Modules | None = None
    registry: Registry | None = None
    stopped_by: str = ""


class Node(LocalHost):
    """Keeps which methods were asked, and refuses some."""

    def __init__(self, case: Case) -> None:
        super().__init__(State({CONTRACT: case.code, OTHER: case.other}), CONTRACT, case.call, 0)
        self.case = case
        self.asked: list[str] = []
        self.stop: Callable[[], None] = lambda: None
        for method in METHODS:
            setattr(self, method.name, self._listening(method.name, getattr(self, method.name)))

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        results = self.case.results
        return Answer(3) if results is None else Answer(0, results[request.call_no])

    def eth_call(self, _request: Any) -> Answer:
        return Answer(0, b"raw")

    def _listening(self, name: str, answer: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
        def ask(request: Any) -> Answer:
            self.asked.append(name)
            if name == self.case.stopped_by:
                self.stop()
            set_up = name == "storage_read" and request.slot != bytes(32)
            error = 0 if set_up else self.case.refused.get(name, 0)
            return Answer(error) if error else answer(request)

        return ask


@dataclass
class Walked:
    """What a run came to."""

    report: RunReport
    out: bytes
    node: Node

    @property
    def outcome(self) -> tuple[str, Value]:
        """Kind, and the value or the message; internal errors are for people, so they have none."""
        kind, payload = self.report.outcome.kind, self.report.outcome.payload
        if kind == "internal_error":
            return kind, None
        return kind, calldata.decode(payload) if kind == "return" else payload.decode()


def walk(thread: GuestThread, case: Case) -> Walked:
    """Run and record; then replay on the interpreter, to the same root."""
    node, streams = Node(case), Streams()
    header = RunHeader(b"t" * 32, "leader", None, MESSAGE, case.letters, Pins("", "", "", ""), case.limits)
    recorder = RunRecorder(header)
    live = Live(node, clock_ns(MESSAGE), streams, case.modules)
    report = _execute(thread, case, Recording(live, recorder), Build.EPOCH, node)
    finished = recorder.finish(footer_of(report))
    if not case.stopped_by:
        _replay(thread, case, finished)
    return Walked(report, bytes(streams.stdout), node)


def _execute(thread: GuestThread, case: Case, door: Any, build: Build, node: Node | None = None) -> RunReport:
    machine = Machine(NoPython(), build, case.limits, registry=case.registry)  # type: ignore[arg-type]
    if node is not None:
        node.stop = machine.interrupt
    rights = Rights.from_letters(case.letters)
    return thread.run(
        lambda: run_transaction(MESSAGE, rights, door, machine, sync=case.sync, gated=case.gated),
        interrupt=machine.interrupt,
        time_left_s=machine.time_left_s,
    )


def _replay(thread: GuestThread, case: Case, finished: FinishedRun) -> None:
    stored = finished.open()
    recorder = RunRecorder(finished.header)
    replaying = Replaying(stored.read_line)
    report = _execute(thread, case, Recording(replaying, recorder), Build.PULLEY)
    replaying.finish(line.name for line in stored.lines())
    assert recorder.finish(footer_of(report)).root == finished.root
