"""Asks something of a guest that is inside a host call, and leaves it as it was: it goes on as if nobody had asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from .fingerprint import PAGE, Baseline, written_spans
from .instance import Instance

STACK_POINTER: Final = b"__stack_pointer"


@contextmanager
def untouched(instance: Instance, baseline: Baseline) -> Iterator[None]:
    """Undo what happens to a guest in this context: its memory, its stack pointer, its fuel, its door.

    Memory that it grows stays; it must not. The stop that it is under ends: it can be stopped again.

    Args:
        baseline: what pages hold that were never written.
    """
    guest, memory, fuel = instance.guest, instance.guest.memory, instance.fuel_left()
    kept = guest.effects, guest.random_position, guest.stopped_by, instance.frames
    spans, stack = dict(written_spans(memory)), instance.global_i32(STACK_POINTER)
    try:
        yield
    finally:
        for first, held in list(written_spans(memory)):
            before = spans.get(first, b"")
            if len(before) != len(held):
                before = _before(first, first + len(held) // PAGE, spans, baseline)
            if held != before:
                memory.write(first * PAGE, before)
        instance.global_i32(STACK_POINTER, stack)
        guest.effects, guest.random_position, guest.stopped_by, instance.frames = kept
        instance.allow(epochs=1, fuel=fuel or 0)


def _before(first: int, end: int, spans: Mapping[int, bytes], baseline: Baseline) -> bytes:
    """What pages held, from `first` up to `end`."""
    found = bytearray(baseline.pages(first, end))
    for start, held in spans.items():
        low, high = max(start, first), min(start + len(held) // PAGE, end)
        if low < high:
            found[(low - first) * PAGE : (high - first) * PAGE] = held[
                (low - start) * PAGE : (high - start) * PAGE
            ]
    return bytes(found)
