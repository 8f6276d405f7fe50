"""Watches the VMs of a run: which VM started which, how each came to its end, and what it took.

A VM is named by its way from the main VM, `()`. A view or a sandbox counts among those of its caller, a
nondeterministic block has its number: so the names do not depend on when a validator in the background got its turn.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from blake3 import blake3

from .ffi import ADDRESS_SPACE
from .fingerprint import PAGE, Baseline, changed_pages, memory_hash
from .instance import FUEL_MAX, Instance
from .outcome import Outcome
from .vm_plan import CONSENSUS_STAGE, SANDBOX, VmPlan, VmReport

Kind: TypeAlias = Literal["main", "view", "sandbox", "block", "validator"]
Step: TypeAlias = tuple[Literal["call", "block"], int]
Way: TypeAlias = tuple[Step, ...]
WATCHED_MAX: Final = 10_000  # VMs of one run


@dataclass(slots=True, kw_only=True)
class VmNote:
    """One VM.

    Attributes:
        way: from the main VM to this one.
        kind: `block` is a leader's nondeterministic block, `validator` a validator's.
        contract: address of its code's contract.
        background: a validator, or started by one: chance decides when it has its turn.
        entry: what it was started with: calldata of a call, else the guest's own bytes.
        order: of its end among all VMs; None: it never came to one.
        outcome: how it ended.
        fuel_used: by this VM alone; None on builds that don't count, and for one that did not start.
        memory_hash: as in the footer of a run: over the pages that differ from the start.
        pages: BLAKE3 of each of these, by number (of 4096 bytes).
        kept: contents of the pages that were asked for; shorter where the memory ends.
        traceback: of a Python guest that was stopped from outside.
    """

    way: Way
    kind: Kind
    contract: bytes
    entry: bytes
    background: bool = False
    order: int | None = None
    outcome: Outcome | None = None
    image: str = ""
    fuel_used: int | None = None
    memory_bytes: int = 0
    memory_hash: bytes | None = None
    pages: dict[int, bytes] = field(default_factory=dict)
    kept: dict[int, bytes] = field(default_factory=dict)
    traceback: str = ""


class VmWatch:
    """What a machine tells of the VMs that it runs.

    Attributes:
        notes: of all VMs, in the order in which they started.
    """

    def __init__(self, *, memory: bool = True, keep: Mapping[Way, Collection[int]] | None = None) -> None:
        """
        Args:
            memory: hash every VM's memory at its end.
            keep: pages whose contents are wanted, by VM.
        """
        self.notes: list[VmNote] = []
        self._memory, self._keep = memory, keep or {}
        self._by_vm: dict[object, VmNote] = {}
        self._children: dict[Way, int] = {}
        self._ended = 0
        self._lock = threading.Lock()

    def began(self, plan: VmPlan) -> None:
        """Take in a VM that is about to start."""
        with self._lock:
            if len(self.notes) >= WATCHED_MAX:
                return
            way: Way = ()
            around = None if plan.parent is None else self._by_vm.get(plan.parent)
            if plan.parent is not None:
                way = (*(around.way if around else ()), self._step(plan, around))
            kind = kind_of(plan)
            note = VmNote(
                way=way,
                kind=kind,
                contract=plan.message.contract_address,
                entry=plan.entry_data,
                background=kind == "validator" or (around is not None and around.background),
            )
            self.notes.append(note)
            self._by_vm[plan.identity] = note

    def _step(self, plan: VmPlan, around: VmNote | None) -> Step:
        if plan.call_no is not None:
            return "block", plan.call_no
        way = around.way if around else ()
        number = self._children.get(way, 0)
        self._children[way] = number + 1
        return "call", number

    def look(self, instance: Instance, image: str, baseline: Baseline, fuel_given: int | None) -> None:
        """Take in a VM that has stopped, as long as its memory is there."""
        note = self._by_vm.get(instance.guest.plan.identity)
        if note is None:
            return
        memory, left = instance.guest.memory, instance.fuel_left()
        size = memory.present_size()
        note.image, note.memory_bytes = image, size
        note.fuel_used = None if left is None else (FUEL_MAX if fuel_given is None else fuel_given) - left
        if self._memory:
            note.memory_hash = memory_hash(memory, baseline)
            note.pages = {number: blake3(page).digest() for number, page in changed_pages(memory, baseline)}
        for number in self._keep.get(note.way, ()):
            begin, end = (min(at, size) for at in (number * PAGE, (number + 1) * PAGE))
            note.kept[number] = bytes(ADDRESS_SPACE[memory.base + begin : memory.base + end])

    def ended(self, plan: VmPlan, report: VmReport) -> None:
        """Take in how a VM ended."""
        with self._lock:
            note = self._by_vm.get(plan.identity)
            if note is not None:
                note.order, self._ended = self._ended, self._ended + 1
                note.outcome, note.traceback = report.outcome, report.traceback


def kind_of(plan: VmPlan) -> Kind:
    """What a VM is for."""
    if plan.entry_kind == SANDBOX:
        return "sandbox"
    if plan.entry_kind == CONSENSUS_STAGE:
        return "block" if plan.entry_stage_data is None else "validator"
    return "view" if plan.depth else "main"
