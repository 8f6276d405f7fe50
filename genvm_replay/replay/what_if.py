"""Runs a recorded transaction again in a world in which one thing is otherwise, and says what that changes.

The results of nondeterministic blocks are taken as they are recorded, or as they are supposed; the blocks themselves do
not run. A validator's record is judged again: its validator functions see the supposed result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
from blake3 import blake3

from ..errors import OutsideRecord, UsageError
from ..executor.effects import Recording
from ..executor.effects.recorded_world import RecordedWorld
from ..executor.effects.supposing import Changes, Supposing
from ..executor.engine import Build
from ..executor.moment import clock_ns
from ..executor.storage_slots import CODE_SLOT
from ..journal.recorder import FinishedRun, RunRecorder
from ..journal.run import RunHeader
from ..journal.stored import StoredRun
from .compare import Difference, storage
from .effect import Effect, delta_of, recorded_effect, supposed_effect
from .field_names import NO_NAMES, Pieces, TypeRow, field_names
from .field_values import Stretch, place_of, stretches
from .fuel_clock import Execution
from .reexecute import check_runners
from .run_facts import RunFacts, facts_of
from .storage_layout import storage_layout
from .workbench import Workbench, footer_of

TX_DOMAIN = b"genvm-replay/what-if/1\0"
U256_MAX = 2**256 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A supposed run beside the recorded one.

    Attributes:
        supposed: None: it asked for something that the record has no answer to.
        refused: what that was.
        finished: its own record.
        noticed: it asked for something that is changed; else nothing can differ.
        storage: what is written otherwise, by field of the contract where its name is known.
    """

    recorded: Effect
    supposed: Effect | None
    refused: str = ""
    finished: FinishedRun | None = None
    noticed: bool = True
    storage: tuple[Difference, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of what differs."""
        return () if self.supposed is None else self.recorded.differences(self.supposed)


class Supposition:
    """One recorded run, to be run again with changes as often as one likes."""

    def __init__(self, run: StoredRun, bench: Workbench) -> None:
        """
        Raises:
            UsageError: it was stopped from outside, so what it comes to is not known.
            JournalDamaged, PayloadRedacted: the record can't be read.
            EnvironmentProblem: it was made with other runners than there are here.
        """
        if run.footer.interrupted:
            raise UsageError(f"0x{run.header.tx.hex()} was stopped from outside: what it comes to is chance")
        check_runners(run.footer.runners, bench.registry(debug_mode=True))
        self._run, self._bench = run, bench
        self._contract = run.header.message.contract_address
        self._world = RecordedWorld(self._contract)
        for line in run.lines():
            self._world.take(line.name, run.read_line(line.name))
        self.recorded = recorded_effect(run)

    @property
    def results(self) -> Mapping[int, bytes]:
        """The results of the nondeterministic blocks, by number: code byte and data."""
        return self._world.results

    def suppose(self, changes: Changes, code: bytes | None = None) -> WhatIf:
        """Run with changes.

        Args:
            code: of the contract, instead of its own.

        Raises:
            UsageError: a change makes no sense for this run.
        """
        header, door, image = self._supposed(changes, code)
        recorder = RunRecorder(header)
        build = Build.EPOCH if header.limits.fuel is None else Build.FUEL
        try:
            report = self._bench.execute(header, Recording(door, recorder), build, image=image)
        except OutsideRecord as refusal:
            return WhatIf(recorded=self.recorded, supposed=None, refused=str(refusal))
        finished, effect = recorder.finish(footer_of(report)), supposed_effect(report, door)
        return WhatIf(
            recorded=self.recorded,
            supposed=effect,
            finished=finished,
            noticed=door.noticed,
            storage=tuple(self._storage_changes(effect, finished)),
        )

    def execution(self, changes: Changes, code: bytes | None = None) -> Execution:
        """What `suppose` runs, for whoever wants to look into it. Raises as `suppose` does."""
        return Execution(*self._supposed(changes, code))

    def _supposed(self, changes: Changes, code: bytes | None) -> tuple[RunHeader, Supposing, str | None]:
        self._check(changes)
        if code is not None:
            changes = replace(changes, storage=(*changes.storage, *code_storage(code)))
        header = supposed_header(self._run, changes)
        door = Supposing(self._world, self._contract, clock_ns(header.message), changes)
        return header, door, self._run.footer.image if code is None else None

    def of_field(self, name: str, value: Any) -> tuple[Stretch, ...]:
        """The bytes of the storage before the run that give a field of the contract a value.

        Raises:
            UsageError: there is no such field, it has no such value, or the record does not show where it lies.
        """
        return tuple(stretches(self._layout, place_of(self._layout, name, self._before), value, name))

    @cached_property
    def _facts(self) -> RunFacts:
        return facts_of(self._run)

    @cached_property
    def _layout(self) -> list[TypeRow]:
        return self._layout_of(self._facts.code)

    def _layout_of(self, code: bytes | None) -> list[TypeRow]:
        return [] if code is None else storage_layout(self._bench.runtime, code)

    def _before(self, slot: bytes, offset: int, size: int) -> bytes | None:
        """Stored bytes as the recorded run found them; None where it has not read them all."""
        known = self._world.storage.get((0, self._contract, slot))
        found = None if known is None else known.fetch(offset, size)
        return found if isinstance(found, bytes) else None

    def _storage_changes(self, supposed: Effect, finished: FinishedRun) -> Iterable[Difference]:
        if supposed.storage_hash == self.recorded.storage_hash:
            return ()
        sides = self._facts, facts_of(finished.open())
        names = NO_NAMES  # where the code is another, with another layout
        if sides[0].code == sides[1].code or self._layout == self._layout_of(sides[1].code):
            names = field_names(self._layout, *(Pieces(one.known) for one in sides))
        written = delta_of(self.recorded.written), delta_of(supposed.written)
        return storage(written, (sides[0].known, sides[1].known), names)

    def _check(self, changes: Changes) -> None:
        unknown = sorted(set(changes.results) - set(self.results))
        if unknown:
            there = ", ".join(map(str, sorted(self.results))) or "none"
            raise UsageError(f"the run has no nondeterministic block {unknown[0]}; it has {there}")
        for address, balance in changes.balances.items():
            if not 0 <= balance <= U256_MAX:
                raise UsageError(f"the balance of 0x{address.hex()} is 0 to 2**256 - 1, not {balance}")


def code_storage(code: bytes) -> tuple[Stretch, ...]:
    """How a contract's code lies in its storage (spec/executor.md 5.6)."""
    return (CODE_SLOT, 0, len(code).to_bytes(4, "little")), (CODE_SLOT, 4, code)


def supposed_header(run: StoredRun, changes: Changes) -> RunHeader:
    """The header of a supposed run: a transaction of its own, which points at the recorded one."""
    told = [
        sorted(changes.results.items()),
        changes.storage,
        sorted(changes.balances.items(), key=lambda b: b[0]),
    ]
    encoded = repr(told).encode()
    return msgspec.structs.replace(
        run.header,
        tx=blake3(TX_DOMAIN + run.root + encoded).digest(),
        role="validator" if run.header.role == "validator" else "sync",
        parent=run.root,
    )
