"""Replacing a contract's code: by upgraders, refused for others, locked for all (sdk.md section 2.7, executor.md 5.6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genvm_replay.calldata import Address
from genvm_replay.executor.storage_slots import CODE_SLOT, LOCKED_SLOT, ROOT_SLOT, UPGRADERS_SLOT
from genvm_replay.journal.delta import PageKey
from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import failure, value

OWNER, FRIEND, STRANGER = (CallOptions(sender=Address(bytes([number]) * 20)) for number in (1, 2, 3))
RUNNER = """# v0.1.0
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *
"""
# The contract of the documentation, page "Upgradability", and what is done to it in these tests.
FIRST = (
    RUNNER
    + """
class UpgradableStorage(gl.Contract):
    storage: str

    def __init__(self, initial_storage: str):
        self.storage = initial_storage
        # Set the deployer as an upgrader
        root = gl.storage.Root.get()
        root.upgraders.get().append(gl.message.sender_address)

    @gl.public.view
    def get_storage(self) -> str:
        return self.storage

    @gl.public.write
    def update_storage(self, new_storage: str) -> None:
        self.storage = new_storage

    @gl.public.write
    def upgrade(self, new_code: bytes) -> None:
        root = gl.storage.Root.get()
        code = root.code.get()
        code.truncate()
        code.extend(new_code)
"""
)
SECOND = (
    FIRST.replace("def __init__(self, initial_storage: str):", "def __init__(self):")
    + """
    @gl.public.view
    def get_storage_length(self) -> int:
        return len(self.storage)

    @gl.public.write
    def admit(self, upgrader: Address) -> list:
        upgraders = gl.storage.Root.get().upgraders.get()
        upgraders.append(upgrader)
        return list(upgraders)

    @gl.public.write
    def freeze(self) -> None:
        gl.storage.Root.get().upgraders.get().truncate()

    @gl.public.write
    def scribble(self, slot: bytes) -> None:
        gl.storage.Slot(slot, gl.storage.Root.MANAGER).write(0, b"x")

    @gl.public.view
    def state(self) -> list:
        root = gl.storage.Root.get()
        return [
            len(root.code.get()), bytes(root.code.get()),
            [slot.to_bytes(32, "little") for slot in root.locked_slots.get()], list(root.upgraders.get()),
        ]

    @gl.public.write
    def upgrade_later(self, new_code: bytes) -> None:
        gl.get_contract_at(self.address).emit().upgrade(new_code)
"""
)


@pytest.fixture
def upgradable(node: LocalNode, bench: Workbench) -> Iterator[Address]:
    """The second version, deployed by OWNER as the first one. Afterwards all that ran is re-executed."""
    address = node.deploy(FIRST.encode(), ["hello"], options=OWNER).address
    value(node.call(address, "upgrade", [SECOND.encode()], options=OWNER))
    yield address
    for run in bench.store.find_runs(limit=1000):
        report = reexecute(bench.store.load_run(run.id), bench)
        assert report.identical, report.divergence


def refused(done: Recorded) -> None:
    """The write was answered with errno 6, which is an exception that nobody caught."""
    assert failure(done) == ("vm_error", "exit_code 1")
    assert "SystemError: 6: forbidden" in done.streams.stderr.decode()


def test_an_upgrade(node: LocalNode, upgradable: Address) -> None:
    """Storage, locks and upgraders stay; new methods are there; the next upgrade is possible."""
    assert value(node.call(upgradable, "get_storage", options=STRANGER, view=True)) == "hello"
    assert value(node.call(upgradable, "get_storage_length", options=STRANGER, view=True)) == 5
    size, code, locked, upgraders = value(node.call(upgradable, "state", options=STRANGER, view=True))  # type: ignore[misc]
    assert (size, code) == (len(SECOND), SECOND.encode())
    assert locked == [ROOT_SLOT, CODE_SLOT, LOCKED_SLOT, UPGRADERS_SLOT]
    assert upgraders == [OWNER.sender]
    value(node.call(upgradable, "upgrade", [FIRST.encode()], options=OWNER))
    assert failure(node.call(upgradable, "get_storage_length", options=OWNER)) == ("vm_error", "exit_code 1")
    assert value(node.call(upgradable, "get_storage", options=OWNER)) == "hello"


def test_others_can_not_upgrade(node: LocalNode, upgradable: Address) -> None:
    """Nor write into any locked slot; their own business with the contract goes on."""
    refused(node.call(upgradable, "upgrade", [FIRST.encode()], options=STRANGER))
    for slot in (ROOT_SLOT, CODE_SLOT, LOCKED_SLOT, UPGRADERS_SLOT):
        refused(node.call(upgradable, "scribble", [slot], options=STRANGER))
    refused(node.call(upgradable, "admit", [STRANGER.sender], options=STRANGER))
    value(node.call(upgradable, "update_storage", ["theirs"], options=STRANGER))
    assert value(node.call(upgradable, "get_storage_length", view=True)) == 6


def test_an_upgrader_admits_another(node: LocalNode, upgradable: Address) -> None:
    """From then on both may."""
    both = [OWNER.sender, FRIEND.sender]
    assert value(node.call(upgradable, "admit", [FRIEND.sender], options=OWNER)) == both
    value(node.call(upgradable, "upgrade", [FIRST.encode()], options=FRIEND))
    assert value(node.call(upgradable, "get_storage", options=STRANGER)) == "hello"


def test_frozen_for_good(node: LocalNode, upgradable: Address) -> None:
    """Without upgraders nobody can change the code or unlock it, the former upgrader included."""
    value(node.call(upgradable, "freeze", options=OWNER))
    refused(node.call(upgradable, "upgrade", [FIRST.encode()], options=OWNER))
    refused(node.call(upgradable, "admit", [OWNER.sender], options=OWNER))
    value(node.call(upgradable, "update_storage", ["free"], options=OWNER))


def test_the_sender_of_a_message_is_the_contract(node: LocalNode, upgradable: Address) -> None:
    """What counts is who sends, not where it began: a contract that upgrades itself has to be an upgrader."""
    for wanted in (False, True):
        sent = node.call(upgradable, "upgrade_later", [SECOND.encode() + b"# third"], options=OWNER)
        value(sent)
        [message] = sent.messages
        done = node.deliver(message, sent, 0)  # type: ignore[arg-type]
        if wanted:
            value(done)
            state = value(node.call(upgradable, "state", view=True))
            assert state[1].endswith(b"# third")  # type: ignore[index, union-attr, call-overload]
        else:
            refused(done)
            value(node.call(upgradable, "admit", [upgradable], options=OWNER))


def test_a_contract_without_upgraders_is_frozen(node: LocalNode) -> None:
    """The default: its slots are locked when the constructor has run, not while it runs."""
    code = FIRST.replace("root.upgraders.get().append(gl.message.sender_address)", "root.code.get()[0] = 35")
    address = node.deploy(code.encode(), ["x"], options=OWNER).address
    refused(node.call(address, "upgrade", [FIRST.encode()], options=OWNER))
    assert value(node.call(address, "get_storage", view=True)) == "x"


def test_a_constructor_may_leave_it_open(node: LocalNode) -> None:
    """The locks are set before the constructor, as published: one that empties them leaves the code to everybody."""
    code = FIRST.replace(
        "root.upgraders.get().append(gl.message.sender_address)", "root.locked_slots.get().truncate()"
    )
    address = node.deploy(code.encode(), ["x"], options=OWNER).address
    value(node.call(address, "upgrade", [SECOND.encode()], options=STRANGER))
    assert value(node.call(address, "get_storage_length", view=True)) == 1


def test_the_old_code_runs_to_its_end(node: LocalNode, bench: Workbench) -> None:
    """In the transaction of the upgrade the contract is what it was, in views of itself too; a failure undoes it."""
    both = """
    @gl.public.write
    def swap(self, new_code: bytes, fail: bool) -> str:
        gl.storage.Root.get().code.get().extend(new_code)
        if fail:
            raise gl.vm.UserError("undone")
        return gl.get_contract_at(self.address).view().get_storage()
"""
    address = node.deploy((FIRST + both).encode(), ["old"], options=OWNER).address
    before = bench.store.state.read_page(address.raw, CODE_SLOT, 0)
    broken = [b"nothing that runs"]
    assert failure(node.call(address, "swap", [*broken, True], options=OWNER)) == ("user_error", "undone")
    assert bench.store.state.read_page(*PageKey(address.raw, CODE_SLOT, 0)) == before
    assert value(node.call(address, "swap", [*broken, False], options=OWNER)) == "old"
    kind, text = failure(node.call(address, "get_storage", options=OWNER))
    assert (kind, text.split()[0]) == ("vm_error", "invalid_contract")
