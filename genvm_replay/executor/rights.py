"""What a VM may do, and what all VMs of a run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from .storage_delta import StorageDelta

if TYPE_CHECKING:
    from .contract import Contract


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


NO_RIGHTS = Rights(
    deterministic=False,
    read_storage=False,
    write_storage=False,
    send_messages=False,
    call_others=False,
    spawn_nondet=False,
)
"""Those of a nondeterministic block."""


@dataclass(slots=True, kw_only=True)
class RunState:
    """What all VMs of one run share.

    Attributes:
        balances: asked for so far; the host is asked once for an address (spec/executor.md 8.4).
        contracts: loaded so far by address; the first load wins, whatever state it was read from (8.4).
        call_numbers: numbers of nondeterministic blocks.
        runners: loaded so far by id, with where each came from.
    """

    delta: StorageDelta = field(default_factory=StorageDelta)
    locked_slots: frozenset[bytes] = frozenset()
    balances: dict[bytes, int] = field(default_factory=dict)
    contracts: dict[bytes, Contract] = field(default_factory=dict)
    call_numbers: count[int] = field(default_factory=count)
    runners: dict[str, str] = field(default_factory=dict)
