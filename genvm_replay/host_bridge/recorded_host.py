"""A node that knows only what a record tells: for runs in another role over the same transaction.

What the record does not show is answered by the local node's state if one is given, else refused: with the host error
`absent`, which ends the VM and is recorded like any answer, so that such a run replays too. Nothing is guessed, and
nothing that such a run writes or sends reaches a state.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from ..calldata import Address
from ..journal.events import (
    OK,
    Answer,
    EthCall,
    GetBalance,
    GetCalldata,
    GetLeaderNondetResult,
    StorageRead,
    StorageWrite,
)
from .known import Known
from .local_host import I_AM_LEADER, PAGE, LocalHost, Outgoing, StateReader
from .sparse_bytes import SparseBytes, gaps, held

ABSENT: Final = Answer(1)
DEFAULT_STATE: Final = 0


class RecordedHost(LocalHost):
    """Answers one run. What it sends is taken, as a node without limits does."""

    def __init__(self, known: Known, *, leads: bool, local: StateReader | None = None) -> None:
        """
        Args:
            leads: the run finds results of its own in nondeterministic blocks; else it is given the record's.
            local: the local node's state, for what the record does not show.
        """
        super().__init__(local or _Nothing(), known.contract, b"", 0)
        self._known = known
        self._local = local
        self._leads = leads
        self._own: defaultdict[bytes, SparseBytes] = defaultdict(SparseBytes)
        self.refused: list[str] = []  # what was asked for and is not known, for people

    def storage_read(self, request: StorageRead) -> Answer:
        """What this run has written, else what the record shows, else the local state."""
        span = request.index, request.length
        data, marks = self._known.slots[request.state, request.address, request.slot].get(*span)
        if request.address == self._contract and request.slot in self._own:
            written, which = self._own[request.slot].get(*span)
            if request.state != DEFAULT_STATE and any(which):
                return self._refuse(_storage_text(request))  # whether a node shows it there is its own affair
            for part in held(which):
                data[part], marks[part] = written[part], which[part]
        missing = gaps(marks)
        if missing and not self._fill(request, data, missing):
            return self._refuse(_storage_text(request))
        return Answer(0, bytes(data))

    def _fill(self, request: StorageRead, data: bytearray, missing: list[slice]) -> bool:
        """Take bytes from the local state; it no longer has those that the recorded run replaced."""
        if self._local is None:
            return False
        if request.address == self._contract:
            replaced = self._known.written[request.slot].get(request.index, request.length)[1]
            if any(any(replaced[part]) for part in missing):
                return False
        last = (request.index + request.length - 1) // PAGE
        numbers = range(request.index // PAGE, last + 1)
        pages = b"".join(
            self._local.read_page(request.address, request.slot, number).ljust(PAGE, b"\0")
            for number in numbers
        )
        present = pages[request.index % PAGE :][: request.length]
        for part in missing:
            data[part] = present[part]
        return True

    def storage_write(self, request: StorageWrite) -> Answer:
        """Keep it for the reads of this run."""
        self._own[request.slot].put(request.index, request.data)
        return OK

    def get_calldata(self, _request: GetCalldata) -> Answer:
        """The transaction's calldata."""
        return self._known.calldata or self._refuse("the transaction's calldata")

    def get_balance(self, request: GetBalance) -> Answer:
        """A recorded balance; from the local state only where this transaction did not change it."""
        known = self._known.balances.get(request.address)
        if known is not None:
            return known
        if self._local is None or request.address in {self._contract, *self._known.paid}:
            return self._refuse(f"the balance of {Address(request.address)}")
        return Answer(0, self._local.balance(request.address).to_bytes(32, "little"))

    def eth_call(self, request: EthCall) -> Answer:
        """A recorded answer of the other chain."""
        known = self._known.eth_calls.get(request)
        return known or self._refuse(f"a call of {Address(request.address)} on the other chain")

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        """The recorded result of a block, or that this run leads."""
        if self._leads:
            return I_AM_LEADER
        result = self._known.leader.get(request.call_no)
        if result is None:
            return self._refuse(f"the leader's result of nondeterministic block {request.call_no}")
        return Answer(0, result)

    def _take(self, request: Outgoing) -> Answer:
        self.messages.append(request)
        return OK

    def _refuse(self, what: str) -> Answer:
        self.refused.append(what)
        return ABSENT


class _Nothing:
    """A state that is never asked: every read of `RecordedHost` goes another way."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        raise AssertionError("not asked")

    def balance(self, address: bytes) -> int:
        raise AssertionError("not asked")


def _storage_text(request: StorageRead) -> str:
    return (
        f"storage of {Address(request.address)}, slot 0x{request.slot.hex()}, "
        f"bytes {request.index} to {request.index + request.length}"
    )
