"""A recorded transaction in a world in which one thing is otherwise: what changes, and what nobody can know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from guest.block_runs import running_modules
from msgspec import structs

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.errors import UsageError
from genvm_replay.executor.effects import Live, Recording, Streams
from genvm_replay.executor.effects.supposing import Changes
from genvm_replay.executor.engine import Build
from genvm_replay.executor.moment import clock_ns
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.journal.events import Answer, GetLeaderNondetResult
from genvm_replay.journal.memory_store import MemoryStore
from genvm_replay.journal.recorder import RunRecorder
from genvm_replay.replay.decisive import TRIES_MAX, Decision, decide, emptied, search
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.what_if import Supposition, WhatIf
from genvm_replay.replay.workbench import Workbench, footer_of

from .contracts import EVERYTHING, HEADER, STORAGE
from .test_contract_calls import PEER

BANK = (
    HEADER
    + """
class Paid(gl.Event):
    def __init__(self, amount: int, /): ...

@gl.contract_interface
class Other:
    class View: ...
    class Write:
        def take(self): ...

class Bank(gl.Contract):
    limit: u32
    other: u32
    paid: u32

    def __init__(self):
        self.limit = 5

    @gl.public.write.payable
    def pay(self, amount: int) -> str:
        if amount > self.limit:
            raise gl.vm.UserError("too much")
        if self.balance > 1000:
            self.paid = self.other
        else:
            self.paid = amount
        Paid(amount).emit()
        Other(Address(b"o" * 20)).emit().take()
        return f"paid {self.paid}"

    @gl.public.write
    def ask(self) -> list:
        first = gl.vm.run_nondet(lambda: gl.nondet.exec_prompt("one"), lambda res: True)
        second = gl.vm.run_nondet(lambda: gl.nondet.exec_prompt("two"), lambda res: True)
        if not first and not second:
            raise gl.vm.UserError("nobody said anything")
        self.paid = 1
        return [first, second]
"""
)


@pytest.fixture
def bench(runtime) -> Iterator[Workbench]:
    """A workbench in memory."""
    bench = Workbench(MemoryStore(), lambda: runtime)
    yield bench
    bench.close()


def supposition(bench: Workbench, recorded: Recorded) -> Supposition:
    return Supposition(bench.store.load_run(recorded.run_id), bench)


def returned(found: WhatIf) -> Value:
    assert found.supposed is not None, found.refused
    assert found.supposed.kind == "return", found.supposed
    return calldata.decode(found.supposed.payload)


@pytest.fixture
def paid(node: LocalNode, bench: Workbench) -> Supposition:
    """A payment of 3, which the limit of 5 allows."""
    address = node.deploy(BANK.encode()).address
    return supposition(bench, node.call(address, "pay", [3], options=CallOptions(value=9)))


def test_with_nothing_changed_nothing_changes(node: LocalNode, bench: Workbench) -> None:
    """The record's world is enough to come to the same result, of every kind, deployments and failures included."""
    ledger = node.deploy(STORAGE.encode(), [1])
    everything = node.deploy(EVERYTHING.encode())
    peer = node.deploy(PEER.encode())
    runs = [
        *(ledger, everything, peer),
        node.call(ledger.address, "put", ["a", 7, ["x" * 5000]]),
        node.call(ledger.address, "note", ["a", 0]),
        node.call(ledger.address, "drop", ["nobody"]),
        node.call(ledger.address, "put", []),
        node.call(ledger.address, "dump", view=True),
        node.call(everything.address, "all", ["hi"], options=CallOptions(value=3)),
        node.call(everything.address, "all", ["hi"], options=CallOptions(fuel=500_000, deadline_ms=None)),
        node.call(peer.address, "who", [[peer.address, ledger.address]], view=True),
        node.call(peer.address, "down", [3], view=True),
        node.deploy(b"no header"),
    ]
    for recorded in runs:
        found = supposition(bench, recorded).suppose(Changes())
        assert (found.refused, found.changed) == ("", ()), recorded.report


def test_other_storage_another_result(paid: Supposition) -> None:
    """The limit is 2 instead of 5: the same call is refused, and what it wrote and sent is gone."""
    [root] = {slot for slot, _, _ in paid.recorded.written}
    found = paid.suppose(Changes(storage=((root, 0, b"\2\0\0\0"),)))
    assert found.supposed is not None
    assert (found.supposed.kind, found.changed) == ("user_error", ("result", "storage", "messages", "events"))
    assert (len(found.recorded.sent), len(found.recorded.emitted)) == (1, 1)
    assert (found.supposed.sent, found.supposed.emitted, found.supposed.written) == ((), (), ())
    same = paid.suppose(Changes(storage=((root, 0, b"\3"),)))
    assert (returned(same), same.noticed) == ("paid 3", True)
    unread = paid.suppose(Changes(storage=((root, 40, b"\3"),)))
    assert (unread.changed, unread.noticed) == ((), False)


def test_what_the_record_does_not_know_is_refused(paid: Supposition) -> None:
    """With a great balance the contract reads a field that the recorded run never read: nobody knows what is there."""
    address = paid._contract
    found = paid.suppose(Changes(balances={address: 2000}))
    assert found.supposed is None
    assert found.finished is None
    assert "reads 4 bytes at 4 of slot" in found.refused
    [root] = {slot for slot, _, _ in paid.recorded.written}
    both = paid.suppose(Changes(balances={address: 2000}, storage=((root, 4, b"\x08\0\0\0"),)))
    assert returned(both) == "paid 8"
    assert both.changed == ("result", "storage")


def test_another_contract_on_the_same_record(paid: Supposition) -> None:
    """A corrected contract, and one that fails; the record's storage and calldata are the same."""
    better = paid.suppose(Changes(), BANK.replace("self.paid = amount", "self.paid = amount + 1").encode())
    assert returned(better) == "paid 4"
    assert better.changed == ("result", "storage")
    broken = paid.suppose(Changes(), BANK.replace("self.paid = amount", "self.paid = nothing").encode())
    assert broken.supposed is not None
    assert (broken.supposed.kind, broken.supposed.payload) == ("vm_error", b"exit_code 1")
    none = paid.suppose(Changes(), b"nothing at all")
    assert none.supposed is not None
    assert none.supposed.payload.startswith(b"invalid_contract")


def test_nothing_is_journaled_and_a_supposed_run_replays(paid: Supposition, bench: Workbench) -> None:
    """Its own record is whole: it points at the recorded run, has an id of its own, and replays on another engine."""
    before = len(bench.store.list_runs())
    [root] = {slot for slot, _, _ in paid.recorded.written}
    found = paid.suppose(Changes(storage=((root, 0, b"\2"),)))
    other = paid.suppose(Changes(storage=((root, 0, b"\1"),)))
    assert len(bench.store.list_runs()) == before
    assert found.finished is not None
    assert other.finished is not None
    assert found.finished.header.parent == paid._run.root
    assert len({found.finished.header.tx, other.finished.header.tx, paid._run.header.tx}) == 3
    stored = bench.store.load_run(bench.store.commit(found.finished))
    for build in (Build.FAST, Build.PULLEY):
        assert reexecute(stored, bench, build).identical


@pytest.fixture
def asked(node: LocalNode, bench: Workbench) -> Supposition:
    """A call with two prompts, both answered `yes`."""
    address = node.deploy(BANK.encode()).address
    with running_modules() as modules:
        options = CallOptions(modules={"llm": modules.address, "web": modules.address})
        recorded = node.call(address, "ask", options=options)
    return supposition(bench, recorded)


def test_other_answers_of_models(asked: Supposition) -> None:
    """One block with another result, the other as recorded; no module is asked."""
    said = asked.suppose(Changes(results={1: b"\0" + calldata.encode("perhaps")}))
    assert (returned(said), said.changed) == (["yes", "perhaps"], ("result",))
    failed = asked.suppose(Changes(results={0: b"\1refused"}))
    assert failed.supposed is not None
    assert failed.supposed.kind != "return"
    assert failed.finished is not None
    assert failed.finished.open().header.role == "sync"


def test_only_both_answers_together_are_decisive_when_empty(asked: Supposition) -> None:
    """The table has each alone, and tells an empty answer from an error."""
    decision = decide(asked)
    rows = {(row.call_no, row.replaced_by): row.decisive for row in decision.table}
    assert rows == {(0, "empty"): False, (0, "error"): True, (1, "empty"): False, (1, "error"): True}
    assert (decision.smallest, decision.replaced_by, decision.complete) == ((0,), "error", True)


@pytest.mark.parametrize(("needed", "smallest"), [(1, (0,)), (2, (0, 1)), (3, (0, 1, 2))])
def test_the_smallest_set_is_found(
    node: LocalNode, bench: Workbench, needed: int, smallest: tuple[int, ...]
) -> None:
    """A vote of three pages: as many as are needed to turn it, and no more."""
    voting = (
        HEADER
        + f"""
class Voting(gl.Contract):
    passed: bool

    @gl.public.write
    def vote(self) -> int:
        votes = 0
        for _ in range(3):
            try:
                votes += len(gl.vm.run_nondet(lambda: gl.nondet.exec_prompt("vote"), lambda res: True)) > 0
            except gl.vm.UserError:
                pass
        self.passed = votes > 3 - {needed}
        return 1
"""
    )
    address = node.deploy(voting.encode()).address
    with running_modules() as modules:
        recorded = node.call(address, "vote", options=CallOptions(modules={"llm": modules.address}))
    decision = decide(supposition(bench, recorded))
    assert (decision.smallest, decision.complete) == (smallest, True)
    assert len(decision.table) == 6


def test_a_run_without_such_answers_hangs_on_none(paid: Supposition) -> None:
    """An empty table."""
    assert decide(paid) == Decision(table=())


def test_the_search_ends(asked: Supposition) -> None:
    """With many answers of which no set flips the run, it says that there are more sets than it tried."""
    same = asked.suppose(Changes())
    sizes: list[int] = []

    def suppose(results: Mapping[int, bytes]) -> WhatIf:
        sizes.append(len(results))
        return same

    decision = search(dict.fromkeys(range(40), b"\x00\x00"), suppose)
    assert (decision.smallest, decision.complete, len(decision.table)) == ((), False, 80)
    assert len(sizes) == 2 * TRIES_MAX
    assert sizes == sorted(sizes)


class Judging(LocalHost):
    """The node of a validator: it has a leader's result."""

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        return Answer(0, b"\0" + calldata.encode("yes"))


def test_a_validators_vote_on_another_result(node: LocalNode, bench: Workbench) -> None:
    """A validator's record is judged again: its validator function sees the supposed result, and turns."""
    code = BANK.replace("lambda res: True", 'lambda res: res.calldata == "yes"').encode()
    address = node.deploy(code).address
    state, call = bench.store.state, calldata.encode({"method": "ask"})
    with running_modules() as modules:
        leader = node.call(address, "ask", options=CallOptions(modules={"llm": modules.address}))
    header = structs.replace(bench.store.load_run(leader.run_id).header, role="validator")
    recorder = RunRecorder(header)

    class Before:
        def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
            return state.read_page(address, slot, page)

        def balance(self, address: bytes) -> int:
            return 0

    live = Live(Judging(Before(), address.raw, call, 0), clock_ns(header.message), Streams())
    report = bench.execute(header, Recording(live, recorder), Build.EPOCH)
    assert report.disagreement is None
    run = recorder.finish(footer_of(report)).open()
    judged = Supposition(run, bench)
    assert judged.suppose(Changes()).changed == ()
    found = judged.suppose(Changes(results={1: b"\0" + calldata.encode("no")}))
    assert found.supposed is not None
    assert (found.supposed.disagreement, found.changed) == (1, ("result", "vote"))
    assert decide(judged).smallest == (0,)


def test_empty_answers_keep_their_type() -> None:
    """So that a contract does not only fail at another type."""
    for value, empty in [
        ("a", ""),
        (5, 0),
        (True, False),
        (b"x", b""),
        ([1], []),
        ({"a": 1}, {}),
        (None, None),
    ]:
        assert emptied(b"\0" + calldata.encode(value)) == b"\0" + calldata.encode(empty)
    assert emptied(b"\1error") == emptied(b"\0\xff\xff") == b"\0" + calldata.encode(None)


def test_changes_that_make_no_sense(paid: Supposition, node: LocalNode, bench: Workbench) -> None:
    """Refused before anything runs."""
    with pytest.raises(UsageError, match="has no nondeterministic block 3; it has none"):
        paid.suppose(Changes(results={3: b"\0\0"}))
    with pytest.raises(UsageError, match="the balance of"):
        paid.suppose(Changes(balances={b"a" * 20: 2**256}))
    spin = BANK.replace('return f"paid', 'while True: pass\n        return f"paid')
    address = node.deploy(spin.encode()).address
    stopped = node.call(address, "pay", [1], options=CallOptions(deadline_ms=200))
    with pytest.raises(UsageError, match="was stopped from outside"):
        supposition(bench, stopped)


def test_reads_of_other_states_do_not_see_what_the_run_wrote(node: LocalNode, bench: Workbench) -> None:
    """What a host says to a view of the contract that is just writing, the record can't tell for other bytes."""
    looking = (
        HEADER
        + """
class Looking(gl.Contract):
    one: u32
    two: u32

    @gl.public.write
    def look(self) -> int:
        self.one = 7
        return gl.get_contract_at(self.address).view().two_of()

    @gl.public.view
    def two_of(self) -> int:
        return self.two
"""
    )
    address = node.deploy(looking.encode()).address
    made = supposition(bench, node.call(address, "look"))
    assert made.suppose(Changes()).changed == ()
    other = made.suppose(Changes(), looking.replace("return self.two", "return self.one").encode())
    assert other.supposed is None
    assert "which it has written itself" in other.refused
