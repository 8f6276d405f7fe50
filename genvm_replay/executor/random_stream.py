"""The fixed random stream of deterministic VMs (spec/executor.md 7.3): MT19937 seeded with `GenLayer`.

Every VM starts it anew. A read is addressed by the number of 32-bit words drawn before, so that it is a pure function.
"""

from __future__ import annotations

from random import Random
from typing import Final

SEED: Final = int.from_bytes(b"GenLayer", "little")


def words_for(length: int) -> int:
    """How many 32-bit words a read of `length` bytes draws: two for every 8 bytes, leftovers of a word are lost."""
    chunks, tail = divmod(length, 8)
    return 2 * chunks + (tail > 0) + (tail > 4)


class RandomStream:
    """Gives the bytes at any position; reading on where the last read ended costs nothing extra."""

    def __init__(self) -> None:
        self._generator = Random(SEED)
        self._position = 0

    def read(self, position: int, length: int) -> bytes:
        """`length` bytes, after `position` words have been drawn."""
        if position < self._position:
            self._generator, self._position = Random(SEED), 0
        if position > self._position:
            self._generator.getrandbits(32 * (position - self._position))
        words = words_for(length)
        self._position = position + words
        return (
            self._generator.getrandbits(32 * words).to_bytes(4 * words, "little")[:length] if words else b""
        )
