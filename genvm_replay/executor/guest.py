"""The state of one running VM, as its host functions see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..journal.run import Message
from .effects import Effects
from .memory import GuestMemory
from .memory_budget import MemoryBudget
from .rights import Rights, RunState
from .vm_plan import VmPlan
from .wasip1.descriptors import Descriptors


class SubVmStarter(Protocol):
    """Starts VMs on behalf of a guest; see `sub_vms.py`."""

    def call_contract(self, caller: VmPlan, address: bytes, call: bytes, state: int) -> bytes:
        """Run another contract."""
        ...

    def sandbox(self, caller: VmPlan, data: bytes, *, allow_writes: bool) -> bytes:
        """Run the same contract with fewer rights."""
        ...

    def run_nondet(self, caller: VmPlan, leader: bytes, validator: bytes) -> bytes:
        """Get the result of a nondeterministic block."""
        ...


@dataclass(slots=True, kw_only=True)
class Guest:
    """One VM. `memory` is set once the instance exists; `stopped_by` by a host function that ends the VM.

    What the plan says is repeated here where host functions ask for it on every call.
    """

    plan: VmPlan
    descriptors: Descriptors
    sub_vms: SubVmStarter | None = None
    args: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()  # NAME=VALUE, sorted by name
    random_position: int = 0  # 32-bit words drawn so far
    value_spent: int = 0  # sent away by messages of this VM
    entry_points: tuple[int, int] | None = None  # told by a Python guest while an image is built
    booting: bool = False  # an image is being built
    stopped_by: BaseException | None = None
    memory_of: Callable[[Any], GuestMemory] | None = None  # by caller, where several modules are linked
    memory: GuestMemory = field(init=False)
    budget: MemoryBudget = field(init=False)
    effects: Effects = field(init=False)
    rights: Rights = field(init=False)
    message: Message = field(init=False)
    run: RunState = field(init=False)
    version: tuple[int, int, int] = field(init=False)  # of the contract: gates some messages

    def __post_init__(self) -> None:
        plan = self.plan
        self.effects, self.rights, self.message, self.run = plan.effects, plan.rights, plan.message, plan.run
        self.version, self.budget = plan.contract.version, self.descriptors.budget

    def as_caller(self) -> VmPlan:
        """This VM's plan, for one that it starts: what this one holds now, that one can't have."""
        return replace(self.plan, held=self.budget.in_use())
