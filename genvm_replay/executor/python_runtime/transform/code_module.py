"""What the transformation makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Segment(NamedTuple):
    """Bytes that belong at an address of the fresh memory."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CodeModule:
    """A module of code alone, and the state that an instance of it starts from."""

    code: bytes
    segments: tuple[Segment, ...]
    memory_pages: int  # of 64 KiB, at the start; growth has no maximum
    stack_pointer: int  # initial value
    names: Mapping[int, str]  # of the functions that are left, by index: for tracebacks
