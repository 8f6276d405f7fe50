"""The hash chain, recomputed by hand."""

from __future__ import annotations

import struct

import msgpack
import pytest
from blake3 import blake3

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain
from genvm_replay.journal.chain import LineSummary

HEAD = b"h" * 32
GENESIS = b"g" * 32
TREE, TAGS = b"t" * 32, b"a" * 32

# What a function of the chain gives, and the bytes it hashes.
HASHED = [
    (chain.genesis(b"header"), b"genvm-replay/genesis/1\0header"),
    (chain.line_start(GENESIS, "nondet:0"), b"genvm-replay/line/1\0" + GENESIS + b"nondet:0"),
    (
        chain.leaf(HEAD, 5, 2, b"events"),
        b"genvm-replay/leaf/1\0" + HEAD + struct.pack("<QI", 5, 2) + b"events",
    ),
    (chain.tags_hash(b"tagstags"), b"genvm-replay/tags/1\0tagstags"),
    (
        chain.next_head(HEAD, 5, 2, 1, TREE, TAGS),
        b"genvm-replay/segment/2\0" + HEAD + struct.pack("<QII", 5, 2, 1) + TREE + TAGS,
    ),
    (chain.lines_hash(b"lines"), b"genvm-replay/lines/1\0lines"),
    (chain.footer_hash(b"footer"), b"genvm-replay/footer/1\0footer"),
    (
        chain.root(GENESIS, b"lines", b"footer"),
        b"genvm-replay/root/2\0"
        + GENESIS
        + blake3(b"genvm-replay/lines/1\0lines").digest()
        + blake3(b"genvm-replay/footer/1\0footer").digest(),
    ),
]
LINES = [
    ([], []),
    ([LineSummary("main", 2, HEAD, 1, TREE)], [["main", 2, HEAD, 1, TREE]]),
    (
        [LineSummary("b", 1, HEAD, 1, TREE), LineSummary("a", 3, HEAD, 2, TREE)],
        [["a", 3, HEAD, 2, TREE], ["b", 1, HEAD, 1, TREE]],
    ),
    ([LineSummary("never written", 0, HEAD, 0, b"")], []),
]


@pytest.mark.parametrize(("digest", "hashed"), HASHED)
def test_each_link(digest: bytes, hashed: bytes) -> None:
    """Every digest is a BLAKE3 over its own domain tag and its parts."""
    assert digest == blake3(hashed).digest()


@pytest.mark.parametrize(("lines", "plain"), LINES)
def test_summaries_both_ways(lines: list[LineSummary], plain: list[object]) -> None:
    """Sorted by name, lines without events left out."""
    assert chain.encode_lines(lines) == msgpack.packb(plain)
    kept = sorted((line for line in lines if line.count), key=lambda line: line.name)
    assert list(chain.decode_lines(msgpack.packb(plain))) == kept


@pytest.mark.parametrize(
    "plain",
    [
        [["b", 1, HEAD, 1, TREE], ["a", 3, HEAD, 1, TREE]],
        [["a", 1, HEAD, 1, TREE], ["a", 1, HEAD, 1, TREE]],
        [["a", 0, HEAD, 0, TREE]],
        [["a", 1, HEAD, 1, TREE, 1]],
        [["a", 1, HEAD]],
        [["a", "1", HEAD, 1, TREE]],
        {"a": 1},
        7,
    ],
)
def test_summaries_in_another_form_are_refused(plain: object) -> None:
    """There is one form, so that it can be hashed."""
    with pytest.raises(JournalError, match="line summaries"):
        chain.decode_lines(msgpack.packb(plain))


def test_parts_can_not_move() -> None:
    """Bytes can't wander from one part to the next."""
    assert chain.root(GENESIS, b"ab", b"c") != chain.root(GENESIS, b"a", b"bc")
    assert chain.next_head(HEAD, 0, 1, 1, TREE, TAGS) != chain.next_head(HEAD, 0, 1, 2, TREE, TAGS)
