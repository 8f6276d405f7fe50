"""What is kept of a finished VM's memory, and of the place where it failed.

The memory hash is ours: BLAKE3 over the pages that differ from the image the VM started from. Canonical: page numbers
(of 4096 bytes, u32) with contents, in order, and the memory's size; so it is the same on every build and engine. The
kernel's page map says which pages were written at all (docs/wasm-runtime.md, section 6); where it can't be read, every
page is compared instead, with the same result. The fingerprint is the protocol's (spec/executor.md 2.3).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
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
_WRITTEN: Final = re.compile(
    b"[" + b"".join(b"\\x%02x" % b for b in range(256) if b & PRESENT and not b & FROM_FILE) + b"]"
)
BATCH: Final = 512  # pieces hashed at once: the hash is several times faster on long inputs
_ZERO: Final = bytes(PAGE)


def fingerprint_of(instance: Instance) -> Value:
    """Where an instance failed and what its memory held, as calldata (spec/executor.md 2.3)."""
    frames: list[Value] = [{"func": frame.function, "module_name": frame.module} for frame in instance.frames]
    modules: dict[str, Value] = {}
    for name, at, size in instance.memories():
        modules[name] = {"memories": [blake3(ADDRESS_SPACE[at : at + size]).digest()] if at else []}
    return {"frames": frames, "module_instances": modules}


class Baseline(Protocol):
    """What the memory held at the start: an image, or zeros."""

    def page(self, number: int) -> bytes:
        """The 4096 bytes of page `number`."""
        ...


class Zeros:
    """The baseline of a VM that started with an empty memory."""

    def page(self, number: int) -> bytes:
        """Always zeros."""
        return _ZERO


def memory_hash(memory: GuestMemory, baseline: Baseline) -> bytes:
    """Hash the changed pages of a memory: 32 bytes."""
    digest = blake3(memory.present_size().to_bytes(8, "little"))
    batch: list[bytes] = []
    for number, page in changed_pages(memory, baseline):
        batch += (number.to_bytes(4, "little"), page)
        if len(batch) >= BATCH:
            digest.update(b"".join(batch))
            batch.clear()
    digest.update(b"".join(batch))
    return digest.digest()


def changed_pages(memory: GuestMemory, baseline: Baseline) -> Iterable[tuple[int, bytes]]:
    """Number and contents of the pages that differ from the baseline, ascending."""
    before = baseline.page
    return ((number, page) for number, page in written_pages(memory) if page != before(number))


def written_pages(memory: GuestMemory) -> Iterable[tuple[int, bytes]]:
    """Number and contents of the pages that may have been written since the start, ascending."""
    base, space = memory.base, ADDRESS_SPACE
    for number in _candidates(base, memory.size // PAGE):
        at = base + number * PAGE
        yield number, bytes(space[at : at + PAGE])  # two bytes objects compare 5 times faster than two views


def _candidates(base: int, count: int) -> Iterable[int]:
    """Pages that may have been written: by the kernel's page map, else all of them."""
    try:
        with open(PAGE_MAP, "rb", buffering=0) as page_map:
            raw = os.pread(page_map.fileno(), count * 8, base // PAGE * 8)
    except OSError:
        return range(count)
    top_bytes = raw[7::8]
    if len(top_bytes) != count or not any(top_bytes):
        return range(count)
    return (match.start() for match in _WRITTEN.finditer(top_bytes))
