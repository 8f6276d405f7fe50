"""A node in one process: contract storage and balances over a state reader, changes kept until they are committed.

Slots are byte vectors without an end, zero where never written, kept in pages of 4096 bytes.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    DeployContract,
    EthCall,
    EthSend,
    GetBalance,
    GetCalldata,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    RemainingFuelAsGen,
    StorageRead,
    StorageWrite,
)

PAGE: Final = 4096
FORBIDDEN: Final = Answer(2)
I_AM_LEADER: Final = Answer(3)
FUEL: Final = Answer(0, 2**53 - 1)  # what a node says that sets no limit (spec/executor.md 1.2)
PageKey = tuple[bytes, bytes, int]  # address, slot, number
Outgoing = PostMessage | DeployContract | EthSend


class StateReader(Protocol):
    """Committed state."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        """A page; may be shorter than PAGE, the rest is zero."""
        ...

    def balance(self, address: bytes) -> int:
        """The balance of an account or contract."""
        ...


class LocalHost:
    """Answers one transaction. `written` holds the pages it changed."""

    def __init__(self, state: StateReader, contract: bytes, calldata: bytes, value: int) -> None:
        """
        Args:
            contract: address that the transaction runs; all writes go there.
            value: what the transaction brings along; counts in the contract's balance at once.
        """
        self._state = state
        self._contract = contract
        self._calldata = Answer(0, calldata)
        self._value = value
        self._pages: dict[PageKey, bytearray] = {}
        self._written: set[PageKey] = set()
        self.events: list[PostEvent] = []
        self.nondet_results: list[PostNondetResult] = []
        self.messages: list[Outgoing] = []  # in the order in which they were sent
        self._sent = 0
        self.result: bytes | None = None

    def _page(self, key: PageKey) -> bytearray:
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = bytearray(self._state.read_page(*key).ljust(PAGE, b"\0"))
        return page

    def storage_read(self, request: StorageRead) -> Answer:
        """Read from this transaction's pages, else from committed state; there is one state for all read modes."""
        number, offset = divmod(request.index, PAGE)
        if offset + request.length <= PAGE:
            page = self._page((request.address, request.slot, number))
            return Answer(0, bytes(page[offset : offset + request.length]))
        last = (request.index + request.length - 1) // PAGE
        pages = [self._page((request.address, request.slot, n)) for n in range(number, last + 1)]
        return Answer(0, b"".join(pages)[offset : offset + request.length])

    def storage_write(self, request: StorageWrite) -> Answer:
        """Write into the contract's pages of this transaction."""
        at, data = 0, request.data
        while at < len(data):
            number, offset = divmod(request.index + at, PAGE)
            size = min(len(data) - at, PAGE - offset)
            key = (self._contract, request.slot, number)
            self._page(key)[offset : offset + size] = data[at : at + size]
            self._written.add(key)
            at += size
        return OK

    def get_calldata(self, _request: GetCalldata) -> Answer:
        """The transaction's calldata."""
        return self._calldata

    def get_balance(self, request: GetBalance) -> Answer:
        """A balance; the contract's own includes what the transaction brings."""
        extra = self._value if request.address == self._contract else 0
        return Answer(0, (self._state.balance(request.address) + extra).to_bytes(32, "little"))

    def post_event(self, request: PostEvent) -> Answer:
        """Keep an event."""
        self.events.append(request)
        return OK

    def get_leader_nondet_result(self, _request: GetLeaderNondetResult) -> Answer:
        """A local node has no other validators: its executor leads."""
        return I_AM_LEADER

    def post_nondet_result(self, request: PostNondetResult) -> Answer:
        """Keep the result of a nondeterministic block."""
        self.nondet_results.append(request)
        return OK

    def post_message(self, request: PostMessage) -> Answer:
        """Keep a message."""
        return self._take(request)

    def deploy_contract(self, request: DeployContract) -> Answer:
        """Keep a deployment."""
        return self._take(request)

    def eth_send(self, request: EthSend) -> Answer:
        """Keep a transaction for the other chain."""
        return self._take(request)

    def _take(self, request: Outgoing) -> Answer:
        """Keep what leaves the contract, unless its value is more than the contract has left.

        The executor has looked at the balance, but for each VM alone: a contract that is viewed, or a sandbox, has a
        count of its own (spec/executor.md 4.2), and whatever it sends is sent by the contract of the transaction.
        """
        value = int.from_bytes(request.value, "little")
        if value and self._sent + value > self._state.balance(self._contract) + self._value:
            return FORBIDDEN
        self._sent += value
        self.messages.append(request)
        return OK

    def eth_call(self, _request: EthCall) -> Answer:
        """A local node has no other chain to ask."""
        return FORBIDDEN

    def consume_fuel(self, _request: ConsumeFuel) -> Answer:
        """A local node counts no fuel."""
        return OK

    def remaining_fuel_as_gen(self, _request: RemainingFuelAsGen) -> Answer:
        """No limit."""
        return FUEL

    def notify_nondet_disagreement(self, _request: NotifyNondetDisagreement) -> Answer:
        """There is no one to tell."""
        return OK

    def consume_result(self, request: ConsumeResult) -> Answer:
        """Keep the result."""
        self.result = request.payload
        return OK

    def written_pages(self) -> dict[PageKey, bytes]:
        """The changed pages with their new contents, trailing zeros cut off."""
        return {key: bytes(self._pages[key]).rstrip(b"\0") for key in sorted(self._written)}
