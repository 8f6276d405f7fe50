"""The state of one running VM, as its host functions see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..journal.run import Message
from .effects import Effects
from .memory import GuestMemory
from .storage_delta import StorageDelta
from .wasip1.descriptors import Descriptors


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a VM may do (spec/executor.md 4.3)."""

    deterministic: bool = True
    read_storage: bool = True
    write_storage: bool = True
    send_messages: bool = True
    call_others: bool = True
    spawn_nondet: bool = True
    state: int = 0  # which state its storage reads see: 0 default, 1 latest final, 2 latest non-final

    @classmethod
    def from_letters(cls, letters: str) -> Rights:
        """The rights of the main VM for a permission string over `rwscn` (spec/executor.md 1.4)."""
        return cls(
            read_storage="r" in letters,
            write_storage="w" in letters,
            send_messages="s" in letters,
            call_others="c" in letters,
            spawn_nondet="n" in letters,
        )


@dataclass(slots=True, kw_only=True)
class RunState:
    """What all VMs of one run share: balances asked for so far, slots that may not be written, what was written."""

    delta: StorageDelta = field(default_factory=StorageDelta)
    locked_slots: frozenset[bytes] = frozenset()
    balances: dict[bytes, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Guest:
    """One VM. `memory` is set once the instance exists; `stopped_by` by a host function that ends the VM."""

    effects: Effects
    descriptors: Descriptors
    rights: Rights
    message: Message
    version: tuple[int, int, int]  # of the contract: gates some messages
    run: RunState
    args: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()  # NAME=VALUE, sorted by name
    random_position: int = 0  # 32-bit words drawn so far
    value_spent: int = 0  # sent away by messages of this VM
    entry_points: tuple[int, int] | None = None  # told by a Python guest while an image is built
    booting: bool = False  # an image is being built
    memory: GuestMemory = field(init=False)
    stopped_by: BaseException | None = None
