"""The door to the real world: host requests go to the host, the rest is answered from the transaction itself.

The clock is the transaction's time for every clock id, random bytes of a deterministic VM are a fixed stream
(spec/executor.md 7.2, 7.3): both are pure functions of pinned inputs and cross the door all the same, so that a record
is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...host_bridge.host import Host
from ...journal.events import (
    OK,
    Answer,
    AnyRequest,
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
    ReadClock,
    ReadRandom,
    RemainingFuelAsGen,
    Request,
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from ..random_stream import RandomStream

STREAM_BYTES_MAX = 16 << 20  # what is kept of each stream for the caller; the journal keeps everything


@dataclass(slots=True)
class Streams:
    """What the guest wrote: the beginning of each stream, STREAM_BYTES_MAX bytes at most."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    traces: list[str] = field(default_factory=list)

    def write(self, request: WriteStream) -> None:
        """Keep one write."""
        kept = self.stdout if request.stream == 1 else self.stderr
        kept += request.data[: max(0, STREAM_BYTES_MAX - len(kept))]


class Live:
    """Answers from a host and from the transaction's own time."""

    def __init__(self, host: Host, clock_ns: int, streams: Streams) -> None:
        self._clock = Answer(0, clock_ns)
        self._streams = streams
        self._random = RandomStream()
        self._handlers: dict[type[Request], Callable[[Any], Answer]] = {
            StorageRead: host.storage_read,
            StorageWrite: host.storage_write,
            GetCalldata: host.get_calldata,
            GetBalance: host.get_balance,
            PostEvent: host.post_event,
            ConsumeResult: host.consume_result,
            GetLeaderNondetResult: host.get_leader_nondet_result,
            PostNondetResult: host.post_nondet_result,
            PostMessage: host.post_message,
            ConsumeFuel: host.consume_fuel,
            DeployContract: host.deploy_contract,
            EthCall: host.eth_call,
            EthSend: host.eth_send,
            RemainingFuelAsGen: host.remaining_fuel_as_gen,
            NotifyNondetDisagreement: host.notify_nondet_disagreement,
            ReadClock: lambda _: self._clock,
            ReadRandom: lambda request: Answer(0, self._random.read(request.position, request.length)),
            WriteStream: self._write,
            TraceMessage: self._trace,
            WasiCall: lambda _: OK,
        }

    def perform(self, request: AnyRequest) -> Answer:
        """Ask the host, or answer from the transaction."""
        return self._handlers[type(request)](request)

    def _write(self, request: WriteStream) -> Answer:
        self._streams.write(request)
        return OK

    def _trace(self, request: TraceMessage) -> Answer:
        self._streams.traces.append(request.text)
        return OK
