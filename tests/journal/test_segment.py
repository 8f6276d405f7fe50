"""Segments: tags, the table of leaves, and what a closed segment holds."""

from __future__ import annotations

from dataclasses import replace
from zlib import adler32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain, tree
from genvm_replay.journal.events import OK, Event, ReadClock, WriteStream
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import encode_event
from genvm_replay.journal.segment import (
    canonical_bytes,
    close,
    cut_leaves,
    leaves_of,
    tags_of,
    unpack_leaves,
    unpack_tags,
    with_payloads,
)

# Encoded events, and their tags.
TAGS = [
    ([], ""),
    ([b""], "01000000"),
    ([b"123456789"], "de011e09"),  # the check value of Adler-32, 0x091e01de, little-endian
    ([b"a", b"b"], "62006200 63006300"),
]


@pytest.mark.parametrize(("encoded", "tags"), TAGS)
def test_tags_both_ways(encoded: list[bytes], tags: str) -> None:
    """A tag is the Adler-32 of an event, u32 little-endian."""
    assert tags_of(encoded) == bytes.fromhex(tags)
    assert unpack_tags(bytes.fromhex(tags)) == tuple(adler32(data) for data in encoded)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=20))
def test_segment_holds_its_events(encoded: list[bytes]) -> None:
    """What is closed can be read; the head is the chain's."""
    closed = close("main", 2, 30, encoded, start=b"s" * 32, previous=b"p" * 32)
    assert (closed.line, closed.number, closed.first_seq, closed.count) == ("main", 2, 30, len(encoded))
    assert canonical_bytes(closed) == b"".join(encoded)
    leaf = chain.leaf(b"s" * 32, 30, len(encoded), b"".join(encoded))
    assert closed.head == chain.next_head(b"p" * 32, 30, len(encoded), 1, leaf, chain.tags_hash(closed.tags))


PLAIN = encode_event(Event(ReadClock(0), OK), BlobPool())
APART = encode_event(Event(WriteStream(1, b"x" * 5000), OK), BlobPool())
P = len(PLAIN)
# Looks like one, but the bytes are the guest's.
ALIKE = encode_event(Event(WriteStream(1, b"\xc7\x20\x01" + bytes(32)), OK), BlobPool())
LEAVES = [
    ([PLAIN], [(1, P)]),
    ([PLAIN] * 128, [(128, 128 * P)]),
    ([PLAIN] * 129, [(128, 128 * P), (1, P)]),
    ([PLAIN, APART, PLAIN], [(1, P), (1, len(APART)), (1, P)]),
    ([PLAIN] * 128 + [APART], [(128, 128 * P), (1, len(APART))]),
    ([APART, APART, PLAIN, PLAIN], [(1, len(APART)), (1, len(APART)), (2, 2 * P)]),
    ([PLAIN, ALIKE, PLAIN], [(3, 2 * P + len(ALIKE))]),
]


@pytest.mark.parametrize(("encoded", "leaves"), LEAVES)
def test_leaves(encoded: list[bytes], leaves: list[tuple[int, int]]) -> None:
    """128 events a leaf; one with a payload apart is alone, so that its proof shows no other."""
    assert unpack_leaves(leaves_of(encoded, with_payloads(encoded))) == leaves
    closed = close("main", 0, 7, encoded, with_payloads(encoded), start=b"s" * 32, previous=b"p" * 32)
    parts = list(cut_leaves(closed, b"".join(encoded)))
    assert b"".join(data for _, _, data in parts) == b"".join(encoded)
    assert [(count, len(data)) for _, count, data in parts] == leaves
    assert [seq for seq, _, _ in parts] == [7 + sum(c for c, _ in leaves[:i]) for i in range(len(leaves))]
    hashes = [chain.leaf(b"s" * 32, *part) for part in parts]
    found = tree.root(hashes)
    assert closed.head == chain.next_head(
        b"p" * 32, 7, len(encoded), len(leaves), found, chain.tags_hash(closed.tags)
    )


@pytest.mark.parametrize(
    "leaves", [b"", b"\0" * 7, leaves_of([PLAIN] * 3, []), leaves_of([PLAIN, PLAIN + b"x"], [])]
)
def test_tables_that_do_not_fit(leaves: bytes) -> None:
    """A table of leaves covers exactly the events and bytes of its segment."""
    closed = replace(close("main", 0, 0, [PLAIN] * 2, start=b"", previous=b""), leaves=leaves)
    with pytest.raises(JournalError, match="table of leaves"):
        list(cut_leaves(closed, PLAIN * 2))
