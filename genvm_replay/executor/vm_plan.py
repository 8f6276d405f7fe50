"""What it takes to run one VM, and what is told of it when it has ended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..calldata import Address, Value
from ..journal.run import Message
from .contract import Contract
from .effects import Effects
from .outcome import Outcome
from .rights import Rights, RunState

MAIN, SANDBOX, CONSENSUS_STAGE = 0, 1, 2
"""Entry kinds (spec/executor.md 5.1)."""

DEPTH_MAX: Final = 64  # VMs inside VMs: where the deployed executor would be short of memory, more or less


@dataclass(frozen=True, slots=True, kw_only=True)
class VmPlan:
    """One VM to be.

    Attributes:
        entry_data: calldata of the call (MAIN), or the guest's own bytes.
        stack: addresses of the contracts that called on the way here.
        depth: VMs around this one.
        held: bytes of the memory budget that others hold while this one runs.
        identity: of the VM, whatever else is changed of its plan.
        parent: identity of the VM that starts this one.
        call_no: of a nondeterministic block.
    """

    contract: Contract
    message: Message
    rights: Rights
    run: RunState
    effects: Effects
    entry_kind: int = MAIN
    entry_data: bytes = b""
    entry_stage_data: Value = None
    stack: tuple[bytes, ...] = ()
    depth: int = 0
    held: int = 0
    identity: object = field(default_factory=object, repr=False, compare=False)
    parent: object = field(default=None, repr=False, compare=False)
    call_no: int | None = None

    def inside(self, **changes: Any) -> VmPlan:
        """A plan for a VM that this one starts; what is not named is inherited."""
        born: dict[str, Any] = {"identity": object(), "parent": self.identity, "call_no": None}
        return replace(self, **(born | changes), depth=self.depth + 1)

    @property
    def described(self) -> str:
        """Which VM it is, for people."""
        if self.entry_kind == SANDBOX:
            return f"a sandbox, {self.depth} inside the main VM"
        if self.entry_kind == CONSENSUS_STAGE:
            return "a nondeterministic block"
        address = Address(self.message.contract_address).checksummed
        return f"a view of {address}, {self.depth} inside the main VM" if self.depth else "the main VM"

    @property
    def has_fingerprint(self) -> bool:
        """Whether an error of this VM carries a fingerprint (spec/executor.md 2.3)."""
        return self.rights.deterministic and self.entry_kind == MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class VmReport:
    """What a machine tells of a VM that has ended. Field meanings: see `Outcome` and `RunFooter`."""

    outcome: Outcome
    image: str = ""
    memory_hash: bytes | None = None
    traceback: str = ""  # of the guest, where it was stopped from outside
    fuel_used: int | None = None
