"""Looks at the VMs of a run when it is stopped at a chosen point: a request, or an amount of fuel.

Fuel is what the FUEL build counts; it checks the count where a function or a loop begins, so a point stands for the
first of these places at or after it. The clock is that of the main VM: others that it starts run to their end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import wasmtime
from blake3 import blake3

from .fingerprint import Baseline, changed_pages, memory_hash
from .instance import FUEL_MAX, Frame, Instance
from .python_runtime.look import PythonFrame
from .stops import GuestStop
from .vm_plan import VmPlan


class Paused(GuestStop):
    """The run has come to the point that was asked for; it never is an outcome."""


class Asked(Protocol):
    """Who can ask a stopped Python guest; each question writes to its memory."""

    def dump_traceback(self, instance: Instance) -> str:
        """Where it was; `` if it can't tell."""
        ...

    def python_frames(self, instance: Instance) -> tuple[PythonFrame, ...]:
        """Its frames with their local variables, innermost first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VmState:
    """One VM as it was found.

    Attributes:
        depth: VMs around it.
        ended: it came to its end before the point.
        fuel_used: by this VM; None on builds that don't count.
        memory_hash: as in the footer of a run: over the pages that differ from the start.
        pages: BLAKE3 of each of these, by number (of 4096 bytes).
        frames: WebAssembly functions on its stack, innermost first.
        traceback: of a Python guest that was stopped inside.
        python: its frames with their local variables, where the clock asks for them and the guest can tell.
    """

    depth: int
    contract: bytes
    image: str
    ended: bool
    fuel_used: int | None
    memory_bytes: int
    memory_hash: bytes
    pages: dict[int, bytes]
    frames: tuple[Frame, ...] = ()
    traceback: str = ""
    python: tuple[PythonFrame, ...] = ()


@dataclass(slots=True)
class FuelClock:
    """Stops the main VM when its fuel has reached `stop_at`, and keeps what is seen of every VM that stops.

    Attributes:
        states: VMs that the pause stopped, innermost first, or the main VM at its end.
        with_locals: ask Python guests for their local variables.
        begun: the main VM has started.
    """

    stop_at: int | None = None
    with_locals: bool = False
    states: list[VmState] = field(default_factory=list)
    begun: bool = False
    _own: int | None = None
    _given: int | None = None

    def limit(self, plan: VmPlan, own: int | None) -> int | None:
        """The fuel that a VM gets, where the run allows it `own`; None: as much as there is."""
        self._own = own
        if plan.depth:
            return own
        self.begun = True
        self._given = own if self.stop_at is None else min(self.stop_at, FUEL_MAX if own is None else own)
        return self._given

    def check_start(self, plan: VmPlan, failure: Exception) -> None:
        """Take in a VM that could not be started.

        Raises:
            Paused: it was about to, and the point lies there.
        """
        if isinstance(failure, Paused):
            raise failure
        if not plan.depth and self._given == self.stop_at and _out_of_fuel(failure):
            raise Paused("in the start function")

    def look(
        self,
        instance: Instance,
        image: str,
        baseline: Baseline,
        stop: Exception | None,
        asked: Asked,
    ) -> None:
        """Take in a VM that has stopped.

        Raises:
            Paused: its fuel has reached the point.
        """
        plan = instance.guest.plan
        given = self._own if plan.depth else self._given
        reached = (
            plan.depth == 0 and self.stop_at is not None and given == self.stop_at and _out_of_fuel(stop)
        )
        inside = reached or isinstance(stop, Paused)
        if not inside and plan.depth:
            return
        left, memory = instance.fuel_left(), instance.guest.memory
        digest = memory_hash(memory, baseline)  # and pages: before the guest itself is asked
        pages = {number: blake3(page).digest() for number, page in changed_pages(memory, baseline)}
        python = inside and bool(image)
        self.states.append(
            VmState(
                depth=plan.depth,
                contract=plan.message.contract_address,
                image=image,
                ended=not inside,
                fuel_used=None if left is None else (FUEL_MAX if given is None else given) - left,
                memory_bytes=memory.size,
                memory_hash=digest,
                pages=pages,
                frames=instance.frames,
                traceback=asked.dump_traceback(instance) if python else "",
                python=asked.python_frames(instance) if python and self.with_locals else (),
            )
        )
        if reached:
            raise Paused(f"{given} fuel used")


def _out_of_fuel(stop: Exception | None) -> bool:
    try:
        return isinstance(stop, wasmtime.Trap) and stop.trap_code is wasmtime.TrapCode.OUT_OF_FUEL
    except ValueError:  # a code that this wasmtime-py has no name for
        return False
