"""Everything that can cross the boundary of a sub-VM: requests, their answers, and the pair of both, the event.

A request is what a guest (or the supervisor on its behalf) asks of the world; an answer is what came back, host error
bytes included. The pair is stored, in order, as one event of a line. Facts: spec/executor.md sections 1.2, 4 and 7.

`tag` is the stored kind with its version, never an import path. A changed field list makes a new version; the old class
stays readable for ever. Deliberately not here: storage (see `record.py`), comparison (see `executor/effects`).
"""

from __future__ import annotations

from typing import Final, TypeAlias, get_args

import msgspec


class Request(msgspec.Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """Base of all requests; equal by value, stored as `[kind, field, ...]`."""


class StorageRead(Request, tag="storage_read/1", frozen=True, array_like=True, gc=False):
    """Read `length` bytes of a slot. Answer: host error byte and exactly `length` bytes."""

    state: int  # 0 default, 1 latest final, 2 latest non-final
    address: bytes  # 20 bytes
    slot: bytes  # 32 bytes
    index: int  # u32, offset in the slot
    length: int  # u32


class StorageWrite(Request, tag="storage_write/1", frozen=True, array_like=True, gc=False):
    """Write bytes into a slot of the contract that the transaction runs. Answer: host error byte."""

    slot: bytes  # 32 bytes
    index: int  # u32
    data: bytes


class GetCalldata(Request, tag="get_calldata/1", frozen=True, array_like=True, gc=False):
    """Ask for the calldata of the transaction. Answer: the bytes."""


class GetBalance(Request, tag="get_balance/1", frozen=True, array_like=True, gc=False):
    """Ask for a balance. Answer: 32 bytes, little-endian."""

    address: bytes  # 20 bytes


class PostEvent(Request, tag="post_event/1", frozen=True, array_like=True, gc=False):
    """Emit an event. Answer: host error byte."""

    topics: tuple[bytes, ...]  # at most 4, of 32 bytes
    blob: bytes  # calldata of a map


class ConsumeResult(Request, tag="consume_result/1", frozen=True, array_like=True, gc=False):
    """Hand the result over to the host (spec/executor.md 2.2): always the last event of the line `main`."""

    payload: bytes


class GetLeaderNondetResult(
    Request, tag="get_leader_nondet_result/1", frozen=True, array_like=True, gc=False
):
    """Ask for the leader's result of a nondeterministic block. Answer: code byte and data; 3 for "you lead"."""

    call_no: int  # u32, counts the blocks of the whole run


class PostNondetResult(Request, tag="post_nondet_result/1", frozen=True, array_like=True, gc=False):
    """Hand over the leader's result of a nondeterministic block. Answer: host error byte."""

    call_no: int  # u32
    result: bytes  # code byte and data (spec/executor.md 2.1)


class PostMessage(Request, tag="post_message/1", frozen=True, array_like=True, gc=False):
    """Send a message to another contract. Answer: host error byte."""

    address: bytes  # 20 bytes
    calldata: bytes
    value: bytes  # 32 bytes, little-endian
    on: str  # "finalized" or "accepted"


class ConsumeFuel(Request, tag="consume_fuel/1", frozen=True, array_like=True, gc=False):
    """Tell the host how much a module has spent. Answer: nothing."""

    fuel: int  # u64


class DeployContract(Request, tag="deploy_contract/1", frozen=True, array_like=True, gc=False):
    """Deploy a contract. Answer: host error byte."""

    calldata: bytes
    code: bytes
    value: bytes  # 32 bytes, little-endian
    on: str  # "finalized" or "accepted"
    salt_nonce: bytes  # 32 bytes, little-endian; zero for an address without a salt


class EthCall(Request, tag="eth_call/1", frozen=True, array_like=True, gc=False):
    """Call a contract of the other chain, which changes nothing there. Answer: the bytes it returned."""

    address: bytes  # 20 bytes
    calldata: bytes


class EthSend(Request, tag="eth_send/1", frozen=True, array_like=True, gc=False):
    """Send a transaction to the other chain. Answer: host error byte."""

    address: bytes  # 20 bytes
    calldata: bytes
    value: bytes  # 32 bytes, little-endian


class RemainingFuelAsGen(Request, tag="remaining_fuel_as_gen/1", frozen=True, array_like=True, gc=False):
    """Ask how much the modules may still spend. Answer: u64."""


class NotifyNondetDisagreement(
    Request, tag="notify_nondet_disagreement/1", frozen=True, array_like=True, gc=False
):
    """Tell the host the first block whose leader's result this validator rejects. Answer: nothing."""

    call_no: int  # u32


class ReadClock(Request, tag="read_clock/1", frozen=True, array_like=True, gc=False):
    """The guest reads a clock. Answer: nanoseconds since the Unix epoch, u64."""

    clock_id: int


class ReadRandom(Request, tag="read_random/1", frozen=True, array_like=True, gc=False):
    """The guest asks for random bytes. Answer: the bytes."""

    position: int  # how many 32-bit words this VM has drawn before (spec/executor.md 7.3)
    length: int


class WriteStream(Request, tag="write_stream/1", frozen=True, array_like=True, gc=False):
    """The guest writes to standard output (1) or standard error (2). Answer: nothing."""

    stream: int
    data: bytes


class TraceMessage(Request, tag="trace_message/1", frozen=True, array_like=True, gc=False):
    """The guest leaves a debug message. Answer: nothing."""

    text: str


class WasiCall(Request, tag="wasi_call/1", frozen=True, array_like=True, gc=False):
    """Any other wasip1 call, told after the fact: its outcome is a function of the pinned files. Answer: nothing."""

    name: str
    args: tuple[int, ...]  # those that are no pointers
    errno: int


class ModuleCall(Request, tag="module_call/1", frozen=True, array_like=True, gc=False):
    """One request to a module (spec/executor.md 1.7). Answer: calldata, `{"Ok"|"UserError"|"FatalError": ...}`."""

    module: str  # "llm" or "web"
    message: bytes  # calldata


class ModuleAttempt(Request, tag="module_attempt/1", frozen=True, array_like=True, gc=False):
    """What a module tried for an answer: bookkeeping, on a line of its own (`bookkeeping.py`).

    Answer: what the provider said, as it came, where that is kept.
    """

    call: int  # seq of the `ModuleCall` on the line that this one is about
    facts: bytes  # calldata of a flat map, such as backend, model, status, duration_us, input_tokens


class ReadRunningTime(Request, tag="read_running_time/1", frozen=True, array_like=True, gc=False):
    """The guest asks how long it has been running (`Trace.RuntimeMicroSec`). Answer: microseconds."""


AnyRequest: TypeAlias = (
    StorageRead
    | StorageWrite
    | GetCalldata
    | GetBalance
    | PostEvent
    | ConsumeResult
    | ReadClock
    | ReadRandom
    | WriteStream
    | TraceMessage
    | WasiCall
    | GetLeaderNondetResult
    | PostNondetResult
    | PostMessage
    | ConsumeFuel
    | DeployContract
    | EthCall
    | EthSend
    | RemainingFuelAsGen
    | NotifyNondetDisagreement
    | ModuleCall
    | ModuleAttempt
    | ReadRunningTime
)


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """What came back: `error` is a host error byte, 0 for success."""

    error: int = 0
    value: bytes | int | None = None


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """One crossing: stored as `[[kind, field, ...], [error, value]]`."""

    request: AnyRequest
    answer: Answer


OK: Final = Answer()
BY_KIND: Final[dict[str, type[Request]]] = {
    str(cls.__struct_config__.tag): cls for cls in get_args(AnyRequest)
}
assert len(BY_KIND) == len(get_args(AnyRequest)), "two request types share a kind"
