"""A node in one process: contract storage and balances over a state reader, changes kept until they are committed.

Slots are byte vectors without an end, zero where never written, kept in pages of 4096 bytes.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..journal.events import (
    OK,
    Answer,
    ConsumeResult,
    GetBalance,
    GetCalldata,
    PostEvent,
    StorageRead,
    StorageWrite,
)

PAGE: Final = 4096
PageKey = tuple[bytes, bytes, int]  # address, slot, number


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

    def get_leader_nondet_result(self, _request: object) -> Answer:
        return Answer(3, None)

    def _kept(self, request: object) -> Answer:
        return OK

    post_nondet_result = post_message = deploy_contract = eth_send = notify_nondet_disagreement = (
        consume_fuel
    ) = _kept

    def eth_call(self, _request: object) -> Answer:
        return Answer(2, None)

    def remaining_fuel_as_gen(self, _request: object) -> Answer:
        return Answer(0, 2**53 - 1)

    def consume_result(self, request: ConsumeResult) -> Answer:
        """Keep the result."""
        self.result = request.payload
        return OK

    def written_pages(self) -> dict[PageKey, bytes]:
        """The changed pages with their new contents, trailing zeros cut off."""
        return {key: bytes(self._pages[key]).rstrip(b"\0") for key in sorted(self._written)}
