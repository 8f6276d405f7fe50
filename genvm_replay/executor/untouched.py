"""Asks something of a guest that is inside a host call, and leaves it as it was: it goes on as if nobody had asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .fingerprint import PAGE, Baseline, written_pages
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
    pages, stack = dict(written_pages(memory)), instance.global_i32(STACK_POINTER)
    try:
        yield
    finally:
        for number, page in list(written_pages(memory)):
            before = pages.get(number) or baseline.page(number)
            if page != before:
                memory.write(number * PAGE, before)
        instance.global_i32(STACK_POINTER, stack)
        guest.effects, guest.random_position, guest.stopped_by, instance.frames = kept
        instance.allow(epochs=1, fuel=fuel or 0)
