"""What the record of a run tells of the world as it was before that run, and of the leader's results.

A read shows bytes of before the run, unless the run itself had written them. So a re-run can be answered also where it
reads in another order or in other pieces than the record, and what the record does not show stays unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..journal.events import (
    Answer,
    EthCall,
    EthSend,
    Event,
    GetBalance,
    GetCalldata,
    GetLeaderNondetResult,
    PostNondetResult,
    Request,
    StorageRead,
    StorageWrite,
)
from .sparse_bytes import SparseBytes


class Known:
    """The facts of one record.

    Attributes:
        slots: bytes of before the run, by state (0 default, 1 latest final, 2 latest non-final), address and slot.
        written: what the run wrote, by slot of its contract.
        leader: result of each nondeterministic block, code byte and data, whether this run found or was given it.
        paid: accounts that the run sent coins to on the other chain.
    """

    def __init__(self, contract: bytes, events: Iterable[Event]) -> None:
        """
        Args:
            contract: the one that the run executed: all writes are its.
            events: of all lines, each line in its order, `main` first.
        """
        self.contract = contract
        self.slots: defaultdict[tuple[int, bytes, bytes], SparseBytes] = defaultdict(SparseBytes)
        self.written: defaultdict[bytes, SparseBytes] = defaultdict(SparseBytes)
        self.balances: dict[bytes, Answer] = {}
        self.eth_calls: dict[EthCall, Answer] = {}
        self.calldata: Answer | None = None
        self.leader: dict[int, bytes] = {}
        self.paid: set[bytes] = set()
        for event in events:
            learn = LEARNT.get(type(event.request))
            if learn is not None and not event.answer.error:
                learn(self, event.request, event.answer)

    def storage_read(self, request: StorageRead, answer: Answer) -> None:
        """Bytes that the run had not written itself."""
        if not isinstance(answer.value, bytes):
            return
        own = self.written.get(request.slot) if request.address == self.contract else None
        known = self.slots[request.state, request.address, request.slot]
        known.put(request.index, answer.value, but_not=own)

    def storage_written(self, request: StorageWrite, _answer: Answer) -> None:
        """From here on a read shows these bytes, not those of before."""
        self.written[request.slot].put(request.index, request.data)

    def balance_read(self, request: GetBalance, answer: Answer) -> None:
        """A balance; the same during the whole run."""
        self.balances.setdefault(request.address, answer)

    def other_chain_asked(self, request: EthCall, answer: Answer) -> None:
        """A call that changes nothing over there."""
        self.eth_calls.setdefault(request, answer)

    def paid_to(self, request: EthSend, _answer: Answer) -> None:
        """Coins that went away."""
        self.paid.add(request.address)

    def calldata_read(self, _request: GetCalldata, answer: Answer) -> None:
        """The transaction's calldata."""
        self.calldata = answer

    def result_posted(self, request: PostNondetResult, _answer: Answer) -> None:
        """A block's result that the run found as the leader."""
        self.leader[request.call_no] = request.result

    def result_taken(self, request: GetLeaderNondetResult, answer: Answer) -> None:
        """A block's result that the run was given."""
        if isinstance(answer.value, bytes):
            self.leader[request.call_no] = answer.value


LEARNT: Final[dict[type[Request], Callable[[Known, Any, Answer], None]]] = {
    StorageRead: Known.storage_read,
    StorageWrite: Known.storage_written,
    GetBalance: Known.balance_read,
    EthCall: Known.other_chain_asked,
    EthSend: Known.paid_to,
    GetCalldata: Known.calldata_read,
    PostNondetResult: Known.result_posted,
    GetLeaderNondetResult: Known.result_taken,
}
