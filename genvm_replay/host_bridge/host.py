"""What an executor asks of its node (spec/executor.md 1.2), as far as deterministic transactions need it."""

from __future__ import annotations

from typing import Any, Final, Protocol

from ..journal.events import (
    Answer,
    ConsumeResult,
    GetBalance,
    GetCalldata,
    PostEvent,
    StorageRead,
    StorageWrite,
)

HOST_ERRORS: Final = {1: "absent", 2: "forbidden", 3: "i_am_leader", 4: "out_of_storage_gas"}
"""Error bytes of the host protocol and the VM error messages they turn into."""


class Host(Protocol):
    """A node. Every method answers with a host error byte, 0 for success, and the value of that request."""

    def storage_read(self, request: StorageRead) -> Answer:
        """Exactly `request.length` bytes; what was never written reads as zero."""
        ...

    def storage_write(self, request: StorageWrite) -> Answer:
        """Write into the contract that the transaction runs."""
        ...

    def get_calldata(self, request: GetCalldata) -> Answer:
        """The calldata of the transaction."""
        ...

    def get_balance(self, request: GetBalance) -> Answer:
        """32 bytes, little-endian; the transaction's value already included."""
        ...

    def post_event(self, request: PostEvent) -> Answer:
        """Take an event."""
        ...

    def consume_result(self, request: ConsumeResult) -> Answer:
        """Take the result: the last request of a run."""
        ...

    def get_leader_nondet_result(self, request: Any) -> Answer: ...
    def post_nondet_result(self, request: Any) -> Answer: ...
    def post_message(self, request: Any) -> Answer: ...
    def deploy_contract(self, request: Any) -> Answer: ...
    def eth_call(self, request: Any) -> Answer: ...
    def eth_send(self, request: Any) -> Answer: ...
    def notify_nondet_disagreement(self, request: Any) -> Answer: ...
    def remaining_fuel_as_gen(self, request: Any) -> Answer: ...
    def consume_fuel(self, request: Any) -> Answer: ...
