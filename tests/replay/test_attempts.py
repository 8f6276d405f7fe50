"""What a module tried for an answer is journaled as bookkeeping: kept and sealed, but no part of what a replay compares."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from modules.serving import RAW, Running, running

from genvm_replay.errors import JournalDamaged
from genvm_replay.executor.engine import Build
from genvm_replay.journal import amendments
from genvm_replay.journal.archive import ArchiveWriter, read_archive
from genvm_replay.journal.bookkeeping import attempts_of
from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import Answer, ModuleAttempt, ReadClock
from genvm_replay.journal.query import RunFilter, search
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.transfer import export_run, import_run
from genvm_replay.replay.audit import audit
from genvm_replay.replay.compare import compare_facts, stream
from genvm_replay.replay.local_modules import Asking
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.rerun import RerunOptions, rerun
from genvm_replay.replay.run_facts import facts_of
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, value

ASKING = (
    HEADER
    + """
class Asking(gl.Contract):
    @gl.public.write
    def ask(self, what: str) -> str:
        def both():
            return gl.nondet.exec_prompt("say first") + gl.nondet.exec_prompt(what)
        return gl.vm.run_nondet(both, lambda res: res.calldata == both())
"""
)
FACTS = {"backend": "b0", "status": 200, "input_tokens": 5, "output_tokens": 2}


@pytest.fixture
def module() -> Iterator[Running]:
    with running() as server:
        yield server


def options(module: Running, *, keep_raw: bool = False) -> CallOptions:
    return CallOptions(modules={"llm": module.address}, asking=Asking(keep_raw=keep_raw))


def asked(node: LocalNode, module: Running, what: str = "try 2", *, keep_raw: bool = False) -> Recorded:
    address = node.deploy(ASKING.encode()).address
    return node.call(address, "ask", [what], options=options(module, keep_raw=keep_raw))


@pytest.mark.parametrize("build", [Build.FAST, Build.PULLEY])
def test_attempts_are_kept_and_not_replayed(
    node: LocalNode, bench: Workbench, module: Running, build: Build
) -> None:
    """They stand beside the line of the answer, with its seq; the guest saw none; a replay has the same root."""
    recorded = asked(node, module, keep_raw=True)
    assert value(recorded) == "firsttried"
    run = bench.store.load_run(recorded.run_id)
    assert [line.name for line in run.lines()] == ["main", "nondet:0"]
    assert [line.name for line in run.bookkeeping()] == ["attempts:nondet:0"]
    found = list(attempts_of(run))
    calls = [
        seq for seq, event in enumerate(run.read_line("nondet:0")) if "ModuleCall" in repr(event.request)
    ]
    assert [(one.line, one.call, one.raw) for one in found] == [("nondet:0", calls[1], RAW)] * 2
    assert dict(found[0].facts) == FACTS
    assert b"backend" not in b"".join(
        event.answer.value for event in run.read_line("nondet:0") if isinstance(event.answer.value, bytes)
    )
    assert run.verify() == ()
    assert reexecute(run, bench, build).identical


def test_raw_answers_only_where_asked(node: LocalNode, bench: Workbench, module: Running) -> None:
    """A module of ours that tells them anyway: the executor asked for attempts, not for raw answers."""
    recorded = asked(node, module)
    assert [one.raw for one in attempts_of(bench.store.load_run(recorded.run_id))] == [None, None]


def test_validators(node: LocalNode, bench: Workbench, module: Running) -> None:
    """Theirs are recorded with their own runs."""
    leader = bench.store.load_run(asked(node, module).run_id)
    addresses = {"llm": module.address}
    rerun(bench, leader, "validator", RerunOptions(modules=addresses, asking=Asking(keep_raw=True)))
    [own] = [run for run in bench.store.list_runs() if run.role == "validator"]
    run = bench.store.load_run(own.id)
    assert [one.raw for one in attempts_of(run)] == [RAW, RAW]
    assert reexecute(run, bench).identical


def test_runs_that_differ_in_attempts_only(node: LocalNode, bench: Workbench, module: Running) -> None:
    """Are the same run; the comparison tells what was tried apart."""
    first, second = (bench.store.load_run(asked(node, module, what).run_id) for what in ("try 1", "try 3"))
    comparison = compare_facts(facts_of(first), facts_of(second))
    assert [one.place for one in comparison.bookkeeping if "attempts" in one.place] == [
        "attempts[1]",
        "attempts[2]",
    ]
    assert not [one for one in stream(first, second) if "attempts" in one.place]


def test_query(node: LocalNode, bench: Workbench, module: Running) -> None:
    """A row for each attempt, and only of runs that have some."""
    recorded = asked(node, module, keep_raw=True)
    asked(node, module, "say nothing")
    store: Any = bench.store
    rows, following = search(store.database, "attempts", RunFilter(method="ask"), 10)
    assert following is None
    assert [(row["run"], row["line"], row["backend"], row["raw_size"]) for row in rows] == [
        (recorded.run_id, "nondet:0", "b0", len(RAW)),
        (recorded.run_id, "nondet:0", "b1", len(RAW)),
    ]


def test_archives(node: LocalNode, bench: Workbench, module: Running, tmp_path: Path) -> None:
    """Take them along."""
    recorded = asked(node, module, keep_raw=True)
    store: Any = bench.store
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    [summary] = [run for run in store.list_runs() if run.id == recorded.run_id]
    export_run(store, summary, writer)
    writer.finish()
    file.seek(0)
    with open_database(tmp_path / "other.db") as other:
        [archived] = read_archive(file, len(file.getvalue()))
        run_id = import_run(other, archived)
        assert run_id is not None
        run = other.load_run(run_id)
        assert run.root == recorded.root
        assert [one.raw for one in attempts_of(run)] == [RAW, RAW]
        assert reexecute(run, bench).identical


CHANGES = {
    "removed": "DELETE FROM segments WHERE line LIKE 'attempts:%'",
    "renamed": "UPDATE segments SET line = 'attempts:main' WHERE line LIKE 'attempts:%'",
    "cut": "UPDATE segments SET data = substr(data, 1, length(data) - 1) WHERE line LIKE 'attempts:%'",
    "another's": "UPDATE segments SET data = (SELECT data FROM segments WHERE line = 'nondet:0') WHERE line LIKE 'attempts:%'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_attempt_is_found(
    node: LocalNode, bench: Workbench, module: Running, tmp_path: Path, change: str
) -> None:
    """The root covers them as it covers everything else."""
    recorded = asked(node, module)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
        assert connection.execute(CHANGES[change]).rowcount == 1
    with pytest.raises(JournalDamaged, match="attempts:"):
        bench.store.load_run(recorded.run_id).verify()


def test_attempts_that_belong_to_nothing(node: LocalNode, bench: Workbench, module: Running) -> None:
    """Whoever forges a whole record can put what he likes beside it; the audit finds what contradicts the rest."""
    run = bench.store.load_run(asked(node, module).run_id)
    assert list(audit(run)) == []
    recorder = RunRecorder(run.header)
    for line in run.all_lines():
        for event in run.read_line(line.name):
            recorder.line(line.name).append(event.request, event.answer)
    recorder.line("attempts:nondet:0").append(ModuleAttempt(999, b""), Answer())
    recorder.line("attempts:main").append(ReadClock(0), Answer(0, 1))
    forged = recorder.finish(run.footer).open()
    assert [(one.place, one.field) for one in audit(forged)] == [
        ("attempts:main[0]", "kind"),
        ("attempts:nondet:0[2]", "call"),
    ]
    assert reexecute(forged, bench).identical


def test_a_removed_raw_answer(node: LocalNode, bench: Workbench, module: Running) -> None:
    """`redact` takes it out of the journal; the run verifies, replays, and says what is missing."""
    recorded = asked(node, module, "try 1", keep_raw=True)
    run = bench.store.load_run(recorded.run_id)
    digests = [digest for name, digest in run.payloads_of("attempts:nondet:0", 0) if name == "answer.value"]
    store: Any = bench.store
    amendments.redact(store.database, digests, "private")
    run = bench.store.load_run(recorded.run_id)
    assert [gone.line for gone in run.verify()] == ["attempts:nondet:0"]
    assert [dict(one.facts) for one in attempts_of(run)] == [{"redacted": "answer.value"}]
    assert reexecute(run, bench).identical
