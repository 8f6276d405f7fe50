"""Contracts of the documentation's pages about messages, value and special methods, as they stand there."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from genvm_replay.calldata import Address
from genvm_replay.replay.delivery import deliver_all
from genvm_replay.replay.local_node import DEFAULT_SENDER, CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import failure, value

HASH = "1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6"
MULTI = "06zyvrlivjga0d5jlpdbprksc0pa6jmllxvp8s20hq1l512vh5yk"
RUNNER = f'# v0.2.16\n# {{ "Depends": "py-genlayer:{HASH}" }}\n'
PAY = CallOptions(value=1000)

TOKEN = (
    RUNNER
    + """
from genlayer import *

class Token(gl.Contract):
    balances: TreeMap[Address, u256]
    supply: u256

    def __init__(self, supply: u256):
        self.supply = supply
        self.balances[gl.message.sender_address] = supply

    @gl.public.view
    def balance_of(self, account: Address) -> u256:
        return self.balances.get(account, u256(0))

    @gl.public.write
    def transfer(self, to: Address, amount: u256):
        held = self.balance_of(gl.message.sender_address)
        if held < amount:
            raise gl.UserError("Insufficient balance")
        self.balances[gl.message.sender_address] = held - amount
        self.balances[to] = self.balance_of(to) + amount
"""
)

# Page "Interacting with Intelligent Contracts": complete example, error handling, best practices.
VAULT = (
    RUNNER
    + '''
from genlayer import *

@gl.contract_interface
class TokenInterface:
    class View:
        def balance_of(self, account: Address) -> u256: ...
        def total_supply(self) -> u256: ...
    class Write:
        def transfer(self, to: Address, amount: u256): ...
        def approve(self, spender: Address, amount: u256): ...

class TokenGatedVault(gl.Contract):
    """A vault that requires minimum token balance to access"""
    token_address: Address
    min_balance: u256
    stored_value: u256

    def __init__(self, token_addr: Address, min_bal: u256):
        self.token_address = token_addr
        self.min_balance = min_bal
        self.stored_value = u256(0)

    @gl.public.write.payable
    def deposit(self):
        """Deposit GEN into the vault (requires token balance)"""
        # Get token contract reference
        token = TokenInterface(self.token_address)
        # Check caller's token balance
        balance = token.view().balance_of(gl.message.sender_address)
        if balance < self.min_balance:
            raise gl.UserError(f"Insufficient token balance. Need {self.min_balance}, have {balance}")
        # Accept the deposit
        self.stored_value += gl.message.value

    @gl.public.write
    def withdraw(self, amount: u256):
        """Withdraw GEN from the vault (requires token balance)"""
        token = TokenInterface(self.token_address)
        balance = token.view().balance_of(gl.message.sender_address)
        if balance < self.min_balance:
            raise gl.UserError("Insufficient token balance")
        if amount > self.stored_value:
            raise gl.UserError("Insufficient vault balance")
        self.stored_value -= amount
        gl.transfer(gl.message.sender_address, amount)

    @gl.public.write
    def safe_transfer(self, token_addr: Address, to: Address, amount: u256):
        """Transfer tokens with proper error handling"""
        try:
            token = gl.get_contract_at(token_addr)
            token.emit(on='finalized').transfer(to, amount)
        except gl.UserError as e:
            # Handle contract-specific errors
            raise gl.UserError(f"Transfer failed: {e}")
        except Exception as e:
            # Handle unexpected errors
            raise gl.UserError(f"Unexpected error: {e}")
'''
)


def test_token_gated_vault(node: LocalNode, bench: Workbench) -> None:
    """Deposits need tokens; `gl.transfer` never existed, which the error says together with what to write."""
    token = node.deploy(TOKEN.encode(), [1_000_000]).address
    vault = node.deploy(VAULT.encode(), [token, 100]).address
    value(node.call(vault, "deposit", options=PAY))
    assert bench.store.state.account(vault.raw).balance == 1000
    second = node.deploy(VAULT.encode(), [token, 10_000_000]).address
    refused = failure(node.call(second, "deposit", options=PAY))
    assert refused == ("user_error", "Insufficient token balance. Need 10000000, have 1000000")
    withdrawn = node.call(vault, "withdraw", [5])
    assert "gl.get_contract_at(address).emit_transfer(value=...)" in withdrawn.streams.stderr.decode()
    value(node.call(token, "transfer", [vault, 5]))
    sent = node.call(vault, "safe_transfer", [token, DEFAULT_SENDER, 3])
    [done] = deliver_all(node, sent)
    assert done.recorded is not None
    assert value(done.recorded) is None
    assert value(node.call(token, "balance_of", [vault], view=True)) == 2
    bad = failure(node.call(vault, "safe_transfer", ["0x00", DEFAULT_SENDER, 3]))
    assert bad[1].startswith("Unexpected error: gl.get_contract_at takes an Address, not str")


# Pages "Value Transfers", "Messages" and "Interacting with EVM Contracts".
FAUCET = (
    RUNNER
    + """
from genlayer import *

@gl.evm.contract_interface
class _Recipient:
    class View:
        pass
    class Write:
        pass

@gl.evm.contract_interface
class TokenContract:
    class View:
        def balance_of(self, owner: Address) -> u256: ...
        def total_supply(self) -> u256: ...
    class Write:
        def transfer(self, to: Address, amount: u256) -> bool: ...
        def approve(self, spender: Address, amount: u256) -> bool: ...

class Faucet(gl.Contract):
    @gl.public.write.payable
    def send(self, recipient: str) -> None:
        v = gl.message.value
        if v == u256(0):
            raise gl.vm.UserError("send some value")
        _Recipient(Address(recipient)).emit_transfer(value=v)

    @gl.public.write
    def tokens(self, token_address: Address, receiver_address: Address) -> u256:
        token = TokenContract(token_address)
        token.emit().transfer(receiver_address, u256(100))
        TokenContract(token_address).emit().approve(receiver_address, u256(7))
        return TokenContract(token_address).balance
"""
)


def test_faucet(node: LocalNode, bench: Workbench) -> None:
    """Coins reach an account of people; calls of a token on Ethereum have their selectors."""
    faucet = node.deploy(FAUCET.encode()).address
    recipient = Address(b"\x05" * 20)
    assert failure(node.call(faucet, "send", [str(recipient)])) == ("user_error", "send some value")
    value(node.call(faucet, "send", [str(recipient)], options=PAY))
    assert [bench.store.state.account(who.raw).balance for who in (faucet, recipient)] == [0, 1000]
    sent = node.call(faucet, "tokens", [recipient, faucet])
    assert value(sent) == 1000
    assert [message.calldata[:4].hex() for message in sent.messages] == ["a9059cbb", "095ea7b3"]


# Page "Special Methods", with both methods payable or not.
SPECIAL = """
from genlayer import *
import typing

class Contract(gl.Contract):
    log: DynArray[str]

    @gl.public.write{payable}
    def __handle_undefined_method__(
        self, method_name: str, args: list[typing.Any], kwargs: dict[str, typing.Any]
    ):
        self.log.append(f"undefined {{method_name!r}} {{args}} {{kwargs}} {{gl.message.value}}")
{receive}
    @gl.public.view
    def seen(self) -> list[str]:
        return list(self.log)
"""
RECEIVE = """
    @gl.public.write.payable
    def __receive__(self):
        self.log.append(f"receive {gl.message.value}")
"""
UNDEFINED = "undefined 'ping' [1] {'a': 2}"


@pytest.mark.parametrize(
    ("payable", "receive", "seen"),
    [
        ("", "", [f"{UNDEFINED} 0"]),
        ("", RECEIVE, ["receive 4", f"{UNDEFINED} 0"]),
        (".payable", "", ["undefined '' [] {} 4", f"{UNDEFINED} 0", f"{UNDEFINED} 4"]),
        (".payable", RECEIVE, ["receive 4", f"{UNDEFINED} 0", f"{UNDEFINED} 4"]),
    ],
)
def test_special_methods(node: LocalNode, payable: str, receive: str, seen: list[str]) -> None:
    """Which of both gets a transfer, an unknown method, and an unknown method with value: as in the diagram."""
    code = RUNNER + SPECIAL.format(payable=payable, receive=receive)
    target = node.deploy(code.encode()).address
    sender = node.deploy(
        (
            RUNNER
            + "from genlayer import *\nclass Sender(gl.Contract):\n    @gl.public.write.payable\n"
            + "    def go(self, to: Address):\n        other = gl.get_contract_at(to)\n"
            + "        other.emit_transfer(value=u256(4), on='finalized')\n"
            + "        other.emit(on='finalized').ping(1, a=2)\n"
            + "        other.emit(value=u256(4), on='finalized').ping(1, a=2)\n"
            + "        return other.balance\n"
        ).encode()
    ).address
    sent = node.call(sender, "go", [target], options=PAY)
    assert value(sent) == 0
    kinds = [done.recorded.report.outcome.kind for done in deliver_all(node, sent) if done.recorded]
    assert kinds.count("return") == len(seen)
    assert kinds.count("vm_error") == 3 - len(seen)
    assert value(node.call(target, "seen", view=True)) == seen
    schema = json.loads(value(node.call(target, "#get-schema", view=True)))  # type: ignore[arg-type]
    assert list(schema["methods"]) == ["seen"]


# Page "Interacting with Intelligent Contracts", "Factory Pattern": a package with the worker's source in it.
FACTORY = """
from genlayer import *

class Factory(gl.Contract):
    worker_addresses: DynArray[Address]

    def __init__(self, num_workers: int):
        with open("/contract/Worker.py", "rt") as f:
            worker_code = f.read()
        for i in range(num_workers):
            addr = gl.deploy_contract(
                code=worker_code.encode("utf-8"),
                args=[i, gl.message.contract_address],
                salt_nonce=i + 1,
                on="accepted",
            )
            self.worker_addresses.append(addr)

    @gl.public.view
    def workers(self) -> list[Address]:
        return list(self.worker_addresses)

    @gl.public.view
    def ask(self) -> list[int]:
        return [gl.get_contract_at(worker).view().number() for worker in self.worker_addresses]
"""
WORKER = (
    RUNNER
    + """
from genlayer import *

class Worker(gl.Contract):
    n: u32
    factory: Address

    def __init__(self, n: int, factory: Address):
        self.n = n
        self.factory = factory

    @gl.public.view
    def number(self) -> int:
        assert gl.get_contract_at(self.factory).view().workers()[self.n] == self.address
        return self.n
"""
)


def test_factory(node: LocalNode) -> None:
    """A contract in several files deploys others, under the addresses that it was told, and views them."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("runner.json", json.dumps({"Depends": f"py-genlayer-multi:{MULTI}"}))
        archive.writestr("contract/__init__.py", FACTORY)
        archive.writestr("contract/Worker.py", WORKER)
    deployed = node.deploy(package.getvalue(), [3])
    assert value(deployed) is None
    addresses = [done.recorded.address for done in deliver_all(node, deployed) if done.recorded]
    assert value(node.call(deployed.address, "workers", view=True)) == addresses
    assert len(addresses) == 3
    assert value(node.call(deployed.address, "ask", view=True)) == [0, 1, 2]
