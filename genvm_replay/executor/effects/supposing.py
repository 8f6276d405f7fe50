"""The door to the world of a record in which something is otherwise.

What the record knows is answered from it, wherever in the run it is asked; what it does not know is refused, never
guessed. Nothing live can be reached.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import OutsideRecord
from ...host_bridge.sparse_bytes import SparseBytes
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
    StorageRead,
    StorageWrite,
    TraceMessage,
    WasiCall,
    WriteStream,
)
from ..random_stream import RandomStream
from ..storage_delta import StorageDelta
from .door import MAIN_LINE
from .recorded_world import RecordedWorld
from .replaying import kind_of

DEEDS = (
    *(
        StorageWrite,
        PostEvent,
        PostMessage,
        DeployContract,
        EthSend,
        PostNondetResult,
        NotifyNondetDisagreement,
    ),
    *(ConsumeFuel, ConsumeResult, WriteStream, TraceMessage, WasiCall),
)
"""What is told to the world: it answers that it is done."""
FACTS = (GetCalldata, GetBalance, EthCall, RemainingFuelAsGen)
"""What has the same answer however often it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is supposed to be otherwise.

    Attributes:
        results: of nondeterministic blocks by number: code byte and data (spec/executor.md 2.1).
        storage: (slot, offset, bytes) of the contract's storage before the run.
        balances: by address, less than 2**256.
    """

    results: Mapping[int, bytes] = field(default_factory=dict)
    storage: tuple[tuple[bytes, int, bytes], ...] = ()
    balances: Mapping[bytes, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Memory:
    """What the lines of one run share."""

    written: defaultdict[bytes, SparseBytes] = field(default_factory=lambda: defaultdict(SparseBytes))
    delta: StorageDelta = field(default_factory=StorageDelta)
    sent: list[PostMessage | DeployContract | EthSend] = field(default_factory=list)
    emitted: list[PostEvent] = field(default_factory=list)
    noticed: bool = False


class Supposing:
    """Answers one run from a record and changes to its world.

    Attributes:
        delta: what the run has written.
        sent: the messages, deployments and transactions for Ethereum that it has sent, in order.
        emitted: its events.
        noticed: it has asked for something that is changed.
    """

    def __init__(self, world: RecordedWorld, contract: bytes, clock_ns: int, changes: Changes) -> None:
        """
        Args:
            contract: the one that the transaction runs.
            clock_ns: the transaction's time, Unix epoch.
        """
        self._world, self._contract, self._changes = world, contract, changes
        self._clock = Answer(0, clock_ns)
        self._random = RandomStream()
        self._line = MAIN_LINE
        self._asked: Counter[AnyRequest] = Counter()
        self._memory = _Memory()
        self._changed: defaultdict[bytes, SparseBytes] = defaultdict(SparseBytes)
        for slot, offset, data in changes.storage:
            self._changed[slot].put(offset, data)

    @property
    def delta(self) -> StorageDelta:
        """What the run has written."""
        return self._memory.delta

    @property
    def sent(self) -> list[PostMessage | DeployContract | EthSend]:
        """Messages, deployments and transactions for Ethereum, in order."""
        return self._memory.sent

    @property
    def emitted(self) -> list[PostEvent]:
        """Events, in order."""
        return self._memory.emitted

    @property
    def noticed(self) -> bool:
        """Whether the run has asked for something that is changed."""
        return self._memory.noticed

    def line(self, name: str) -> Supposing:
        """The door of a nondeterministic block."""
        block = Supposing(self._world, self._contract, 0, self._changes)
        block._clock, block._line, block._memory = self._clock, name, self._memory
        return block

    def perform(self, request: AnyRequest) -> Answer:
        """Answer from the changes, the record or the transaction itself.

        Raises:
            OutsideRecord: none of them has an answer.
        """
        if isinstance(request, StorageRead):
            return Answer(0, self._read(request))
        if isinstance(request, ReadClock):
            return self._clock
        if isinstance(request, ReadRandom) and self._line == MAIN_LINE:
            return Answer(0, self._random.read(request.position, request.length))
        if isinstance(request, GetBalance) and request.address in self._changes.balances:
            self._memory.noticed = True
            return Answer(0, self._changes.balances[request.address].to_bytes(32, "little"))
        if isinstance(request, GetLeaderNondetResult):
            return self._result(request)
        recorded = self._recorded(request)
        if recorded is None and not isinstance(request, DEEDS):
            raise OutsideRecord(f"{self._line}: {described(request)}")
        answer = recorded or OK
        if not answer.error:
            self._note(request)
        return answer

    def _recorded(self, request: AnyRequest) -> Answer | None:
        number = self._asked[request]
        self._asked[request] += 1
        answer = self._world.answer(self._line, request, number)
        if answer is None and isinstance(request, FACTS):
            return self._world.answer(self._line, request)
        return answer

    def _result(self, request: GetLeaderNondetResult) -> Answer:
        self._memory.noticed |= request.call_no in self._changes.results
        result = self._changes.results.get(request.call_no, self._world.results.get(request.call_no))
        if result is not None:
            return Answer(0, result)
        recorded = self._world.answer(self._line, request)
        if recorded is None or not recorded.error:
            raise OutsideRecord(f"{self._line}: {described(request)}")
        return recorded

    def _note(self, request: AnyRequest) -> None:
        memory = self._memory
        if isinstance(request, StorageWrite):
            memory.delta.write(request.slot, request.index, request.data)
            memory.written[request.slot].put(request.index, request.data)
        elif isinstance(request, PostEvent):
            memory.emitted.append(request)
        elif isinstance(request, PostMessage | DeployContract | EthSend):
            memory.sent.append(request)

    def _read(self, request: StorageRead) -> bytes:
        """The layers above each other: before the run, the change, what the run wrote."""
        slot, index, length = request.slot, request.index, request.length
        view = SparseBytes()
        known = self._world.storage.get((request.state, request.address, slot))
        layers = [known] if known else []
        if request.address == self._contract:
            written = self._memory.written[slot]
            if request.state and written.knows_any(index, length):
                raise OutsideRecord(f"{self._line}: {described(request)}, which it has written itself")
            layers += [self._changed[slot], written]
            self._memory.noticed |= self._changed[slot].knows_any(index, length)
        for layer in layers:
            view.lay(layer, index, length)
        found = view.fetch(index, length)
        if isinstance(found, int):
            raise OutsideRecord(f"{self._line}: {described(request)}; byte {found} is unknown")
        return found


def described(request: AnyRequest) -> str:
    """A request in a few words."""
    if isinstance(request, StorageRead):
        where = f"slot 0x{request.slot.hex()} of 0x{request.address.hex()}"
        return f"it reads {request.length} bytes at {request.index} of {where}"
    if isinstance(request, GetLeaderNondetResult):
        return f"it asks for the result of nondeterministic block {request.call_no}"
    if isinstance(request, GetBalance):
        return f"it asks for the balance of 0x{request.address.hex()}"
    return f"it makes a request {kind_of(request)}"
