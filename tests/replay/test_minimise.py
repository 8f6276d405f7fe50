"""A run that replays differently becomes the smallest one that still does, and a test that fails on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from guest.block_runs import running_modules
from msgspec import structs

from genvm_replay.errors import Mismatch, UsageError
from genvm_replay.journal.events import Answer, Event, ModuleCall, StorageRead, StorageWrite
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.local_node import CallOptions, LocalNode
from genvm_replay.replay.minimise import cause_of, minimise, smallest
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.reproduce import differences_in, write_archive
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, STORAGE

TALK = (
    HEADER
    + """
class Talk(gl.Contract):
    count: u32

    @gl.public.write
    def talk(self) -> str:
        said = [gl.vm.run_nondet(lambda: gl.nondet.exec_prompt("a"), lambda res: True) for _ in range(3)]
        self.count = 7
        return str(said)
"""
)


@pytest.fixture
def bench(runtime) -> Iterator[Workbench]:
    """A workbench in memory."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    yield bench
    bench.close()


def forged(run: StoredRun, line: str, seq: int, event: Event, **footer: object) -> StoredRun:
    """The run with another event at one place, all hashes made to fit."""
    recorder = RunRecorder(run.header)
    for summary in run.lines():
        for number, recorded in enumerate(run.read_line(summary.name)):
            kept = event if (summary.name, number) == (line, seq) else recorded
            recorder.line(summary.name).append(kept.request, kept.answer)
    return recorder.finish(structs.replace(run.footer, **footer)).open()


def first(run: StoredRun, kind: type, line: str = "main", *, skip: int = 0) -> tuple[int, Event]:
    """The first event of a kind."""
    found = [(seq, event) for seq, event in enumerate(run.read_line(line)) if isinstance(event.request, kind)]
    return found[skip]


@pytest.fixture
def honest(node: LocalNode, bench: Workbench) -> StoredRun:
    """A run that replays identically."""
    address = node.deploy(STORAGE.encode(), [1]).address
    return bench.store.load_run(node.call(address, "put", ["a", 7, ["x"]]).run_id)


def test_what_comes_after_the_difference_goes(honest: StoredRun, bench: Workbench) -> None:
    """Another write in the middle: the run ends with it, and differs there as before."""
    seq, event = first(honest, StorageWrite, skip=1)
    request = structs.replace(event.request, data=b"other")
    bad = forged(honest, "main", seq, Event(request, event.answer))
    found = minimise(bad, bench)
    assert (found.events, found.difference.seq) == (seq + 1, seq)
    assert found.events < found.events_before
    again = reexecute(found.finished.open(), bench).divergence
    assert again is not None
    assert cause_of(again) == cause_of(found.difference)


def test_lines_that_it_does_not_take_go(node: LocalNode, bench: Workbench) -> None:
    """The second block's prompt is another: the third block's line is not needed; the first one's is."""
    address = node.deploy(TALK.encode()).address
    with running_modules() as modules:
        recorded = node.call(address, "talk", options=CallOptions(modules={"llm": modules.address}))
    run = bench.store.load_run(recorded.run_id)
    seq, event = first(run, ModuleCall, "nondet:1")
    bad = forged(run, "nondet:1", seq, Event(structs.replace(event.request, message=b"\0"), event.answer))
    found = minimise(bad, bench)
    assert (found.difference.line, found.difference.seq) == ("nondet:1", seq)
    lines = {line.name: line.count for line in found.finished.lines}
    assert "nondet:2" not in lines
    assert lines["nondet:1"] == seq + 1
    assert lines["main"] < {line.name: line.count for line in run.lines()}["main"]
    again = reexecute(found.finished.open(), bench).divergence
    assert again is not None
    assert cause_of(again) == cause_of(found.difference)


def test_a_difference_at_the_end_needs_the_whole_record(honest: StoredRun, bench: Workbench) -> None:
    """Another memory hash: nothing can go, the root stays."""
    seq, event = first(honest, StorageRead)
    bad = forged(honest, "main", seq, event, memory_hash=bytes(32))
    found = minimise(bad, bench)
    assert (found.difference.line, found.difference.field) == ("footer", "memory_hash")
    assert found.finished.root == bad.root


def test_an_answer_that_leads_elsewhere(honest: StoredRun, bench: Workbench) -> None:
    """A forged answer shows at a later request: the forged event is kept, as the difference needs it."""
    seq, event = first(honest, StorageRead, skip=-1)
    bad = forged(honest, "main", seq, Event(event.request, Answer(0, b"\xff" * len(event.answer.value))))
    found = minimise(bad, bench)
    assert found.difference.seq is None or found.difference.seq > seq
    again = reexecute(found.finished.open(), bench).divergence
    assert again is not None
    assert cause_of(again) == cause_of(found.difference)


def test_an_honest_run_has_nothing_to_keep(honest: StoredRun, bench: Workbench) -> None:
    """It is told, not written."""
    with pytest.raises(UsageError, match="replays identically"):
        minimise(honest, bench)


def test_the_search_keeps_what_is_needed_of_every_line() -> None:
    """Over all needs of two other lines, none included."""
    counts = {"main": 9, "a": 5, "b": 7}
    for need_a in range(6):
        for need_b in range(8):
            needed = {"main": 4, "a": need_a, "b": need_b}

            def shows(kept, needed=needed) -> bool:
                return all(kept.get(name, 0) >= count for name, count in needed.items())

            kept = smallest(counts, "main", 3, shows)
            assert kept == {name: count for name, count in needed.items() if count}
    assert smallest(counts, "main", 3, lambda _: False) == counts


def test_an_archive_tells_its_differences(
    honest: StoredRun, bench: Workbench, tmp_path: Path, runtime_cache: Path
) -> None:
    """None of an honest run, the recorded one of a forged run; bad files are errors of the caller."""
    seq, event = first(honest, StorageWrite)
    bad = forged(honest, "main", seq, Event(structs.replace(event.request, index=99), event.answer))
    environment = {"GENVM_REPLAY_CACHE": str(runtime_cache)}
    found: list[list[Mismatch]] = []
    for name, run in (("good", honest), ("bad", bad)):
        with (tmp_path / name).open("wb") as out:
            write_archive(minimise(run, bench).finished if run is bad else _whole(run), "put", out)
        found.append(differences_in(tmp_path / name, environment))
    assert found[0] == []
    assert [(one.line, one.seq, one.field) for one in found[1]] == [("main", seq, "index")]
    with pytest.raises(UsageError, match="can't read"):
        differences_in(tmp_path / "nowhere", environment)


def _whole(run: StoredRun):
    recorder = RunRecorder(run.header)
    for event in run.read_line("main"):
        recorder.line("main").append(event.request, event.answer)
    return recorder.finish(run.footer)
