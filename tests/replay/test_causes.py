"""What a report tells of a difference besides its place and class, which test_mutations.py holds for every kind."""

from __future__ import annotations

import msgspec
import pytest
from guest.block_runs import running_modules

from genvm_replay import calldata
from genvm_replay.errors import Divergence, JournalDamaged
from genvm_replay.journal.events import (
    Answer,
    Event,
    ModuleCall,
    ReadClock,
    ReadRandom,
    StorageRead,
    WriteStream,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import Limits
from genvm_replay.replay.causes import CAUSES, Case, cause_of
from genvm_replay.replay.examine import Explanation, examine
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER
from .mutated_runs import SHOP, WHEN
from .test_divergence import Recording, changed, forged, recording  # noqa: F401  # a fixture

SEED = 20260102
CONTRACT = SHOP


@pytest.fixture
def shop(node: LocalNode):
    """Records one call of the contract above, as parts that can be forged."""
    address = node.deploy(CONTRACT.encode(), options=CallOptions(datetime=WHEN)).address

    def record(method: str, *args: calldata.Value, **options) -> Recording:
        done = node.call(address, method, list(args), options=CallOptions(datetime=WHEN, **options))
        run = node._bench.store.load_run(done.run_id)
        return run.header, list(run.read_line("main")), run.footer

    return record


def explained(parts: Recording, bench: Workbench) -> Explanation:
    told = examine(forged(*parts), bench).explanation
    assert told is not None, "the mutation was not found"
    return told


def replaced(events: list[Event], seq: int, *by: Event) -> list[Event]:
    return [*events[:seq], *by, *events[seq + 1 :]]


def of(events: list[Event], *kinds: type) -> list[int]:
    return [seq for seq, event in enumerate(events) if isinstance(event.request, kinds)]


def check(told: Explanation, kind: str, seq: int | None, line: str = "main") -> None:
    assert (told.cause.kind, told.found.line, told.found.seq) == (kind, line, seq), (told.found, told.cause)
    assert told.cause.evidence


def test_answers_of_the_transaction(recording, bench):  # noqa: F811
    """Clock and random bytes are functions of the transaction: another answer is found where it stands."""
    header, events, footer = recording
    for kind, value in ((ReadClock, 10**18), (ReadRandom, b"\x01\x02\x03\x04\x05")):
        seq = next(
            at
            for at in of(events, kind)
            if len(events[at].answer.value if kind is ReadRandom else b"12345") == 5
        )
        told = explained(
            (header, replaced(events, seq, Event(events[seq].request, Answer(0, value))), footer), bench
        )
        assert told.cause.kind == "tampered"
        assert told.cause.proved
        assert (told.findings[0].line, told.findings[0].seq) == ("main", seq)


def test_answers_of_the_host(shop, bench):
    """A slot that holds something else: it is told which answer the run went astray by, and what it changed."""
    header, events, footer = shop("sell", "tea", 3)
    seq = next(at for at in of(events, StorageRead) if events[at].answer.value == (40).to_bytes(4, "little"))
    forgery = list(events)
    for at in of(events, StorageRead):
        if events[at].answer.value == events[seq].answer.value:
            forgery[at] = Event(events[at].request, Answer(0, (50).to_bytes(4, "little")))
    told = explained((header, forgery, footer), bench)
    assert told.cause.kind == "host"
    assert (told.found.expected, told.found.actual) == (b"left 37\n", b"left 47\n")
    line = CONTRACT.split("\n").index('        print("left", left)') + 1
    assert told.contract_line == f"/contract.py:{line} in sell"
    assert told.vm == "the main VM"
    assert f"main[{max(at for at in of(forgery, StorageRead) if at < told.found.seq)}]" in str(
        told.cause.evidence
    )
    changes = {one.place: (one.first, one.second) for one in told.changes}
    assert changes["value"] == (37, 47)
    assert changes["stock['tea']"] == (37, 47)


def test_an_answer_that_no_host_gives(shop, bench):
    """Bytes of a wrong size and an unknown error byte are found where they stand."""
    header, events, footer = shop("sell", "tea", 3)
    seq = of(events, StorageRead)[-1]
    for answer in (Answer(0, b"x"), Answer(9, b"")):
        told = explained((header, replaced(events, seq, Event(events[seq].request, answer)), footer), bench)
        assert told.cause.kind == "host"
        assert told.findings[0].seq == seq
    told = explained((header, replaced(events, 0, Event(events[0].request, Answer(9, b""))), footer), bench)
    check(told, "host", 0)


def test_code(shop, bench):
    """Other code than the one whose hash the run ends with."""
    header, events, footer = shop("sell", "tea", 3)
    seq = next(at for at in of(events, StorageRead) if events[at].answer.value == CONTRACT.encode())
    other = CONTRACT.replace('print("left"', 'print("LEFT"').encode()
    told = explained(
        (header, replaced(events, seq, Event(events[seq].request, Answer(0, other))), footer), bench
    )
    assert (told.cause.kind, told.cause.proved, told.findings[0].seq) == ("code", True, seq)
    assert told.found.actual == b"LEFT 37\n"


@pytest.mark.parametrize(("pin", "kind"), [("sdk", "code"), ("runtime", "code"), ("engine", "engine")])
def test_pins(shop, bench, pin, kind):
    """A record that comes out otherwise, made with other parts: the difference may come from there."""
    header, events, footer = shop("sell", "tea", 3)
    pins = msgspec.structs.replace(header.pins, **{pin: "another"})
    seq = of(events, WriteStream)[0]
    event = Event(msgspec.structs.replace(events[seq].request, data=b"right 37\n"), events[seq].answer)
    told = explained(
        (msgspec.structs.replace(header, pins=pins), replaced(events, seq, event), footer), bench
    )
    check(told, kind, seq)
    assert pin in told.cause.evidence[0]


def test_memory_limit(shop, bench):
    """Less memory than the run took."""
    header, events, footer = shop("fill", 100 << 20)
    limits = msgspec.structs.replace(header.limits, memory_bytes=64 << 20)
    told = explained((msgspec.structs.replace(header, limits=limits), events, footer), bench)
    assert told.cause.kind == "limit"


def test_answers_of_a_module(node, bench):
    """Another answer of a model: told are the block, the answer, and that the stored outlook is another one."""
    code = (
        HEADER
        + """
class Outlook(gl.Contract):
    word: str

    @gl.public.write
    def ask(self) -> str:
        ask = lambda: gl.nondet.exec_prompt("how will it move?").strip().lower()
        self.word = gl.vm.run_nondet_unsafe(ask, lambda leader: True)
        return self.word
"""
    )
    with running_modules() as modules:
        modules.llm = lambda _: {"Ok": {"data": "Rising", "consumed_gen": 1}}
        options = CallOptions(datetime=WHEN, modules={"llm": modules.address, "web": modules.address})
        address = node.deploy(code.encode(), options=options).address
        run = bench.store.load_run(node.call(address, "ask", options=options).run_id)
    recorder = RunRecorder(run.header)
    for line in run.lines():
        for event in run.read_line(line.name):
            other = event.answer
            if isinstance(event.request, ModuleCall):
                other = Answer(0, calldata.encode({"Ok": {"data": "Falling", "consumed_gen": 1}}))
            recorder.line(line.name).append(event.request, other)
    told = examine(recorder.finish(run.footer).open(), bench).explanation
    assert told is not None
    assert told.cause.kind == "module"
    assert "nondet:0[" in told.cause.evidence[-1]
    assert ("word", "rising", "falling") in [(one.place, one.first, one.second) for one in told.changes]


def test_a_stopped_run_has_no_end(shop, bench):
    """A run that was stopped from outside is compared as far as it went; nothing waits for an end that it never had."""
    header, events, footer = shop("sell", "tea", 3)
    seq = of(events, WriteStream)[0]
    event = Event(msgspec.structs.replace(events[seq].request, data=b"right 37\n"), events[seq].answer)
    footer = msgspec.structs.replace(footer, interrupted=True)
    told = explained((header, replaced(events, seq, event), footer), bench)
    assert (told.found.seq, told.changes) == (seq, ())
    assert "stopped from outside" in told.unknown_end
    assert told.cause.kind != "leak"


def test_an_identical_run_has_no_explanation(shop, bench):
    """And costs no second re-execution."""
    told = examine(forged(*shop("sell", "tea", 3)), bench)
    assert told.report is not None
    assert told.report.identical
    assert told.explanation is None


LIMITS = Limits(1 << 30, None, None)
FOUND = Divergence("main", 5, "data", b"a", b"b")


def test_what_only_rules_can_show():
    """Classes that no mutation of one record can bring about here."""
    damage = JournalDamaged("main", 3, "event", 1, 2)
    assert cause_of(Case(found=damage, limits=LIMITS)).kind == "tampered"
    other = Divergence("main", 6, "data", b"a", b"c")
    assert cause_of(Case(found=FOUND, limits=LIMITS, again=other, repeated=True)).kind == "leak"
    assert cause_of(Case(found=FOUND, limits=LIMITS, again=None, repeated=True)).kind == "leak"
    asked = Event(ModuleCall("llm", b""), Answer(0, b""))
    case = Case(found=FOUND, limits=LIMITS, again=FOUND, repeated=True, told=[("nondet:0[1]", asked)])
    assert cause_of(case).kind == "module"
    assert cause_of(Case(found=FOUND, limits=LIMITS)).kind == "unknown"
    assert set(CAUSES) >= {"tampered", "code", "engine", "leak", "host", "module", "limit"}
