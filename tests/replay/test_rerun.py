"""Roles over one record, with a real Python contract and scripted modules: who votes what, and what replays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from guest.block_runs import Modules, running_modules
from msgspec import structs

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.journal.events import (
    Answer,
    Event,
    GetLeaderNondetResult,
    ModuleCall,
    StorageRead,
    WasiCall,
)
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.journal.run import Role
from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.rerun import RerunOptions, rerun
from genvm_replay.replay.rounds import Verdict, leader_to_judge, verdicts
from genvm_replay.replay.votes import result_hash
from genvm_replay.replay.workbench import Workbench

from .contracts import value
from .oracle_modules import ORACLE, page, say
from .test_contract_calls import PEER

PRICE_AT = 100


@pytest.fixture(scope="module")
def modules() -> Iterator[Modules]:
    with running_modules() as running:
        yield running


@pytest.fixture
def options(modules: Modules) -> RerunOptions:
    say(modules, PRICE_AT)
    return RerunOptions(modules={"llm": modules.address, "web": modules.address})


@pytest.fixture
def contract(node: LocalNode) -> Recorded:
    return node.deploy(ORACLE.read_bytes())


def led(node: LocalNode, contract: Recorded, modules: Modules, method: str = "update") -> Recorded:
    """A leader's run."""
    addresses = {"llm": modules.address, "web": modules.address}
    args = ["gen"] if method == "update" else []
    return node.call(contract.address, method, args, options=CallOptions(modules=addresses))


def judged(bench: Workbench, leader: StoredRun, role: Role, options: RerunOptions) -> Verdict:
    """Run in a role; the run replays from its own record."""
    made = rerun(bench, leader, role, options)
    found = reexecute(bench.store.load_run(made.run_id), bench)
    assert found.identical, found.divergence
    return row(bench, leader, made.run_id)


def row(bench: Workbench, leader: StoredRun, run_id: int) -> Verdict:
    """What the table of the transaction says of a run."""
    table = verdicts(bench.store, bench.store.find_runs(leader.header.tx.hex()))
    return next(one for one in table if one.run_id == run_id)


def forged(bench: Workbench, run: StoredRun, seq: int, answer: Answer) -> StoredRun:
    """The same record with another answer on its main line, and hashes that fit; stored as a run of its own."""
    recorder = RunRecorder(run.header)
    for line in run.lines():
        for at, event in enumerate(run.read_line(line.name)):
            changed = answer if (line.name, at) == ("main", seq) else event.answer
            recorder.line(line.name).append(event.request, changed)
    return bench.store.load_run(bench.store.commit(recorder.finish(run.footer)))


def main(run: StoredRun) -> list[Event]:
    return list(run.read_line("main"))


def test_honest_validators_agree(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """They ask the modules themselves, come to the same result, storage and fingerprint, and change no state."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    say(modules, PRICE_AT + 3)
    before = dict(bench.store.state.pages(contract.address.raw))
    found = judged(bench, run, "validator", options)
    assert (found.vote.word, found.vote.block, found.vote.difference) == ("agree", None, None)
    assert found.storage_hash == run.footer.storage_hash
    child = bench.store.load_run(found.run_id)
    assert (child.header.parent, child.header.tx, found.leader_id) == (
        run.root,
        run.header.tx,
        run.summary.id,
    )  # type: ignore[union-attr]
    assert {line.name for line in child.lines()} == {"main", "nondet:0", "nondet:1"}
    assert dict(bench.store.state.pages(contract.address.raw)) == before


@pytest.mark.parametrize(
    ("price", "word", "status", "block"),
    [
        (PRICE_AT, "fair", 503, 0),
        (PRICE_AT + 6, "fair", 200, 0),
        (PRICE_AT, "low", 200, 1),
    ],
    ids=["flaky page", "another price", "another word"],
)
def test_a_validator_that_disagrees(
    node: LocalNode,
    bench: Workbench,
    contract: Recorded,
    modules: Modules,
    options: RerunOptions,
    price: int,
    word: str,
    status: int,
    block: int,
) -> None:
    """The vote names the first block; the deterministic part is still the leader's."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    say(modules, price, word, status)
    found = judged(bench, run, "validator", options)
    assert (found.vote.word, found.vote.block, found.vote.difference) == ("disagree", block, None)
    assert found.storage_hash == run.footer.storage_hash


@pytest.mark.parametrize("price", [PRICE_AT, 2000], ids=["returns", "fails"])
def test_sync_takes_what_the_leader_found(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions, price: int
) -> None:
    """No module is asked, no block is run; result and fingerprint are the leader's, also where they are wrong."""
    say(modules, price)
    run = bench.store.load_run(led(node, contract, modules).run_id)
    modules.heard.clear()
    found = judged(bench, run, "sync", options)
    leader = row(bench, run, found.leader_id or 0)
    assert (found.vote.word, found.vote.difference, modules.heard) == ("agree", None, [])
    assert (found.result_hash, found.fingerprint) == (leader.result_hash, leader.fingerprint)
    assert (leader.fingerprint is None) == (price == PRICE_AT)
    assert [line.name for line in bench.store.load_run(found.run_id).lines()] == ["main"]


def test_an_appeal_against_a_leader_that_was_lied_to(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """The new leader comes to another result; the validator functions reject the old one's, and stand in its round."""
    say(modules, 480)
    lied = led(node, contract, modules)
    run = bench.store.load_run(lied.run_id)
    say(modules, PRICE_AT)
    new = judged(bench, run, "leader", options)
    assert (new.vote.word, new.payload) != (None, run.footer.payload)
    assert new.vote.difference is not None
    assert (new.vote.difference.line, new.vote.difference.field) == ("main", "result")
    assert judged(bench, run, "appeal", options).vote.word == "disagree"
    honest = leader_to_judge(bench.store, bench.store.find_runs(lied.tx.hex()), None)
    assert judged(bench, honest, "validator", options).vote.word == "agree"
    table = verdicts(bench.store, bench.store.find_runs(lied.tx.hex()))
    assert [(one.round, one.role, one.vote.word) for one in table] == [
        (0, "leader", None),
        (1, "leader", None),
        (1, "appeal", "disagree"),
        (1, "validator", "agree"),
    ]
    assert value(lied) == 480, "the local node keeps what its own leader found"


def test_a_leader_that_computed_on_another_storage(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """A record whose storage answer does not lead to what it wrote: a deterministic violation, at the write."""
    run = bench.store.load_run(led(node, contract, modules, "rise").run_id)
    reads = [seq for seq, event in enumerate(main(run)) if isinstance(event.request, StorageRead)]
    lie = forged(bench, run, reads[-2], Answer(0, (41).to_bytes(8, "little")))
    for role in ("validator", "sync"):
        found = judged(bench, lie, role, options)  # type: ignore[arg-type]
        assert found.vote.word == "deterministic violation"
        assert found.vote.difference is not None
        assert (found.vote.difference.line, found.vote.difference.field) == ("main", "data")
        assert found.vote.difference.expected == (1).to_bytes(8, "little")
        assert found.vote.difference.actual == (42).to_bytes(8, "little")


def test_the_state_is_that_of_the_record(node: LocalNode, bench: Workbench, options: RerunOptions) -> None:
    """Own and other contracts, written and then viewed, coins sent: as it was then, however much happened since."""
    first, second = (node.deploy(PEER.encode()).address for _ in range(2))
    rich = CallOptions(value=9)
    runs = [
        node.call(first, "then_view", [second]),
        node.call(first, "pay", [second, [4, 5]], options=rich),
    ]
    for _ in range(2):
        node.call(second, "then_view", [first])
        node.call(first, "then_view", [second])
        node.call(first, "pay", [second, [1]], options=rich)
    for recorded in runs:
        for role in ("validator", "sync"):
            run = bench.store.load_run(recorded.run_id)
            found = judged(bench, run, role, options)  # type: ignore[arg-type]
            assert (found.vote.word, found.vote.difference) == ("agree", None)
            assert found.result_hash == result_hash(run.footer)
    bench.store.state.drop()
    assert judged(bench, bench.store.load_run(runs[0].run_id), "validator", options).vote.word == "agree"


def test_another_way_to_the_same_end(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """What nobody outside sees is no violation: it is told as the first difference, with the versions that differ."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    events, skipped = main(run), 0
    recorder = RunRecorder(structs.replace(run.header, pins=structs.replace(run.header.pins, sdk="another")))
    for seq, event in enumerate(events):
        if isinstance(event.request, WasiCall) and not skipped:
            skipped = seq
        else:
            recorder.line("main").append(event.request, event.answer)
    other = bench.store.load_run(bench.store.commit(recorder.finish(run.footer)))
    found = judged(bench, other, "validator", options)
    assert (found.vote.word, found.other_pins) == ("agree", ("sdk",))
    assert found.vote.difference is not None
    assert (found.vote.difference.line, found.vote.difference.seq) == ("main", skipped)
    assert (found.result_hash, found.storage_hash) == (
        result_hash(run.footer),
        run.footer.storage_hash,
    )


def test_a_leader_that_ran_another_contract(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """The code in the record asks for what the record does not show: the read is refused, and the vote says so."""
    run = bench.store.load_run(led(node, contract, modules, "rise").run_id)
    events = main(run)
    code = next(
        seq for seq, event in enumerate(events) if len(getattr(event.answer, "value", b"") or b"") > 500
    )
    text = events[code].answer.value
    assert isinstance(text, bytes)
    other = text.replace(b"return self.price\n", b"return self.mood \n")
    assert (len(other), other != text) == (len(text), True)
    lie = forged(bench, run, code, Answer(0, other))
    made = rerun(bench, lie, "validator", options)
    assert made.refused[0].startswith(f"storage of {contract.address.checksummed}, slot 0x")
    found = row(bench, lie, made.run_id)
    assert (found.vote.word, found.payload) == ("deterministic violation", b"absent")
    assert reexecute(bench.store.load_run(made.run_id), bench).identical


def test_a_deadline_is_a_timeout(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """A validator whose page does not come in time votes timeout; such a run leads nobody."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    done = threading.Event()
    modules.web = lambda _asked: done.wait(20) and page("1")
    found = judged(bench, run, "validator", replace(options, deadline_ms=300))
    new = rerun(bench, run, "leader", replace(options, deadline_ms=300)).run_id
    done.set()
    assert (found.vote.word, found.payload) == ("timeout", run.footer.payload)
    with pytest.raises(
        UsageError, match=f"run {new} has no result to judge: it was stopped from outside; `appeal`"
    ):
        rerun(bench, bench.store.load_run(new), "validator", options)


def test_a_validator_function_without_an_end(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """It is stopped after the deterministic part has returned: still a timeout, not a disagreement."""
    run = bench.store.load_run(led(node, contract, modules, "stall").run_id)
    found = judged(bench, run, "validator", replace(options, deadline_ms=300))
    assert (found.vote.word, found.kind) == ("timeout", "return")


def test_a_validator_without_a_verdict(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """A module that fails makes the whole run internal: no vote, and nothing to be judged by others."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    modules.web = lambda _asked: {"FatalError": "out of order"}
    found = judged(bench, run, "validator", options)
    assert (found.vote.word, found.kind) == (None, "internal_error")
    new = rerun(bench, run, "leader", options).run_id
    with pytest.raises(
        UsageError, match=f"run {new} has no result to judge: it ended with an internal error"
    ):
        rerun(bench, bench.store.load_run(new), "sync", options)


def test_reads_outside_of_the_record(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """A new leader that takes another way: refused with what it asked for, unless the local state may answer."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    count = len(bench.store.list_runs())
    say(modules, 600)
    with pytest.raises(
        UsageError, match=r"asks for storage of 0x\w+, slot 0x\w+, bytes .*--state local reads it"
    ):
        rerun(bench, run, "leader", options)
    assert len(bench.store.list_runs()) == count
    found = judged(bench, run, "leader", replace(options, local_state=True))
    assert (found.kind, found.payload) == ("return", b"\xc1\x25")  # 600


def test_a_module_that_is_not_there(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """No vote is recorded for a validator that could not ask."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    count = len(bench.store.list_runs())
    with pytest.raises(EnvironmentProblem, match="needs the web module: no answer from"):
        rerun(bench, run, "validator", replace(options, modules={"web": "ws://127.0.0.1:1"}))
    assert len(bench.store.list_runs()) == count


def test_a_validators_record_holds_its_own_answers(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """On the main line the leader's results, on the lines of the blocks what this validator's modules said."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    say(modules, PRICE_AT + 1)
    child = bench.store.load_run(rerun(bench, run, "validator", options).run_id)
    taken = [event.answer.value for event in main(child) if isinstance(event.request, GetLeaderNondetResult)]
    assert taken == [b"\x00\xa1\x06", b"\x00\x24fair"]
    [asked] = [e for e in child.read_line("nondet:0") if isinstance(e.request, ModuleCall)]
    assert b"101" in (asked.answer.value if isinstance(asked.answer.value, bytes) else b"")


def test_only_leaders_are_judged(node: LocalNode, bench: Workbench, contract: Recorded) -> None:
    """Which run is meant has to be a leader's; the error lists them."""
    runs = bench.store.find_runs(contract.tx.hex())
    with pytest.raises(UsageError, match="run 99 is no leader's run of this transaction; these are: 1"):
        leader_to_judge(bench.store, runs, 99)
    other = [replace(run, role="sync") for run in runs]
    with pytest.raises(UsageError, match="has no leader's run"):
        leader_to_judge(bench.store, other, None)


def test_a_leader_that_is_not_here(
    node: LocalNode, bench: Workbench, contract: Recorded, modules: Modules, options: RerunOptions
) -> None:
    """Its validators are listed without a vote: it can't be told what they were asked about."""
    run = bench.store.load_run(led(node, contract, modules).run_id)
    made = rerun(bench, run, "validator", options).run_id
    alone = [one for one in bench.store.find_runs(run.header.tx.hex()) if one.id == made]
    [found] = verdicts(bench.store, alone)
    assert (found.round, found.leader_id, found.parent, found.vote.word) == (0, None, run.root, None)
