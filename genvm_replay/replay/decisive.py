"""Which answers of the world a result hangs on: the nondeterministic blocks of a run are answered otherwise, in turn.

Each result is replaced by an empty one (an empty value of the same type) and by an error. An answer is decisive if the
kind of the result, the storage hash or the vote becomes another. A run that then asks for what the record doesn't know
counts as not told, never as decisive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from .. import calldata
from ..calldata import Address, CalldataError, Value
from ..executor.effects.supposing import Changes
from ..executor.sub_vms import RETURN, USER_ERROR
from .effect import Effect
from .what_if import Supposition, WhatIf

TRIES_MAX: Final = 256  # sets of answers, each one or two runs
EMPTY, ERROR = "empty", "error"
REPLACED: Final = b"replaced"
EMPTIES: Final[tuple[tuple[type, Value], ...]] = (
    *((Address, Address(bytes(20))), (bool, False), (int, 0), (str, ""), (bytes, b"")),
    *((Mapping, {}), (Sequence, [])),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """What one replaced answer changes."""

    call_no: int
    replaced_by: str  # EMPTY or ERROR
    outcome: WhatIf

    @property
    def decisive(self) -> bool:
        """Whether it flips the run."""
        return flips(self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the result of a run hangs on.

    Attributes:
        table: each answer alone, replaced in each way.
        smallest: numbers of the blocks in a smallest set that flips the run; empty: none was found.
        replaced_by: how those were replaced.
        complete: all sets up to that size were tried.
    """

    table: tuple[Influence, ...]
    smallest: tuple[int, ...] = ()
    replaced_by: str = ""
    complete: bool = True


def decide(supposition: Supposition) -> Decision:
    """Find what the result of a run hangs on, with at most TRIES_MAX sets of answers."""
    return search(dict(supposition.results), lambda results: supposition.suppose(Changes(results=results)))


def search(results: Mapping[int, bytes], suppose: Callable[[Mapping[int, bytes]], WhatIf]) -> Decision:
    """The same, over whatever says what comes of a set of replaced results."""
    table: list[Influence] = []
    tries = 0
    for size in range(1, len(results) + 1):
        for chosen in combinations(sorted(results), size):
            tries += 1
            if tries > TRIES_MAX:
                return Decision(table=tuple(table), complete=False)
            for name, replacement in REPLACEMENTS.items():
                outcome = suppose({number: replacement(results[number]) for number in chosen})
                if size == 1:
                    table.append(Influence(call_no=chosen[0], replaced_by=name, outcome=outcome))
                elif flips(outcome):
                    return Decision(table=tuple(table), smallest=chosen, replaced_by=name)
        alone = next((row for row in table if row.decisive), None)
        if alone is not None:
            return Decision(table=tuple(table), smallest=(alone.call_no,), replaced_by=alone.replaced_by)
    return Decision(table=tuple(table))


def flips(outcome: WhatIf) -> bool:
    """Whether kind of result, storage or vote are others than recorded."""
    return outcome.supposed is not None and _verdict(outcome.supposed) != _verdict(outcome.recorded)


def _verdict(effect: Effect) -> tuple[object, ...]:
    return effect.kind, effect.storage_hash, effect.disagreement


def emptied(result: bytes) -> bytes:
    """The result of a block with an empty value of the same type; null where it was an error."""
    value: Value = None
    if result[:1] == bytes((RETURN,)):
        with suppress(CalldataError):
            value = calldata.decode(result[1:])
    empty = next((empty for kind, empty in EMPTIES if isinstance(value, kind)), None)
    return bytes((RETURN,)) + calldata.encode(empty)


def failed(_result: bytes) -> bytes:
    """A user error, whatever the result was."""
    return bytes((USER_ERROR,)) + REPLACED


REPLACEMENTS: Final[Mapping[str, Callable[[bytes], bytes]]] = {EMPTY: emptied, ERROR: failed}
