"""The door to the real world: host requests go to the host, the rest is answered from the transaction itself.

The clock is the transaction's time for every clock id, random bytes of a deterministic VM are a fixed stream
(spec/executor.md 7.2, 7.3): both are pure functions of pinned inputs and cross the door all the same, so that a record
is complete. Nondeterministic blocks get random bytes of the system and their running time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, TypeAlias

from ... import calldata
from ...calldata import Value
from ...errors import EnvironmentProblem
from ...host_bridge.host import Host
from ...host_bridge.modules import Modules, NoModules
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
    ModuleCall,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    ReadClock,
    ReadRandom,
    ReadRunningTime,
    RemainingFuelAsGen,
    Request,
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from ..random_stream import RandomStream
from .door import MAIN_LINE

NoteAttempts: TypeAlias = Callable[[str, Sequence[Mapping[str, Value]]], None]
"""Is given the name of a line and what was tried for its next event, an answer of a module."""
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
    """Answers from a host, from modules, and from the transaction's own time."""

    def __init__(
        self,
        host: Host,
        clock_ns: int,
        streams: Streams,
        modules: Modules | None = None,
        *,
        debug: bool = False,
        note_attempts: NoteAttempts | None = None,
    ) -> None:
        """
        Args:
            debug: deterministic VMs too are told how long they have been running.
            note_attempts: is told what a module tried for an answer, before that is given.
        """
        self._host = host
        self._clock = Answer(0, clock_ns)
        self._streams = streams
        self._modules = modules or NoModules()
        self._note_attempts = note_attempts
        self._line = MAIN_LINE
        self._random = RandomStream()
        self._since = perf_counter_ns()
        self._handlers: dict[type[Request], Callable[[Any], Answer]] = {
            StorageRead: host.storage_read,
            StorageWrite: host.storage_write,
            GetCalldata: host.get_calldata,
            GetBalance: host.get_balance,
            PostEvent: host.post_event,
            PostMessage: host.post_message,
            DeployContract: host.deploy_contract,
            EthCall: host.eth_call,
            EthSend: host.eth_send,
            GetLeaderNondetResult: host.get_leader_nondet_result,
            PostNondetResult: host.post_nondet_result,
            NotifyNondetDisagreement: host.notify_nondet_disagreement,
            RemainingFuelAsGen: host.remaining_fuel_as_gen,
            ConsumeFuel: host.consume_fuel,
            ConsumeResult: host.consume_result,
            ModuleCall: self._call_module,
            ReadClock: lambda _: self._clock,
            ReadRandom: lambda request: Answer(0, self._random.read(request.position, request.length)),
            ReadRunningTime: lambda _: self._running_time() if debug else Answer(0, 0),
            WriteStream: self._write,
            TraceMessage: self._trace,
            WasiCall: lambda _: OK,
        }

    def line(self, name: str) -> Live:
        """The door of a nondeterministic block."""
        block = Live(self._host, 0, self._streams, self._modules, note_attempts=self._note_attempts)
        block._clock, block._line = self._clock, name
        block._handlers[ReadRandom] = lambda request: Answer(0, os.urandom(request.length))
        block._handlers[ReadRunningTime] = lambda _: block._running_time()
        return block

    def perform(self, request: AnyRequest) -> Answer:
        """Ask the host or a module, or answer from the transaction."""
        return self._handlers[type(request)](request)

    def _running_time(self) -> Answer:
        return Answer(0, (perf_counter_ns() - self._since) // 1000)

    def _call_module(self, request: ModuleCall) -> Answer:
        """A module that gives no answer has failed: that is what came back, so it is recorded and replays."""
        try:
            said = self._modules.call(request.module, request.message)
        except EnvironmentProblem as problem:
            return Answer(0, calldata.encode({"FatalError": str(problem)}))
        if said.attempts and self._note_attempts is not None:
            self._note_attempts(self._line, said.attempts)
        return Answer(0, said.reply)

    def _write(self, request: WriteStream) -> Answer:
        self._streams.write(request)
        return OK

    def _trace(self, request: TraceMessage) -> Answer:
        self._streams.traces.append(request.text)
        return OK
