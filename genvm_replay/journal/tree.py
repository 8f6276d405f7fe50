"""The Merkle tree: binary, over hashes, in the shape of RFC 9162 section 2.1.1.

A list of n hashes is split at the largest power of two below n; a node is H(node, left, right), a list of one is that
hash itself, and no list is empty. Nodes have a domain tag of their own, so no node can be taken for a leaf. The number
of leaves is bound by whoever holds the root (`chain.py`), so no tree can be taken for a smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from blake3 import blake3

from genvm_replay.errors import JournalError

NODE: Final = b"genvm-replay/node/1\0"
HASH_BYTES: Final = 32


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two hashes."""
    return blake3(NODE + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over at least one hash."""
    level = list(hashes)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The hashes next to the way from hash `index` up to the root, lowest first."""
    beside: list[bytes] = []
    level = list(hashes)
    while len(level) > 1:
        if index ^ 1 < len(level):
            beside.append(level[index ^ 1])
        level, index = _above(level), index // 2
    return tuple(beside)


def climb(leaf: bytes, index: int, count: int, beside: Sequence[bytes]) -> bytes:
    """The root that a path leads to.

    Args:
        leaf: hash number `index` of `count`.
        beside: as `path` gives it.

    Raises:
        JournalError: a list of `count` hashes has no such index, or its paths have another length.
    """
    if not 0 <= index < count:
        raise JournalError(f"a tree of {count} has no leaf {index}")
    rest, found = list(beside), leaf
    while count > 1:
        if index ^ 1 < count:
            if not rest or len(rest[0]) != HASH_BYTES:
                raise JournalError("the path is too short")
            other = rest.pop(0)
            found = node(other, found) if index & 1 else node(found, other)
        index, count = index // 2, (count + 1) // 2
    if rest:
        raise JournalError("the path is too long")
    return found


def _above(level: list[bytes]) -> list[bytes]:
    """The next level: two become one; the last one of an odd number moves up as it is."""
    pairs = zip(level[::2], level[1::2], strict=False)
    odd = level[-1:] if len(level) & 1 else []
    return [blake3(NODE + left + right).digest() for left, right in pairs] + odd
