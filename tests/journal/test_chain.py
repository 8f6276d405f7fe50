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

# What a function of the chain gives, and the bytes it hashes.
HASHED = [
    (chain.genesis(b"header"), b"genvm-replay/genesis/1\0header"),
    (chain.line_start(GENESIS, "nondet:0"), b"genvm-replay/line/1\0" + GENESIS + b"nondet:0"),
    (
        chain.next_head(HEAD, 5, 2, b"tagstags", b"events"),
        b"genvm-replay/segment/1\0" + HEAD + struct.pack("<QI", 5, 2) + b"tagstags" + b"events",
    ),
    (
        chain.root(GENESIS, b"lines", b"footer"),
        b"genvm-replay/root/1\0" + GENESIS + struct.pack("<Q", 5) + b"lines" + b"footer",
    ),
]
LINES = [
    ([], []),
    ([LineSummary("main", 2, HEAD)], [["main", 2, HEAD]]),
    ([LineSummary("b", 1, HEAD), LineSummary("a", 3, HEAD)], [["a", 3, HEAD], ["b", 1, HEAD]]),
    ([LineSummary("never written", 0, HEAD)], []),
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
        [["b", 1, HEAD], ["a", 3, HEAD]],
        [["a", 1, HEAD], ["a", 1, HEAD]],
        [["a", 0, HEAD]],
        [["a", 1, HEAD, 1]],
        [["a", 1]],
        [["a", "1", HEAD]],
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
    assert chain.next_head(HEAD, 0, 1, b"tags", b"events") != chain.next_head(HEAD, 0, 2, b"tags", b"events")
