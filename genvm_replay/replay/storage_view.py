"""A contract's storage as its source names it, from the bytes that a run has seen up to a point. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from ..executor.storage_slots import CODE_SLOT
from .effect import delta_of
from .field_names import FieldNames, Pieces, TypeRow, field_names
from .field_values import Stretch

CODE_AT: Final = 4  # behind its u32 size
KEPT_BY_CONTAINERS: Final = ("links of ", "root of ", "nodes of ", "free nodes of ", "key of ")


@dataclass(frozen=True, slots=True)
class FieldState:
    """One field of which something is known.

    Attributes:
        value: what it holds; the known bytes where that is not all of it.
        written: the run has written to it.
    """

    name: str
    value: Any
    written: bool


def code_in(known: Iterable[Stretch]) -> bytes | None:
    """The contract's code, if it is among the bytes that are known."""
    pieces = Pieces(delta_of(known))
    size = pieces.fetch(CODE_SLOT, 0, CODE_AT)
    return None if size is None else pieces.fetch(CODE_SLOT, CODE_AT, int.from_bytes(size, "little"))


def storage_view(
    layout: list[TypeRow], known: Iterable[Stretch], written: Iterable[Stretch]
) -> Iterator[FieldState]:
    """Every field of which bytes are known, once; what containers keep for themselves is left out.

    Args:
        known: bytes that were read or written. written: those that were written.
    """
    pieces, changed = Pieces(delta_of(known)), Pieces(delta_of(written))
    names = field_names(layout, pieces)
    touched = set(_names_of(names, changed))
    told: set[str] = set()
    for slot, span in chain.from_iterable(
        ((slot, one) for one in spans) for slot, spans in names.spans.items()
    ):
        part = pieces.first_in(slot, span.begin, span.end)
        if part and span.name not in told and not span.name.startswith(KEPT_BY_CONTAINERS):
            told.add(span.name)
            yield FieldState(span.name, span.value(pieces, slot, part), span.name in touched)


def _names_of(names: FieldNames, pieces: Pieces) -> Iterator[str]:
    """Names of the fields that have one of these bytes."""
    for slot, spans in names.spans.items():
        yield from (span.name for span in spans if pieces.first_in(slot, span.begin, span.end))
