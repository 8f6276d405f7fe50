"""What one record knows of the world in which it was made: storage byte by byte, other answers by request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ...host_bridge.sparse_bytes import SparseBytes
from ...journal.events import (
    Answer,
    AnyRequest,
    Event,
    GetLeaderNondetResult,
    PostNondetResult,
    StorageRead,
    StorageWrite,
)

SlotKey = tuple[int, bytes, bytes]  # state, address, slot


class RecordedWorld:
    """Filled line by line with the events of a run.

    Attributes:
        storage: slots as they were before the run, as far as it read them.
        results: of nondeterministic blocks by number: code byte and data (spec/executor.md 2.1).
    """

    def __init__(self, contract: bytes) -> None:
        """
        Args:
            contract: the one that the transaction runs: writes go there.
        """
        self._contract = contract
        self.storage: defaultdict[SlotKey, SparseBytes] = defaultdict(SparseBytes)
        self.results: dict[int, bytes] = {}
        self._answers: defaultdict[tuple[str, AnyRequest], list[Answer]] = defaultdict(list)

    def take(self, line: str, events: Iterable[Event]) -> None:
        """Take in a line."""
        written: defaultdict[bytes, SparseBytes] = defaultdict(SparseBytes)
        for event in events:
            request, answer = event.request, event.answer
            if isinstance(request, StorageWrite) and not answer.error:
                written[request.slot].put(request.index, request.data)
            elif isinstance(request, StorageRead) and isinstance(answer.value, bytes) and not answer.error:
                mine = written[request.slot] if request.address == self._contract else None
                known = self.storage[request.state, request.address, request.slot]
                known.put(request.index, answer.value, but_not=mine)
            elif isinstance(request, PostNondetResult):
                self.results[request.call_no] = request.result
            elif isinstance(request, GetLeaderNondetResult) and isinstance(answer.value, bytes):
                self.results[request.call_no] = answer.value
            self._answers[line, request].append(answer)

    def answer(self, line: str, request: AnyRequest, number: int = 0) -> Answer | None:
        """What came back when this was asked for the time `number`, from 0; None if it was not asked so often."""
        given = self._answers.get((line, request), [])
        return given[number] if number < len(given) else None
