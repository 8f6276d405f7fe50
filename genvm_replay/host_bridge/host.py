"""What an executor asks of its node: the fifteen methods of the host protocol (spec/executor.md 1.2)."""

from __future__ import annotations

from typing import Final, Protocol

from ..journal.events import (
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

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        """The leader's result, code byte and data; error byte 3 where this executor leads."""
        ...

    def post_nondet_result(self, request: PostNondetResult) -> Answer:
        """Take the leader's result of a nondeterministic block."""
        ...

    def post_message(self, request: PostMessage) -> Answer:
        """Take a message to another contract."""
        ...

    def deploy_contract(self, request: DeployContract) -> Answer:
        """Take a deployment."""
        ...

    def eth_call(self, request: EthCall) -> Answer:
        """What a contract of the other chain returns."""
        ...

    def eth_send(self, request: EthSend) -> Answer:
        """Take a transaction for the other chain."""
        ...

    def consume_fuel(self, request: ConsumeFuel) -> Answer:
        """Take note of spent fuel. The protocol has no answer: always OK."""
        ...

    def remaining_fuel_as_gen(self, request: RemainingFuelAsGen) -> Answer:
        """What the modules may still spend, u64."""
        ...

    def notify_nondet_disagreement(self, request: NotifyNondetDisagreement) -> Answer:
        """Take note of a rejected leader's result. The protocol has no answer: always OK."""
        ...

    def consume_result(self, request: ConsumeResult) -> Answer:
        """Take the result: the last request of a run."""
        ...
