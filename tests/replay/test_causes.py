"""Seeded mutations of every kind, with fitting hashes: each is found at its index, and its class of cause is told."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from guest.block_runs import running_modules

from genvm_replay import calldata
from genvm_replay.errors import Divergence, JournalDamaged
from genvm_replay.journal.events import (
    Answer,
    ConsumeResult,
    Event,
    ModuleCall,
    PostEvent,
    PostMessage,
    ReadClock,
    ReadRandom,
    StorageRead,
    StorageWrite,
    WriteStream,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import Limits
from genvm_replay.replay.causes import CAUSES, Case, cause_of
from genvm_replay.replay.examine import Explanation, examine
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER
from .test_divergence import Recording, changed, forged, recording  # noqa: F401  # a fixture

SEED = 20260102
WHEN = "2026-01-02T03:04:05Z"
CONTRACT = (
    HEADER
    + """
class Moved(gl.Event):
    def __init__(self, what: str, /, **blob): ...

class Shop(gl.Contract):
    stock: TreeMap[str, u32]
    sold: u32

    def __init__(self):
        self.stock["tea"] = u32(40)

    @gl.public.write
    def sell(self, name: str, count: int) -> int:
        left = self.stock[name] - count
        print("left", left)
        if left < 0:
            raise gl.vm.UserError(f"only {self.stock[name]} of {name}")
        self.stock[name] = u32(left)
        self.sold = u32(self.sold + count)
        Moved(name, count=count).emit()
        gl.get_contract_at(Address(b"\\x09" * 20)).emit().restock(name, count)
        return left

    @gl.public.write
    def fail(self) -> None:
        raise ValueError("on purpose")

    @gl.public.write
    def fill(self, size: int) -> int:
        return len(bytearray(size))
"""
)


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


def test_arguments(shop, bench):
    """A changed field of a request that was made: the run does not know it, so the record was changed."""
    header, events, footer = shop("sell", "tea", 3)
    for seq in Random(SEED).sample(range(len(events)), 6):
        request = events[seq].request
        for name in request.__struct_fields__:
            other = msgspec.structs.replace(request, **{name: changed(getattr(request, name))})
            told = explained((header, replaced(events, seq, Event(other, events[seq].answer)), footer), bench)
            check(told, "tampered", seq)
            assert told.found.field == name


def test_storage_messages_and_events(shop, bench):
    """A forged write, message or emitted event; the write also no longer fits the hash of all writes."""
    header, events, footer = shop("sell", "tea", 3)
    for kind, name in ((StorageWrite, "data"), (PostMessage, "calldata"), (PostEvent, "blob")):
        seq = of(events, kind)[-1]
        request = events[seq].request
        other = msgspec.structs.replace(request, **{name: changed(getattr(request, name))})
        told = explained((header, replaced(events, seq, Event(other, events[seq].answer)), footer), bench)
        check(told, "tampered", seq)
        assert (kind is StorageWrite) == bool(told.findings)


def test_order(shop, bench):
    """Two neighbours exchanged."""
    header, events, footer = shop("sell", "tea", 3)
    pairs = [
        at for at in range(len(events) - 1) if type(events[at].request) is not type(events[at + 1].request)
    ]
    for seq in Random(SEED).sample(pairs, 4):
        swapped = [*events[:seq], events[seq + 1], events[seq], *events[seq + 2 :]]
        check(explained((header, swapped, footer), bench), "tampered", seq)


def test_missing(shop, bench):
    """Any event that was cut out, also where its answer is known nowhere else."""
    header, events, footer = shop("sell", "tea", 3)
    for seq in range(len(events)):
        if seq + 1 < len(events) and events[seq] == events[seq + 1]:
            continue
        told = explained((header, replaced(events, seq), footer), bench)
        check(told, "tampered", seq)


def test_extra(shop, bench):
    """An event that was put in, in the middle and behind the end."""
    header, events, footer = shop("sell", "tea", 3)
    for seq in (*Random(SEED).sample(range(len(events)), 3), len(events)):
        more = [*events[:seq], Event(ReadClock(77), Answer(0, 1767323045 * 10**9)), *events[seq:]]
        check(explained((header, more, footer), bench), "tampered", seq)


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


def test_memory_and_storage_hashes(shop, bench):
    """A forged hash in the footer."""
    header, events, footer = shop("sell", "tea", 3)
    for name in ("memory_hash", "storage_hash"):
        other = msgspec.structs.replace(footer, **{name: bytes(32)})
        told = explained((header, events, other), bench)
        check(told, "tampered", None, "footer")
        assert told.found.field == name


def test_fingerprint(shop, bench):
    """The place of an error, forged: the run comes to the recorded end."""
    header, events, footer = shop("fail")
    seq = of(events, ConsumeResult)[0]
    payload = events[seq].request.payload
    wire = calldata.decode(payload[1:])
    wire["fingerprint"]["frames"][0]["func"] = "elsewhere"
    event = Event(ConsumeResult(payload[:1] + calldata.encode(wire)), events[seq].answer)
    check(explained((header, replaced(events, seq, event), footer), bench), "tampered", seq)


def test_fuel(shop, bench):
    """Less fuel than the run took."""
    header, events, footer = shop("sell", "tea", 3, fuel=10**9)
    limits = msgspec.structs.replace(header.limits, fuel=200_000)
    told = explained((msgspec.structs.replace(header, limits=limits), events, footer), bench)
    assert told.cause.kind == "limit"
    assert "OutOfFuel" in told.cause.evidence[0]


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
