"""Images: snapshots of a booted interpreter that every VM starts from, copy-on-write.

An image is the span of linear memory that is not zero, in a file, with a few facts: stack pointer, addresses of the
entry objects, how far the random stream and the descriptors are. Restoring is one private mapping of that file over a
fresh instance's memory (docs/wasm-runtime.md, section 4): well under a millisecond, and no VM sees another's writes.

Memory contents do not depend on the build, so an image made on one build serves all of them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import EnvironmentProblem
from .. import ffi
from ..ffi import ADDRESS_SPACE
from ..guest import Guest
from ..instance import Instance, Program

PAGE: Final = 4096
_ZERO: Final = bytes(PAGE)
_STACK_POINTER: Final = b"__stack_pointer"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image is besides its bytes. Addresses are guest addresses, sizes bytes."""

    low: int  # first byte of the span that the file holds, a multiple of 4096
    high: int  # end of the span
    size: int  # of the whole linear memory
    stack_pointer: int
    main: int  # the Python callable that runs a transaction
    prepare_contract: int  # the Python callable that imports the contract
    random_position: int  # words drawn while booting
    next_descriptor: int
    free_descriptors: str  # numbers, separated by blanks, last closed last


def freeze(instance: Instance, main: int, prepare_contract: int) -> tuple[ImageFacts, bytes]:
    """Take a snapshot of an instance that runs nothing at the moment: the facts, and the span without its zero ends."""
    guest = instance.guest
    base, size = guest.memory.base, guest.memory.present_size()
    pages = range(0, size, PAGE)
    low = next(at for at in pages if ADDRESS_SPACE[base + at : base + at + PAGE] != _ZERO)
    high = next(at for at in reversed(pages) if ADDRESS_SPACE[base + at : base + at + PAGE] != _ZERO) + PAGE
    facts = ImageFacts(
        low=low,
        high=high,
        size=size,
        stack_pointer=instance.global_i32(_STACK_POINTER),
        main=main,
        prepare_contract=prepare_contract,
        random_position=guest.random_position,
        next_descriptor=guest.descriptors.next_number,
        free_descriptors=" ".join(map(str, guest.descriptors.free)),
    )
    return facts, bytes(ADDRESS_SPACE[base + low : base + high])


MAP_FIXED: Final = 0x10  # Linux and macOS; the mmap module does not name it


class Image:
    """An image file, open for mapping. Kept open as long as the object lives."""

    def __init__(self, path: Path, facts: ImageFacts) -> None:
        """
        Raises:
            EnvironmentProblem: the file can't be opened or has another size than its facts say.
        """
        self.facts = facts
        try:
            self._file = path.open("rb")
            self._view = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise EnvironmentProblem(f"can't open the image {path}: {error}") from error
        if len(self._view) != facts.high - facts.low:
            raise EnvironmentProblem(f"{path} has not the size that its facts say: remove its folder")

    def restore(self, program: Program, guest: Guest, *, fuel: int | None = None) -> Instance:
        """Make an instance that goes on where the image was taken; `guest` gets the image's counters."""
        facts = self.facts
        guest.random_position = facts.random_position
        guest.descriptors.next_number = facts.next_descriptor
        guest.descriptors.free = [int(number) for number in facts.free_descriptors.split()]
        instance = Instance(program, guest, fuel=fuel)
        instance.grow_to(facts.size)
        target = guest.memory.span(facts.low, 0)
        guest.memory.span(facts.low, facts.high - facts.low)
        mapped = ffi.mmap(
            target,
            facts.high - facts.low,
            mmap.PROT_READ | mmap.PROT_WRITE,
            mmap.MAP_PRIVATE | MAP_FIXED,
            self._file.fileno(),
            0,
        )
        if mapped != target:
            raise EnvironmentProblem(f"can't map an image: {os.strerror(ctypes.get_errno())}")
        instance.global_i32(_STACK_POINTER, facts.stack_pointer)
        return instance

    def pages(self, first: int, end: int) -> bytes:
        """The pages (of 4096 bytes) from `first` up to `end` of the linear memory, as they were in the image."""
        low, high = first * PAGE - self.facts.low, end * PAGE - self.facts.low
        if low >= 0 and high <= len(self._view):
            return self._view[low:high]
        front = min(high - low, max(0, -low))
        held = self._view[max(low, 0) : max(high, 0)]
        return (bytes(front) + held).ljust(high - low, b"\0")
