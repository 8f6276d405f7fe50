"""Two runs are compared level by level; what differs is named, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from genvm_replay.calldata import Value
from genvm_replay.journal.events import Event, GetBalance, ReadClock
from genvm_replay.journal.run import RunFooter
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.compare import ABSENT, Comparison, compare_facts, stream, text_diff, values
from genvm_replay.replay.field_names import Pieces, TypeRow, field_names
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.run_facts import block_result, facts_of
from genvm_replay.replay.storage_layout import storage_layout

from .contracts import EVERYTHING, STORAGE
from .test_divergence import forged

WHEN = CallOptions(datetime="2026-01-02T03:04:05Z")


def compared(node: LocalNode, first: Recorded, second: Recorded, code: str = STORAGE) -> Comparison:
    bench = node._bench
    runs = [bench.store.load_run(one.run_id) for one in (first, second)]
    facts = [facts_of(run) for run in runs]
    layout = storage_layout(bench.runtime, code.encode())
    found = compare_facts(*facts, field_names(layout, *(Pieces(one.known) for one in facts)))
    found.differences += stream(*runs)
    return found


def at(found: Comparison, level: str) -> dict[str, tuple[Value, Value]]:
    return {one.place: (one.first, one.second) for one in found.differences if one.level == level}


@pytest.fixture
def ledgers(node: LocalNode) -> list:
    """Two equal contracts, so that the same call can be run twice on the same state."""
    return [node.deploy(STORAGE.encode(), [5], options=WHEN).address for _ in range(2)]


def test_a_run_is_the_same_as_itself(node, ledgers):
    """Nothing differs, not even bookkeeping."""
    one = node.call(ledgers[0], "put", ["a", 1, ["x"]], options=WHEN)
    found = compared(node, one, one)
    assert found.same
    assert found.bookkeeping == []


def test_storage_is_named_by_field(node, ledgers):
    """Numbers, texts, entries of a map and items inside them have the names of the source, and decoded values."""
    one = node.call(ledgers[0], "put", ["alice", 7, ["x", "a long tag"]], options=WHEN)
    other = node.call(ledgers[1], "put", ["alice", 9, ["x", "tag"]], options=WHEN)
    told = at(compared(node, one, other), "storage")
    assert told == {
        "total": (12, 14),
        "entries['alice'].amount": (7, 9),
        "entries['alice'].tags[1]": ("a long tag", "tag"),
    }


def test_containers_inside_containers(node, ledgers):
    """The way goes down through maps of maps of arrays; what only one run wrote is absent in the other."""
    one = node.call(ledgers[0], "nest", [3, "row", [1, -2]], options=WHEN)
    other = node.call(ledgers[1], "nest", [3, "row", [1, -5, 6]], options=WHEN)
    told = at(compared(node, one, other), "storage")
    assert told == {
        "len(nested[3]['row'])": (2, 3),
        "nested[3]['row'][1]": (-2, -5),
        "nested[3]['row'][2]": (ABSENT, 6),
    }


def test_without_a_layout_slot_and_offset(node, ledgers):
    """Code that is no text has no names; the place is exact all the same."""
    assert storage_layout(node._bench.runtime, b"\0asm\1\0\0\0") == []
    one = node.call(ledgers[0], "nest", [3, "row", [1]], options=WHEN)
    other = node.call(ledgers[1], "nest", [3, "row", [2]], options=WHEN)
    runs = [node._bench.store.load_run(run.run_id) for run in (one, other)]
    [place] = at(compare_facts(*map(facts_of, runs)), "storage")
    assert place.startswith("slot 0x")
    assert place.endswith("[0:8]")


def test_a_hostile_layout_gives_no_names(node):
    """A contract may answer anything: an index that leads nowhere is not followed."""
    code = (
        STORAGE + '\nimport json\njson.dumps = lambda _: \'[{"kind":"array","name":"","size":1,"item":9}]\'\n'
    )
    assert storage_layout(node._bench.runtime, code.encode()) == []


def test_a_layout_without_end_is_cut():
    """Arrays of arrays of nothing, 10,000 to the power of 30 of them, take no time: what is walked is bounded."""
    rows = [TypeRow("array", "a", 1, count=10_000, item=number + 1) for number in range(30)]
    names = field_names([*rows, TypeRow("record", "r", 0)])
    assert names.spans == {}


def test_a_failed_run_leaves_nothing(node, ledgers):
    """Its writes do not stand: the storage of two failed runs is the same, their messages differ."""
    one, other = (node.call(ledgers[0], "drop", [name], options=WHEN) for name in ("x", "y"))
    found = compared(node, one, other)
    assert at(found, "result") == {"value": ("no entry x", "no entry y")}
    assert at(found, "storage") == {}
    assert at(found, "input") == {"call.args[0]": ("x", "y")}
    assert {one.place for one in found.bookkeeping} >= {"tx", "root"}


def test_events_and_the_result(node):
    """What was emitted, field by field; the first difference of the stream is the call."""
    address = node.deploy(EVERYTHING.encode(), options=WHEN).address
    found = compared(
        node, *(node.call(address, "all", [word], options=WHEN) for word in ("one", "three")), EVERYTHING
    )
    assert at(found, "messages")["[0].blob.size"] == (3, 5)
    assert "text" in at(found, "storage")
    [[place, _]] = at(found, "stream").items()
    assert place.startswith("main[")
    assert place.endswith("answer.value")


@pytest.fixture
def run(node) -> StoredRun:
    """A run with an answer of every kind."""
    address = node.deploy(EVERYTHING.encode(), options=WHEN).address
    return node._bench.store.load_run(node.call(address, "all", ["word"], options=WHEN).run_id)


def copied(run: StoredRun, change) -> StoredRun:
    return forged(run.header, change(list(run.read_line("main"))), run.footer)


@pytest.mark.parametrize("at_seq", [0, 7, 15])
def test_every_difference_of_the_stream(run, at_seq):
    """A missing, an extra and a changed event are one difference each; with `every`, all are found."""
    dropped = copied(run, lambda events: events[:at_seq] + events[at_seq + 1 :])
    added = copied(
        run, lambda events: [*events[:at_seq], Event(GetBalance(b"x"), events[0].answer), *events[at_seq:]]
    )
    for other, count in ((dropped, 1), (added, 1)):
        [first] = stream(run, other)
        assert first.place.startswith(f"main[{at_seq}]")
        assert len(list(stream(run, other, every=True))) == count

    def twice(events: list[Event]) -> list[Event]:
        for seq in (at_seq, len(events) - 1):
            events[seq] = Event(ReadClock(99), events[seq].answer)
        return events

    places = [one.place for one in stream(run, copied(run, twice), every=True)]
    assert places == [f"main[{at_seq}]: kind", f"main[{len(list(run.read_line('main'))) - 1}]: kind"]


def test_an_answer_is_a_difference_of_its_own(run):
    """Equal requests with other answers: the host or a module said something else."""
    clock = next(
        seq for seq, event in enumerate(run.read_line("main")) if isinstance(event.request, ReadClock)
    )

    def change(events: list[Event]) -> list[Event]:
        events[clock] = Event(events[clock].request, msgspec.structs.replace(events[clock].answer, value=1))
        return events

    [found] = stream(run, copied(run, change))
    assert (found.place, found.second) == (f"main[{clock}]: answer.value", 1)


def test_footers_alone(run):
    """Another hash of memory shows as a fingerprint, and as nothing else."""
    footer: RunFooter = msgspec.structs.replace(run.footer, memory_hash=bytes(32))
    other = forged(run.header, list(run.read_line("main")), footer)
    found = compare_facts(facts_of(run), facts_of(other))
    assert [(one.level, one.place) for one in found.differences] == [("fingerprints", "memory_hash")]


def test_answers_of_models_are_compared_as_values_and_texts():
    """A long text shows its lines; structures are entered; an address is no text."""
    first = {"block 0": block_result(b"\0" + b"\x0e\x01a\x0c"), "n": [1, {"k": "short"}]}
    second = {"block 0": block_result(b"\x02exit_code 1"), "n": [1, {"k": "other"}, 3]}
    told = {one.place: (one.first, one.second) for one in values("answers", first, second)}
    assert told["block 0.code"] == (0, 2)
    assert told["n[1].k"] == ("short", "other")
    assert told["n[2]"] == (ABSENT, 3)
    assert text_diff("line\n" * 20 + "a\nend", "line\n" * 20 + "b\nend")[3:] == (" line", "-a", "+b", " end")
    assert text_diff("a", "b") == ()


def test_true_is_not_one():
    """Values of other types differ even where Python calls them equal."""
    assert [one.place for one in values("result", {"value": True}, {"value": 1})] == ["value"]
