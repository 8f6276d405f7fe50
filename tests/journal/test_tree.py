"""The Merkle tree, against the recursive definition of RFC 9162, section 2.1.1."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import JournalError
from genvm_replay.journal import tree

HASHES = [blake3(bytes([i])).digest() for i in range(70)]


def defined(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return blake3(b"genvm-replay/node/1\0" + defined(hashes[:half]) + defined(hashes[half:])).digest()


@pytest.mark.parametrize("count", range(1, 71))
def test_every_leaf_leads_to_the_root(count: int) -> None:
    """Each leaf of a tree has a path to its root, and no other leaf, index or count takes that path."""
    hashes = HASHES[:count]
    root = tree.root(hashes)
    assert root == defined(hashes)
    for index in range(count):
        beside = tree.path(hashes, index)
        assert tree.climb(hashes[index], index, count, beside) == root
        assert tree.climb(bytes(32), index, count, beside) != root
        if count > 1:
            other = (index + 1) % count
            try:
                assert tree.climb(hashes[index], other, count, beside) != root
            except JournalError as error:
                assert "the path is too" in str(error)


@given(st.integers(1, 70), st.data())
def test_a_changed_path_leads_elsewhere(count: int, data: st.DataObject) -> None:
    """Any bit of any hash beside the way counts."""
    index = data.draw(st.integers(0, count - 1))
    beside = list(tree.path(HASHES[:count], index))
    if beside:
        at = data.draw(st.integers(0, len(beside) - 1))
        changed = bytearray(beside[at])
        changed[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
        beside[at] = bytes(changed)
        assert tree.climb(HASHES[index], index, count, beside) != tree.root(HASHES[:count])


@pytest.mark.parametrize(
    ("index", "count", "beside", "message"),
    [
        (1, 1, [], "no leaf 1"),
        (-1, 4, [], "no leaf -1"),
        (0, 0, [], "no leaf 0"),
        (0, 2, [], "too short"),
        (0, 2, [b"short"], "too short"),
        (0, 1, [bytes(32)], "too long"),
        (2, 3, [bytes(32), bytes(32)], "too long"),
        (0, 1 << 60, [bytes(32)] * 5, "too short"),
    ],
)
def test_paths_that_can_not_be(index: int, count: int, beside: list[bytes], message: str) -> None:
    """A path has one length, given by index and count."""
    with pytest.raises(JournalError, match=message):
        tree.climb(bytes(32), index, count, beside)


def test_a_node_is_no_leaf() -> None:
    """A tree over two nodes is not the tree over their four children with another count: paths differ in length."""
    root = tree.root(HASHES[:4])
    nodes = [tree.node(*HASHES[:2]), tree.node(*HASHES[2:4])]
    assert tree.root(nodes) == root  # the shape alone would allow it: so the counts are bound in chain.py
    with pytest.raises(JournalError):
        tree.climb(nodes[0], 0, 4, tree.path(nodes, 0))
