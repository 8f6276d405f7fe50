"""What is kept of a finished VM's memory, and of the place where it failed.

The memory hash is ours: BLAKE3 over the pages that differ from the image the VM started from. Canonical: page numbers
(of 4096 bytes, u32) with contents, in order, and the memory's size; so it is the same on every build and engine. The
kernel's page map says which pages were written at all (docs/wasm-runtime.md, section 6); where it can't be read, every
page is compared instead, with the same result. The fingerprint is the protocol's (spec/executor.md 2.3).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Protocol

from blake3 import blake3

from ..calldata import Value
from .ffi import ADDRESS_SPACE
from .instance import Instance
from .memory import GuestMemory

PAGE: Final = 4096
PAGE_MAP: Final = "/proc/self/pagemap"
PRESENT: Final = 0xC0  # in the top byte of an entry: in memory, or swapped out
FROM_FILE: Final = 0x20  # still the file's page: never written
SPAN_MAX: Final = (
    512  # pages copied, compared and hashed at once: each is several times faster on long inputs
)
_WRITTEN: Final = re.compile(
    b"["
    + b"".join(b"\\x%02x" % b for b in range(256) if b & PRESENT and not b & FROM_FILE)
    + b"]{1,%d}" % SPAN_MAX
)


def fingerprint_of(instance: Instance) -> Value:
    """Where an instance failed and what its memory held, as calldata (spec/executor.md 2.3)."""
    frames: list[Value] = [{"func": frame.function, "module_name": frame.module} for frame in instance.frames]
    modules: dict[str, Value] = {}
    for name, at, size in instance.memories():
        modules[name] = {"memories": [blake3(ADDRESS_SPACE[at : at + size]).digest()] if at else []}
    return {"frames": frames, "module_instances": modules}


class Baseline(Protocol):
    """What the memory held at the start: an image, or zeros."""

    def pages(self, first: int, end: int) -> bytes:
        """The bytes of the pages from `first` up to `end`, 4096 each."""
        ...


class Zeros:
    """The baseline of a VM that started with an empty memory."""

    def pages(self, first: int, end: int) -> bytes:
        """Always zeros."""
        return bytes((end - first) * PAGE)


def memory_hash(memory: GuestMemory, baseline: Baseline) -> bytes:
    """Hash the changed pages of a memory: 32 bytes."""
    digest = blake3(memory.present_size().to_bytes(8, "little"))
    for changed in _changed_spans(memory, baseline):
        digest.update(
            b"".join(part for number, page in changed for part in (number.to_bytes(4, "little"), page))
        )
    return digest.digest()


def changed_pages(memory: GuestMemory, baseline: Baseline) -> Iterator[tuple[int, bytes]]:
    """Number and contents of the pages that differ from the baseline, ascending."""
    return chain.from_iterable(_changed_spans(memory, baseline))


def _changed_spans(memory: GuestMemory, baseline: Baseline) -> Iterator[list[tuple[int, bytes]]]:
    for first, held in written_spans(memory):
        before = baseline.pages(first, first + len(held) // PAGE)
        if held == before:  # two bytes objects compare 5 times faster than two views
            continue
        pages = enumerate(range(0, len(held), PAGE), first)
        yield [
            (number, page) for number, at in pages if (page := held[at : at + PAGE]) != before[at : at + PAGE]
        ]


def written_spans(memory: GuestMemory) -> Iterator[tuple[int, bytes]]:
    """Where pages may have been written since the start: number of the first and contents of the span, ascending."""
    for first, end in _spans(memory.base, memory.size // PAGE):
        yield first, bytes(ADDRESS_SPACE[memory.base + first * PAGE : memory.base + end * PAGE])


def _spans(base: int, count: int) -> Iterable[tuple[int, int]]:
    """Pages that may have been written, first and end: by the kernel's page map, else all of them."""
    everything = ((at, min(at + SPAN_MAX, count)) for at in range(0, count, SPAN_MAX))
    try:
        with open(PAGE_MAP, "rb", buffering=0) as page_map:
            raw = os.pread(page_map.fileno(), count * 8, base // PAGE * 8)
    except OSError:
        return everything
    top_bytes = raw[7::8]
    if len(top_bytes) != count or not any(top_bytes):
        return everything
    return (match.span() for match in _WRITTEN.finditer(top_bytes))
