"""Python contracts that call each other, in wasm: context, errors, rights, balances, and their replay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genvm_replay import calldata
from genvm_replay.calldata import Address
from genvm_replay.journal.events import DeployContract, EthCall, EthSend, PostMessage, StorageRead
from genvm_replay.replay.delivery import DELIVERIES_MAX, deliver_all
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded, new_address
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import HEADER, failure, value

SENDER = Address(b"\x0a" * 20)
NOBODY = Address(b"\x0b" * 20)
AT = CallOptions(sender=SENDER, datetime="2026-01-02T03:04:05Z")
PEER = (
    HEADER
    + """
class Said(gl.Event):
    def __init__(self, what: str, /): ...

@gl.evm.contract_interface
class Coin:
    class View:
        def balance_of(self, owner: Address) -> u256: ...
    class Write:
        def mint(self, amount: u256) -> None: ...

class Peer(gl.Contract):
    count: u256

    @gl.public.view
    def who(self, route: list[Address]) -> list:
        m, raw = gl.message, gl.message_raw
        here = [self.address, m.sender_address, m.origin_address, m.value, raw["stack"], raw["is_init"], int(self.count)]
        if not route:
            return [here]
        return [here, *gl.get_contract_at(route[0]).view().who(route[1:])]

    @gl.public.view
    def down(self, depth: int) -> int:
        return 0 if not depth else 1 + gl.get_contract_at(self.address).view().down(depth - 1)

    @gl.public.view
    def fail(self, how: str, route: list[Address], catch: bool = False):
        if route:
            try:
                return gl.get_contract_at(route[0]).view().fail(how, route[1:])
            except gl.vm.UserError as error:
                if not catch: raise
                return ["caught", error.message]
            except BaseException as error:
                return ["never", str(error)]
        if how == "user":
            raise gl.vm.UserError("no")
        if how == "write":
            self.count = 1
        raise ValueError("bad")

    @gl.public.write
    def then_view(self, other: Address) -> list:
        self.count = self.count + 1
        return [[row[6] for row in gl.get_contract_at(a).view().who([])] for a in (self.address, other)]

    @gl.public.view
    def states(self, other: Address) -> list:
        from genlayer.py.public_abi import StorageType
        return [gl.get_contract_at(other).view(state=state).who([])[0][6] for state in StorageType]

    @gl.public.write.payable
    def pay(self, to: Address, amounts: list[int]) -> list:
        left = [self.balance]
        for amount in amounts:
            gl.get_contract_at(to).emit_transfer(value=amount)
            left.append(self.balance)
        return [*left, gl.get_contract_at(self.address).balance]

    @gl.public.view
    def speak(self, how: str, to: Address, value: int):
        if how == "event": Said("hello").emit()
        if how == "loud": gl.advanced.emit_raw_event([bytes(32)] * value, {})
        if how == "message": gl.get_contract_at(to).emit(value=value).who([])
        if how == "deploy": gl.deploy_contract(code=b"x", value=value)
        if how == "eth": Coin(to).emit(value=value).mint(5)
        return "spoken"

    @gl.public.write.payable
    def ask(self, other: Address, how: str, value: int):
        return gl.get_contract_at(other).view().speak(how, NOBODY, value)

    @gl.public.view
    def eth(self, to: Address):
        return Coin(to).view().balance_of(to)

    @gl.public.write.payable
    def __receive__(self):
        self.count = self.count + gl.message.value

    @gl.public.write
    def row(self, left: int, on: str):
        self.count = self.count + 1
        for _ in range(left):
            gl.get_contract_at(self.address).emit(on=on).row(left - 1, on)

    @gl.public.write.payable
    def spawn(self, code: bytes, salts: list[int], value: int) -> list:
        return [gl.deploy_contract(code=code, salt_nonce=salt, value=value, on="accepted") for salt in salts]

    @gl.public.write
    def order(self, other: Address):
        for on in ("finalized", "accepted"):
            gl.get_contract_at(other).emit(on=on).relay(on, other)

    @gl.public.write
    def relay(self, on: str, other: Address):
        print(on)
        if on == "accepted":
            gl.get_contract_at(other).emit(on="finalized").relay("late", other)
            gl.get_contract_at(other).emit(on="accepted").relay("soon", other)
"""
).replace("NOBODY", f"Address({NOBODY.raw!r})")


@pytest.fixture
def peers(node: LocalNode, bench: Workbench) -> Iterator[list[Address]]:
    """Three contracts with the same code. After the test everything that ran is re-executed."""
    yield [node.deploy(PEER.encode(), options=AT).address for _ in range(3)]
    for run in bench.store.find_runs(limit=1000):
        report = reexecute(bench.store.load_run(run.id), bench)
        assert report.identical, report.divergence


def test_context_of_a_view_call(node: LocalNode, peers: list[Address]) -> None:
    """Callees see the caller's sender and origin, no value, and the callers in the stack."""
    a, b, c = peers
    rows = value(node.call(a, "who", [[b, c, a]], options=AT, view=True))
    who = [SENDER, SENDER, 0]
    assert rows == [
        [a, *who, [], False, 0],
        [b, *who, [a], False, 0],
        [c, *who, [a, b], False, 0],
        [a, *who, [a, b, c], False, 0],
    ]


def test_recursion(node: LocalNode, peers: list[Address]) -> None:
    """A contract may view itself, to a depth that is bounded."""
    assert value(node.call(peers[0], "down", [6], options=AT, view=True)) == 6
    kind, text = failure(node.call(peers[0], "down", [70], options=AT, view=True))
    assert (kind, text) == ("vm_error", "OOM")


@pytest.mark.parametrize(
    ("how", "catch", "ends"),
    [
        ("user", False, ("user_error", "no")),
        ("user", True, ["caught", "no"]),
        ("bad", False, ("vm_error", "exit_code 1")),
        ("bad", True, ("vm_error", "exit_code 1")),
        ("write", True, ("vm_error", "exit_code 1")),
    ],
)
def test_errors_through_two_levels(
    node: LocalNode, peers: list[Address], how: str, catch: bool, ends: object
) -> None:
    """A user error comes as an exception and may be caught; a VM error ends every caller. A view can't write."""
    a, b, c = peers
    done = node.call(a, "fail", [how, [b, c], catch], options=AT)
    assert (failure(done) if isinstance(ends, tuple) else value(done)) == ends
    if how == "write":
        assert "6: forbidden" in done.streams.stderr.decode()


def test_no_contract_there(node: LocalNode, peers: list[Address]) -> None:
    """A view of an address without a contract is a VM error of the caller."""
    done = node.call(peers[0], "who", [[NOBODY]], options=AT, view=True)
    assert failure(done) == ("vm_error", "invalid_contract absent_runner_comment")
    assert done.report.outcome.cause == f"in a view of {NOBODY}: no contract"


def test_what_a_callee_reads(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """A local node has one state: what this transaction wrote is seen by a view of the same contract, in each mode."""
    a, b, _ = peers
    assert value(node.call(a, "then_view", [b], options=AT)) == [[1], [0]]
    done = node.call(b, "states", [a], options=AT, view=True)
    assert value(done) == [1, 1, 1]
    requests = [event.request for event in bench.store.load_run(done.run_id).read_line("main")]
    modes = [r.state for r in requests if isinstance(r, StorageRead) and r.address == a.raw]
    assert set(modes) == {1, 2}, "DEFAULT is read as LATEST_NON_FINAL"


def test_value(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """What is sent leaves the balance at once; more than is there is refused, and nothing was sent then."""
    a, b, _ = peers
    paid = node.call(a, "pay", [b, [3, 0 + 4]], options=CallOptions(sender=SENDER, value=10))
    assert value(paid) == [10, 7, 3, 10], "the proxy of oneself shows the balance of before"
    assert bench.store.state.account(a.raw).balance == 3
    assert bench.store.state.account(b.raw).balance == 0, "on its way"
    assert [type(sent) for sent in paid.messages] == [PostMessage] * 2
    too_much = node.call(a, "pay", [b, [2, 2]], options=AT)
    assert failure(too_much) == ("vm_error", "exit_code 1")
    assert "SystemError: 7: inbalance" in too_much.streams.stderr.decode()
    assert (too_much.messages, bench.store.state.account(a.raw).balance) == ((), 3)


@pytest.mark.parametrize("how", ["message", "deploy", "eth"])
def test_a_view_from_outside_sends_nothing(node: LocalNode, peers: list[Address], how: str) -> None:
    """errno 6, although it may emit events, which are not kept."""
    refused = node.call(peers[0], "speak", [how, NOBODY, 0], options=AT, view=True)
    assert failure(refused) == ("vm_error", "exit_code 1")
    assert "SystemError: 6: forbidden" in refused.streams.stderr.decode()


def test_events(node: LocalNode, peers: list[Address]) -> None:
    """A transaction's events are told, those of the contracts that it views too; a view's are dropped."""
    a, b, _ = peers
    assert value(node.call(a, "speak", ["event", NOBODY, 0], options=AT, view=True)) == "spoken"
    for done in (
        node.call(a, "speak", ["event", NOBODY, 0], options=AT),
        node.call(a, "ask", [b, "event", 0], options=AT),
    ):
        [event] = done.emitted
        assert calldata.decode(event.blob) == {"what": "hello"}
    assert node.call(a, "speak", ["event", NOBODY, 0], options=AT, view=True).emitted == ()


def test_topics(node: LocalNode, peers: list[Address]) -> None:
    """Four at most, that of the signature included; the contract sees errno 2."""
    four = node.call(peers[0], "speak", ["loud", NOBODY, 4], options=AT)
    assert value(four) == "spoken"
    assert len(four.emitted[0].topics) == 4
    five = node.call(peers[0], "speak", ["loud", NOBODY, 5], options=AT)
    assert failure(five) == ("vm_error", "exit_code 1")
    told = five.streams.stderr.decode()
    assert "SystemError: 2: inval" in told
    assert "at most three indexed fields" in told


def test_what_a_viewed_contract_sends(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """It may send (spec/executor.md 4.3), but the transaction's contract pays: the node lets it pay what it has."""
    a, b, _ = peers
    rich = CallOptions(sender=SENDER, value=50)
    for target in (a, b):
        node.call(target, "pay", [NOBODY, []], options=rich)
    sent = node.call(a, "ask", [b, "message", 30], options=AT)
    assert value(sent) == "spoken"
    assert bench.store.state.account(a.raw).balance == 20
    assert bench.store.state.account(b.raw).balance == 50
    refused = node.call(a, "ask", [b, "message", 30], options=AT)
    assert failure(refused) == ("vm_error", "forbidden")
    assert bench.store.state.account(a.raw).balance == 20


def test_ethereum(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """Coins arrive at once, the call is kept; there is no Ethereum here to be asked."""
    a = peers[0]
    sent = node.call(a, "speak", ["eth", NOBODY, 4], options=CallOptions(sender=SENDER))
    assert failure(sent)[0] == "vm_error", "no balance"
    node.call(a, "pay", [NOBODY, []], options=CallOptions(sender=SENDER, value=9))
    sent = node.call(a, "speak", ["eth", NOBODY, 4], options=AT)
    [message] = sent.messages
    assert isinstance(message, EthSend)
    assert message.calldata[4:] == (5).to_bytes(32, "big")
    assert bench.store.state.account(NOBODY.raw).balance == 4
    assert bench.store.state.account(a.raw).balance == 5
    assert list(deliver_all(node, sent)) == []
    asked = node.call(a, "eth", [NOBODY], options=AT, view=True)
    assert failure(asked) == ("vm_error", "forbidden")
    assert asked.report.outcome.cause == "the host answered EthCall with 'forbidden'"
    events = [event.request for event in bench.store.load_run(asked.run_id).read_line("main")]
    assert [type(request) for request in events].count(EthCall) == 1


def delivered(node: LocalNode, first: Recorded) -> list[Recorded]:
    deliveries = list(deliver_all(node, first))
    assert not [delivery.refusal for delivery in deliveries if delivery.recorded is None]
    return [delivery.recorded for delivery in deliveries if delivery.recorded]


def test_delivered_value(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """A message is a transaction of the contract that sent it; its value is neither made nor lost."""
    a, b, _ = peers
    paid = node.call(a, "pay", [b, [3, 4]], options=CallOptions(sender=SENDER, value=10))
    rows = delivered(node, paid)
    assert [(run.message.sender_address, run.message.origin_address, run.message.value) for run in rows] == [
        (a.raw, SENDER.raw, 3),
        (a.raw, SENDER.raw, 4),
    ]
    assert {run.message.datetime for run in rows} == {paid.message.datetime}
    assert [bench.store.state.account(address.raw).balance for address in (a, b)] == [3, 7]
    assert value(node.call(b, "who", [[]], options=AT, view=True))[0][6] == 7  # type: ignore[index, call-overload]
    to_itself = node.call(a, "pay", [a, [2]], options=AT)
    delivered(node, to_itself)
    assert bench.store.state.account(a.raw).balance == 3


def test_deliveries_that_fail(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """A refused or failed message changes nothing but is told; its value stays with the message."""
    a, _, _ = peers
    rich = CallOptions(sender=SENDER, value=2**64 - 1)
    paid = node.call(a, "pay", [NOBODY, [3]], options=rich)
    [lost] = deliver_all(node, paid)
    assert lost.recorded is None
    assert "no contract at" in lost.refusal
    assert bench.store.state.account(NOBODY.raw).balance == 0
    node.call(a, "pay", [NOBODY, []], options=rich)
    [wide] = deliver_all(node, node.call(a, "pay", [a, [2**64]], options=AT))
    assert "at most 2**64 - 1 coins" in wide.refusal
    poor = node.call(a, "ask", [peers[1], "message", 5], options=AT)
    assert failure(poor)[0] == "vm_error", "the viewed contract owns nothing"


def test_order_of_deliveries(node: LocalNode, peers: list[Address]) -> None:
    """All that waits for acceptance, then all that waits for finality, each in the order of sending."""
    rows = delivered(node, node.call(peers[0], "order", [peers[1]], options=AT))
    printed = [run.streams.stdout.decode().strip() for run in rows]
    assert printed == ["accepted", "soon", "finalized", "late"]


def test_deliveries_are_bounded(node: LocalNode, peers: list[Address]) -> None:
    """1 + 4 + 12 + ... transactions: the first of them run, the others are told."""
    deliveries = list(deliver_all(node, node.call(peers[0], "row", [4, "accepted"], options=AT)))
    refusals = [delivery.refusal for delivery in deliveries if delivery.recorded is None]
    assert len(deliveries) - len(refusals) == DELIVERIES_MAX
    assert len(refusals) == 4 + 4 * 3 + 4 * 3 * 2 + 4 * 3 * 2 * 1 - DELIVERIES_MAX
    assert all("at most 64" in refusal for refusal in refusals)


def test_deployments(node: LocalNode, bench: Workbench, peers: list[Address]) -> None:
    """With a salt a deployment goes where the contract was told, once; without, where nothing else is."""
    a = peers[0]
    child = HEADER + (
        "class Child(gl.Contract):\n    owner: Address\n"
        "    def __init__(self):\n        self.owner = gl.message.sender_address\n"
        "    @gl.public.view\n    def get(self): return [self.owner, self.balance]\n"
    )
    options = CallOptions(sender=SENDER, value=10)
    spawned = node.call(a, "spawn", [child.encode(), [0, 7, 0, 7], 2], options=options)
    told = value(spawned)
    wanted = Address(new_address(a.raw, 7))
    assert told == [None, wanted, None, wanted]
    assert all(isinstance(sent, DeployContract) for sent in spawned.messages)
    deliveries = list(deliver_all(node, spawned))
    assert [delivery.refusal for delivery in deliveries if delivery.refusal] == [
        f"there is a contract at {wanted} already"
    ]
    addresses = [delivery.recorded.address for delivery in deliveries if delivery.recorded]
    assert addresses[1] == wanted
    assert len(set(addresses)) == 3
    for address in addresses:
        assert value(node.call(address, "get", options=AT, view=True)) == [a, 2]
    assert bench.store.state.account(a.raw).balance == 2
