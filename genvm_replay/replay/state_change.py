"""What one transaction reads of the local state, and what it leaves behind there."""

from __future__ import annotations

from ..host_bridge.local_host import LocalHost
from ..journal.delta import Account, PageKey, StateDelta
from ..journal.events import EthSend
from ..journal.run import Message
from ..journal.store import State


class StateRead:
    """The committed state as one transaction reads it, and a note of what it read."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.versions: dict[bytes, int | None] = {}
        self.accounts: dict[bytes, Account] = {}

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        """A page of storage."""
        if address not in self.versions:
            self.versions[address] = self._state.contract_version(address)
        return self._state.read_page(address, slot, page)

    def account(self, address: bytes) -> Account:
        """Balance and nonce."""
        if address not in self.accounts:
            self.accounts[address] = self._state.account(address)
        return self.accounts[address]

    def balance(self, address: bytes) -> int:
        """A balance."""
        return self.account(address).balance


class _Ledger:
    """Accounts as they will be."""

    def __init__(self, read: StateRead) -> None:
        self._read = read
        self.accounts: dict[bytes, Account] = {}

    def change(self, address: bytes, *, balance: int = 0, nonce: int = 0) -> None:
        """Add to balance and nonce of an account."""
        if balance or nonce:
            held = self.accounts.get(address) or self._read.account(address)
            self.accounts[address] = Account(held.balance + balance, held.nonce + nonce)


def failed_change(message: Message, read: StateRead) -> StateDelta:
    """What a failed transaction leaves: its sender has sent one more. The value stays where it was."""
    ledger = _Ledger(read)
    ledger.change(message.sender_address, nonce=1)
    return StateDelta(accounts=ledger.accounts)


def change(message: Message, host: LocalHost, read: StateRead) -> StateDelta:
    """What a transaction leaves that returned.

    What it sent away leaves its balance at once. Coins for Ethereum are there at once too, as nothing undoes a local
    transaction; those of messages and deployments are on their way until these are delivered.
    """
    contract = message.contract_address
    ledger = _Ledger(read)
    ledger.change(message.sender_address, nonce=1)
    ledger.change(contract, balance=message.value)
    for sent in host.messages:
        value = int.from_bytes(sent.value, "little")
        ledger.change(contract, balance=-value)
        if isinstance(sent, EthSend):
            ledger.change(sent.address, balance=value)
    return StateDelta(
        pages={PageKey(*key): page for key, page in host.written_pages().items()},
        deployed=(contract,) if message.is_init else (),
        accounts=ledger.accounts,
    )
