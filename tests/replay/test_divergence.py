"""Any single change in a recorded run is found, at its exact index and field.

The journals here are forged as well as can be: every hash is made to fit the change, so only the re-execution can find
it. (Changes that leave the hashes as they were are found without a re-execution: tests/journal/test_verify.py.)
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from genvm_replay.errors import Divergence, EnvironmentProblem
from genvm_replay.executor.effects.replaying import kind_of
from genvm_replay.journal.events import (
    Answer,
    AnyRequest,
    ConsumeResult,
    Event,
    GetBalance,
    GetCalldata,
    PostEvent,
    ReadClock,
    ReadRandom,
    Request,
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import RunFooter, RunHeader
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.reexecute import ReplayReport, reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import EVERYTHING, value
from .mutations import changed

DETERMINISTIC: list[type[Request]] = [
    *(ConsumeResult, GetBalance, GetCalldata, PostEvent, StorageRead, StorageWrite),
    *(ReadClock, ReadRandom, TraceMessage, WasiCall, WriteStream),
]
"""What one deterministic call can ask for without sending messages or starting other VMs."""
KINDS = {str(cls.__struct_config__.tag) for cls in DETERMINISTIC}

Recording = tuple[RunHeader, list[Event], RunFooter]


def forged(header: RunHeader, events: list[Event], footer: RunFooter) -> StoredRun:
    """A run with these contents whose hashes all fit."""
    recorder = RunRecorder(header)
    for event in events:
        recorder.line("main").append(event.request, event.answer)
    return recorder.finish(footer).open()


@pytest.fixture
def recording(node: LocalNode, bench: Workbench) -> Recording:
    """One call that makes every kind of request in DETERMINISTIC."""
    options = CallOptions(value=3, datetime="2026-01-02T03:04:05Z")
    address = node.deploy(EVERYTHING.encode()).address
    done = node.call(address, "all", ["word"], options=options)
    value(done)
    run = bench.store.load_run(done.run_id)
    events = list(run.read_line("main"))
    assert {kind_of(event.request) for event in events} == KINDS, "a kind is missing in this test"
    return run.header, events, run.footer


def mutations(events: list[Event]) -> Iterator[tuple[int, str, Event]]:
    """Every field of the first event of every kind and of the last one, with its index."""
    seen: set[str] = set()
    for seq, event in enumerate(events):
        kind = kind_of(event.request)
        if kind in seen and seq < len(events) - 1:
            continue
        seen.add(kind)
        for name in event.request.__struct_fields__:
            request = msgspec.structs.replace(event.request, **{name: changed(getattr(event.request, name))})
            yield seq, name, Event(request, event.answer)


def check(run: StoredRun, bench: Workbench, seq: int | None, field: str) -> ReplayReport:
    report = reexecute(run, bench)
    assert isinstance(report.divergence, Divergence), (seq, field)
    assert (report.divergence.seq, report.divergence.field) == (seq, field)
    return report


def test_an_unchanged_copy_is_identical(recording: Recording, bench: Workbench) -> None:
    """The forger's tools alone change nothing."""
    assert reexecute(forged(*recording), bench).identical


def test_every_field_of_every_request(recording: Recording, bench: Workbench) -> None:
    """Found where it stands, with the recorded and the present value."""
    header, events, footer = recording
    count = 0
    for seq, field, event in mutations(events):
        run = forged(header, [*events[:seq], event, *events[seq + 1 :]], footer)
        divergence = check(run, bench, seq, field).divergence
        assert divergence is not None
        assert divergence.expected == getattr(event.request, field)
        assert divergence.actual == getattr(events[seq].request, field)
        count += 1
    assert count >= sum(len(cls.__struct_fields__) for cls in DETERMINISTIC)


def test_another_kind(recording: Recording, bench: Workbench) -> None:
    """A request of another kind in its place."""
    header, events, footer = recording
    other: AnyRequest = ReadClock(77)
    run = forged(header, [*events[:8], Event(other, Answer(0, 5)), *events[9:]], footer)
    check(run, bench, 8, "kind")


def test_missing_extra_and_swapped(recording: Recording, bench: Workbench) -> None:
    """The first index at which the two runs differ."""
    header, events, footer = recording
    pairs = [
        seq
        for seq in range(len(events) - 1)
        if type(events[seq].request) is not type(events[seq + 1].request)
    ]
    for seq in (pairs[0], pairs[len(pairs) // 2], pairs[-1]):
        check(forged(header, events[:seq] + events[seq + 1 :], footer), bench, seq, "kind")
        doubled = [*events[: seq + 1], *events[seq:]]
        check(forged(header, doubled, footer), bench, seq + 1, "kind")
        swapped = [*events[:seq], events[seq + 1], events[seq], *events[seq + 2 :]]
        check(forged(header, swapped, footer), bench, seq, "kind")


def test_cut_and_continued(recording: Recording, bench: Workbench) -> None:
    """A record that ends early, and one that goes on."""
    header, events, footer = recording
    check(forged(header, events[:-1], footer), bench, len(events) - 1, "kind")
    more = [*events, Event(GetCalldata(), Answer(0, b""))]
    check(forged(header, more, footer), bench, len(events), "kind")


@pytest.mark.parametrize("field", RunFooter.__struct_fields__)
def test_every_field_of_the_footer(recording: Recording, bench: Workbench, field: str) -> None:
    """The end of the run is compared field by field."""
    header, events, footer = recording
    new = {"kind": "user_error", "image": "sdk"}.get(field, changed(getattr(footer, field)))
    run = forged(header, events, msgspec.structs.replace(footer, **{field: new}))
    if field == "interrupted":
        assert reexecute(run, bench).prefix_only
        return
    report = reexecute(run, bench)
    assert report.divergence is not None
    if field != "image":  # another snapshot makes other calls from the start
        assert (report.divergence.line, report.divergence.field) == ("footer", field)


def test_an_answer_changes_what_follows(recording: Recording, bench: Workbench) -> None:
    """A forged answer is not found where it stands, which nobody could, but where the run first acts on it."""
    header, events, footer = recording
    consume = len(events) - 1
    clock = next(seq for seq, event in enumerate(events) if isinstance(event.request, ReadClock))
    events = list(events)
    events[clock] = Event(events[clock].request, Answer(0, 10**18))
    report = reexecute(forged(header, events, footer), bench)
    assert report.divergence is not None
    assert report.divergence.seq == consume
    assert report.divergence.field == "payload"


def test_an_answer_that_no_host_gives(recording: Recording, bench: Workbench) -> None:
    """A storage answer of the wrong size, or an error byte that does not exist, is no result of the contract."""
    header, events, footer = recording
    reads = [seq for seq, event in enumerate(events) if isinstance(event.request, StorageRead)]
    for answer in (Answer(0, b"short"), Answer(9, b""), Answer(0, None)):
        forgery = list(events)
        forgery[reads[-1]] = Event(events[reads[-1]].request, answer)
        report = reexecute(forged(header, forgery, footer), bench)
        assert report.divergence is not None
        assert report.divergence.seq == reads[-1] + 1
    forgery = list(events)
    forgery[0] = Event(events[0].request, Answer(9, b""))
    with pytest.raises(EnvironmentProblem, match="unknown error byte 9"):
        reexecute(forged(header, forgery, footer), bench)


def test_other_code_is_other_code(recording: Recording, bench: Workbench) -> None:
    """A contract whose recorded code was exchanged departs from the record."""
    header, events, footer = recording
    code_at = next(
        seq
        for seq, event in enumerate(events)
        if isinstance(event.request, StorageRead) and event.answer.value == EVERYTHING.encode()
    )
    forgery = list(events)
    other = EVERYTHING.replace('print("out", word)', 'print("OUT", word)').encode()
    forgery[code_at] = Event(events[code_at].request, Answer(0, other))
    report = reexecute(forged(header, forgery, footer), bench)
    assert report.divergence is not None
    assert (report.divergence.field, report.divergence.actual) == ("data", b"OUT word\n")


def test_the_result_is_the_last_event(recording: Recording) -> None:
    """consume_result closes the line `main`."""
    _, events, _ = recording
    assert isinstance(events[-1].request, ConsumeResult)
