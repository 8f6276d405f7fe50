"""VMs that VMs start, with real WebAssembly: rights, results, lines, validators, and their replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from genvm_replay import calldata
from genvm_replay.calldata import Address, Value
from genvm_replay.errors import Divergence
from genvm_replay.executor.effects import Live, Recording, Replaying, Streams
from genvm_replay.executor.engine import Build
from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.executor.machine import Machine
from genvm_replay.executor.moment import clock_ns
from genvm_replay.executor.rights import Rights
from genvm_replay.executor.storage_slots import CODE_SLOT
from genvm_replay.executor.transaction import RunReport, run_transaction
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.modules import Modules
from genvm_replay.journal.events import (
    Answer,
    Event,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    ReadRandom,
    StorageRead,
)
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import Limits, Pins, RunHeader
from genvm_replay.replay.workbench import footer_of

from .guests import CONTRACT, MESSAGE
from .talking import RANDOM, READ, TRAP, WRITE, Talk

OTHER = b"o" * 20
LIMITS = Limits(1 << 30, None, 20_000)
OK, INVAL, FORBIDDEN, INBALANCE = b"\x00", b"\x02", b"\x06", b"\x07"


class Chain:
    """Committed state: contracts by address, everybody has 100."""

    def __init__(self, **codes: bytes) -> None:
        self.codes = {CONTRACT: codes.get("main", b""), OTHER: codes.get("other", b"")}

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        code = self.codes.get(address, b"")
        return (
            (len(code).to_bytes(4, "little") + code)[4096 * page :][:4096]
            if slot == CODE_SLOT and code
            else b""
        )

    def balance(self, address: bytes) -> int:
        return 100


class Node(LocalHost):
    """A node that knows leader's results, for a validator; without any, we lead."""

    def __init__(self, chain: Chain, results: dict[int, bytes] | None) -> None:
        super().__init__(chain, CONTRACT, calldata.encode({}), 0)
        self.results = results
        self.asked: list[Any] = []

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        return Answer(3) if self.results is None else Answer(0, self.results[request.call_no])

    def storage_read(self, request: StorageRead) -> Answer:
        self.asked.append(request)
        return super().storage_read(request)


@dataclass
class Ran:
    """What one run did."""

    report: RunReport
    out: bytes
    node: Node
    finished: FinishedRun

    def lines(self) -> dict[str, list[Event]]:
        run = self.finished.open()
        return {line.name: list(run.read_line(line.name)) for line in run.lines()}

    def requests(self, kind: type) -> list[Any]:
        return [event.request for event in self.lines()["main"] if isinstance(event.request, kind)]

    @property
    def outcome(self) -> tuple[str, Value]:
        payload = self.report.outcome.payload
        kind = self.report.outcome.kind
        return kind, calldata.decode(payload) if kind == "return" else payload.decode()


@pytest.fixture(scope="module")
def thread() -> GuestThread:
    return GuestThread()


class NoPython:
    """These contracts are WebAssembly."""

    def interrupt(self) -> None:
        pass


def run(
    thread: GuestThread,
    main: Talk,
    other: Talk | None = None,
    *,
    results: dict[int, bytes] | None = None,
    sync: bool = False,
    letters: str = "rwscn",
    limits: Limits = LIMITS,
    modules: Modules | None = None,
) -> Ran:
    """Run, record, and check that the record replays on the interpreter to the same root."""
    node = Node(Chain(main=main.code(), other=other.code() if other else b""), results)
    streams = Streams()
    header = RunHeader(
        b"t" * 32, "sync" if sync else "leader", None, MESSAGE, letters, Pins("", "", "", ""), limits
    )
    recorder = RunRecorder(header)
    live = Live(node, clock_ns(MESSAGE), streams, modules)
    report = execute(thread, Recording(live, recorder), Build.EPOCH, limits, sync=sync, letters=letters)
    finished = recorder.finish(footer_of(report))
    replayed(thread, finished, sync=sync, letters=letters)
    return Ran(report, bytes(streams.stdout), node, finished)


def execute(
    thread: GuestThread, door: Any, build: Build, limits: Limits = LIMITS, *, sync: bool, letters: str
) -> RunReport:
    machine = Machine(NoPython(), build, limits)  # type: ignore[arg-type]
    return thread.run(
        lambda: run_transaction(MESSAGE, Rights.from_letters(letters), door, machine, sync=sync),
        interrupt=machine.interrupt,
        time_left_s=machine.time_left_s,
    )


def replayed(thread: GuestThread, finished: FinishedRun, *, sync: bool, letters: str) -> None:
    stored = finished.open()
    recorder = RunRecorder(finished.header)
    replaying = Replaying(stored.read_line)
    report = execute(
        thread,
        Recording(replaying, recorder),
        Build.PULLEY,
        finished.header.limits,
        sync=sync,
        letters=letters,
    )
    replaying.finish(line.name for line in stored.lines())
    assert recorder.finish(footer_of(report)).root == finished.root


def returning(value: Value) -> dict[str, Value]:
    return {"Return": value}


def call(address: bytes = OTHER, state: int = 0, **call_object: Value) -> dict[str, Value]:
    return {"CallContract": {"address": Address(address), "calldata": call_object, "state": state}}


def nondet(leader: bytes = b"l", validator: bytes = b"v") -> dict[str, Value]:
    return {"RunNondet": {"data_leader": leader, "data_validator": validator}}


def box(*, writes: bool = False) -> dict[str, Value]:
    return {"Sandbox": {"data": b"d", "allow_write_ops": writes}}


EMIT: dict[str, Value] = {"EmitEvent": {"topics": [], "blob": {}}}
SEND: dict[str, Value] = {
    "PostMessage": {"address": Address(OTHER), "calldata": 1, "value": 60, "on": "accepted"}
}


def test_a_view_call(thread: GuestThread) -> None:
    """The callee's value comes back as `[0]` and calldata; its code is read with the asked state."""
    ran = run(thread, Talk([call(x=1)]), Talk([READ, WRITE, returning({"a": 1})]))
    assert ran.out == FORBIDDEN.join([OK, b""]) + OK + b"\x00" + calldata.encode({"a": 1})
    assert StorageRead(2, OTHER, CODE_SLOT, 0, 4) in ran.node.asked
    assert ran.outcome == ("return", None)


def test_a_user_error_of_a_callee_is_data_and_a_vm_error_is_not(thread: GuestThread) -> None:
    """`[1]` and the message; a trap ends the caller too, with the same message."""
    ran = run(thread, Talk([call()]), Talk([{"Rollback": "no"}]))
    assert ran.out == OK + b"\x01no"
    ran = run(thread, Talk([call(), returning(1)]), Talk([TRAP]))
    assert ran.outcome == ("vm_error", "wasm_trap UnreachableCodeReached")
    assert run(thread, Talk([call(b"n" * 20)])).outcome == (
        "vm_error",
        "invalid_contract absent_runner_comment",
    )


def test_rights_of_a_callee(thread: GuestThread) -> None:
    """It may emit and send, but not write; without `c` nobody may call."""
    ran = run(thread, Talk([call()]), Talk([EMIT, SEND, WRITE]))
    assert ran.out == OK + OK + FORBIDDEN + OK + b"\x00\x00"
    assert len(ran.requests(PostEvent)) == 1
    assert run(thread, Talk([call()]), Talk([]), letters="rwsn").out == FORBIDDEN


def test_a_sandbox(thread: GuestThread) -> None:
    """No reads, no calls, no blocks; writing and sending only if allowed; any end is data."""
    inside = [READ, WRITE, SEND, call(), nondet(), EMIT]
    ran = run(thread, Talk([box()], sandbox=inside))
    assert ran.out == FORBIDDEN * 5 + OK + OK + b"\x00\x00"
    ran = run(thread, Talk([box(writes=True)], sandbox=inside))
    assert ran.out == FORBIDDEN + OK + OK + FORBIDDEN * 2 + OK + OK + b"\x00\x00"
    ran = run(thread, Talk([box()], sandbox=[TRAP]))
    assert ran.out == OK + b"\x02wasm_trap UnreachableCodeReached"


def test_what_a_sandbox_sends_does_not_count_outside(thread: GuestThread) -> None:
    """Each VM has its own counter of value sent (spec/executor.md 4.2): the node is asked, and it knows the sum."""
    ran = run(thread, Talk([SEND, SEND, box(writes=True)], sandbox=[SEND]))
    assert ran.out == OK + INBALANCE + OK + b"\x02forbidden"
    assert [request.value[0] for request in ran.requests(PostMessage)] == [60, 60]


def test_a_leaders_block(thread: GuestThread) -> None:
    """It runs on its own line without any right, with random bytes of the system; its result is posted."""
    stage = [READ, WRITE, EMIT, SEND, call(), RANDOM, returning(7)]
    ran = run(thread, Talk([nondet(), nondet()], stage=stage))
    assert ran.out.endswith(OK + b"\x00" + calldata.encode(7))
    assert ran.out.startswith(FORBIDDEN * 5)
    lines = ran.lines()
    assert set(lines) == {"main", "nondet:0", "nondet:1"}
    drawn = [
        event.answer.value
        for name in ("nondet:0", "nondet:1")
        for event in lines[name]
        if isinstance(event.request, ReadRandom)
    ]
    assert drawn[0] != drawn[1]
    assert ran.requests(PostNondetResult) == [
        PostNondetResult(n, b"\x00" + calldata.encode(7)) for n in (0, 1)
    ]


def test_a_leaders_block_that_fails(thread: GuestThread) -> None:
    """User errors are data; VM errors are posted and end the caller."""
    assert run(thread, Talk([nondet()], stage=[{"Rollback": "no"}])).out == OK + b"\x01no"
    ran = run(thread, Talk([nondet(), returning(1)], stage=[TRAP]))
    assert ran.outcome == ("vm_error", "wasm_trap UnreachableCodeReached")
    assert ran.requests(PostNondetResult)[0].result == b"\x02wasm_trap UnreachableCodeReached"


@pytest.mark.parametrize(
    ("stage", "agrees"),
    [
        ([returning(True)], True),
        ([returning(False)], False),
        ([returning(1)], False),
        ([], False),
        ([{"Rollback": "no"}], False),
        ([TRAP], False),
    ],
)
def test_a_validators_block(thread: GuestThread, stage: list[Value], agrees: bool) -> None:
    """Only a returned true agrees; the deterministic part goes on with the leader's result either way."""
    leader = b"\x00" + calldata.encode("from the leader")
    ran = run(thread, Talk([nondet(), returning(5)], stage=stage), results={0: leader})
    assert ran.out == OK + leader
    assert ran.outcome == ("return", 5)
    assert ran.report.disagreement == (None if agrees else 0)
    assert ran.requests(NotifyNondetDisagreement) == ([] if agrees else [NotifyNondetDisagreement(0)])


def test_the_first_disagreement_is_the_one(thread: GuestThread) -> None:
    """Later blocks are not judged any more."""
    ran = run(
        thread, Talk([nondet()] * 5, stage=[returning(False)]), results=dict.fromkeys(range(5), b"\x00\x00")
    )
    assert ran.report.disagreement == 0
    assert set(ran.lines()) == {"main", "nondet:0"}


def test_more_blocks_than_the_queue_holds(thread: GuestThread) -> None:
    """The contract waits for its validators."""
    ran = run(
        thread,
        Talk([nondet()] * 150, stage=[returning(True)]),
        results=dict.fromkeys(range(150), b"\x00\x00"),
    )
    assert ran.report.disagreement is None
    assert len(ran.lines()) == 151


def test_sync_runs_nothing(thread: GuestThread) -> None:
    """The leader's results are taken; without one the run is an internal error."""
    ran = run(thread, Talk([nondet()], stage=[TRAP]), results={0: b"\x00\x10"}, sync=True)
    assert (ran.out, set(ran.lines())) == (OK + b"\x00\x10", {"main"})
    assert run(thread, Talk([nondet()]), sync=True).outcome[0] == "internal_error"


@pytest.mark.parametrize("result", [b"", b"\x03", b"\x01\xff"])
def test_a_bad_leader_result(thread: GuestThread, result: bytes) -> None:
    """The host's fault, not the contract's."""
    assert run(thread, Talk([nondet()]), results={0: result}).outcome[0] == "internal_error"


def test_vms_inside_vms_have_an_end(thread: GuestThread) -> None:
    """A contract that calls itself, and one that sandboxes itself without end, end as a VM error."""
    assert run(thread, Talk([call(CONTRACT)])).outcome == ("vm_error", "OOM")
    ran = run(thread, Talk([box()], sandbox=[box()]))
    assert ran.outcome == ("return", None)
    assert b"\x02OOM" in ran.out


def test_an_error_has_a_fingerprint(thread: GuestThread) -> None:
    """Frames from the inside out, and the hash of the memory; a sandbox has none."""
    report = run(thread, Talk([TRAP])).report
    fingerprint: Any = report.outcome.fingerprint
    assert [frame["func"] for frame in fingerprint["frames"]] == [11, 14]
    assert fingerprint["frames"][0]["module_name"] == ""
    [memory] = fingerprint["module_instances"][""]["memories"]
    assert len(memory) == 32


def test_a_record_of_blocks_is_compared_line_by_line(thread: GuestThread) -> None:
    """A changed request in a block's line is found in that line."""
    ran = run(thread, Talk([nondet()], stage=[RANDOM, returning(7)]))
    lines = ran.lines()
    seq = next(n for n, event in enumerate(lines["nondet:0"]) if isinstance(event.request, ReadRandom))
    lines["nondet:0"][seq] = Event(ReadRandom(0, 9), Answer(0, b"123456789"))
    replaying = Replaying(lambda name: iter(lines.get(name, [])))
    with pytest.raises(Divergence) as caught:
        execute(thread, replaying, Build.EPOCH, sync=False, letters="rwscn")
    assert (caught.value.line, caught.value.seq, caught.value.field) == ("nondet:0", seq, "length")
