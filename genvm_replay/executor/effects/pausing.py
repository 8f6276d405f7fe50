"""The door that stops a run before a chosen request, and knows what has crossed until then."""

from __future__ import annotations

import msgspec
from blake3 import blake3

from ...journal.events import Answer, AnyRequest, StorageRead, StorageWrite
from ..fuel_clock import FuelClock, Paused
from ..storage_delta import StorageDelta
from .door import MAIN_LINE, Effects


class Pausing:
    """Performs through `inner` until request `stop_before` of line `stop_line` is asked for.

    Attributes:
        seq: how many requests of this line have crossed.
        written: what they wrote to storage.
        known: every byte of the contract's own storage that they read or wrote, as it is now.
    """

    def __init__(
        self,
        inner: Effects,
        clock: FuelClock,
        contract: bytes,
        *,
        stop_before: int | None = None,
        stop_line: str = MAIN_LINE,
        line: str = MAIN_LINE,
    ) -> None:
        """
        Args:
            contract: address that the transaction runs, which `requests` leaves out.
        """
        self._inner, self._clock, self._contract = inner, clock, contract
        self._stop_before, self._stop_line, self._line = stop_before, stop_line, line
        self._digest = blake3()
        self.seq = 0
        self.written = StorageDelta()
        self.known = StorageDelta()

    def perform(self, request: AnyRequest) -> Answer:
        """Perform, or stop here.

        Raises:
            Paused: this is the chosen request.
        """
        if self.seq == self._stop_before and self._line == self._stop_line:
            raise Paused(f"{self._line}[{self.seq}]")
        answer = self._inner.perform(request)
        self.seq += 1
        if isinstance(request, StorageWrite):
            self.written.write(request.slot, request.index, request.data)
            self.known.write(request.slot, request.index, request.data)
        elif isinstance(request, StorageRead) and (request.address, request.state) == (self._contract, 0):
            self.known.write(
                request.slot, request.index, answer.value if isinstance(answer.value, bytes) else b""
            )
        if self._clock.begun:
            own = getattr(request, "address", None) == self._contract
            self._digest.update(
                msgspec.msgpack.encode(msgspec.structs.replace(request, address=b"") if own else request)
            )
        return answer

    def requests(self) -> bytes:
        """A hash of what the VMs have asked on this line; the same for contracts at different addresses."""
        return self._digest.digest()

    def line(self, name: str) -> Pausing:
        """The door of another line."""
        return Pausing(
            self._inner.line(name),
            self._clock,
            self._contract,
            stop_before=self._stop_before,
            stop_line=self._stop_line,
            line=name,
        )
