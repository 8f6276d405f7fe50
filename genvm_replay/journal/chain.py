"""What binds a run: a chain of segments a line, trees over events and over segments, one root (docs/journal.md).

    genesis = H(header)                           header: canonical msgpack of the RunHeader
    start   = H(genesis, line name)               one a line
    leaf    = H(start, first_seq, count, events)  one or several events, canonical bytes
    head_n  = H(head_n-1, first_seq, count, leaf_count, tree(leaves), H(tags))    one a segment; head_0 = start
    root    = H(genesis, H(lines), H(footer))
    lines   = [[name, count, head, number of segments, tree(heads)], ...]

H is BLAKE3 with a domain tag for each use; what is variable is last. Payloads stored apart are bound too: their hashes
are in the canonical bytes. Compressed bytes are never hashed: compressors change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import msgspec
from blake3 import blake3

from genvm_replay.errors import JournalError
from genvm_replay.journal.record import encode_struct

GENESIS: Final = b"genvm-replay/genesis/1\0"
LINE: Final = b"genvm-replay/line/1\0"
LEAF: Final = b"genvm-replay/leaf/1\0"
TAGS: Final = b"genvm-replay/tags/1\0"
SEGMENT: Final = b"genvm-replay/segment/2\0"
LINES: Final = b"genvm-replay/lines/1\0"
FOOTER: Final = b"genvm-replay/footer/1\0"
ROOT: Final = b"genvm-replay/root/2\0"

_POSITION: Final = struct.Struct("<QI")  # first_seq, count
_SEGMENT: Final = struct.Struct("<QII")  # first_seq, count, leaf_count


class LineSummary(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The end of a line: what its chain and its tree must arrive at."""

    name: str
    count: int  # events
    head: bytes  # 32 bytes, after the last segment
    segments: int
    tree: bytes  # 32 bytes, root of the tree over all heads


_LINES: Final = msgspec.msgpack.Decoder(tuple[LineSummary, ...])


def genesis(header: bytes) -> bytes:
    """Start of all chains of a run: a changed header changes every head."""
    return blake3(GENESIS + header).digest()


def line_start(genesis: bytes, line: str) -> bytes:
    """Head of a line before its first event; also part of each of its leaves."""
    return blake3(LINE + genesis + line.encode()).digest()


def leaf(start: bytes, first_seq: int, count: int, events: bytes) -> bytes:
    """The hash of consecutive events of a line."""
    return leaves(start, [(first_seq, count, events)])[0]


def leaves(start: bytes, parts: Iterable[tuple[int, int, bytes]]) -> list[bytes]:
    """The hashes of consecutive leaves: first seq, count and bytes of each."""
    own, pack = LEAF + start, _POSITION.pack
    return [blake3(own + pack(first_seq, count) + events).digest() for first_seq, count, events in parts]


def tags_hash(tags: bytes) -> bytes:
    """The hash of a segment's tags, so that the proof of one event need not carry them."""
    return blake3(TAGS + tags).digest()


def next_head(head: bytes, first_seq: int, count: int, leaf_count: int, tree: bytes, tags: bytes) -> bytes:
    """Head after one more segment.

    Args:
        tree: root of the tree over its leaves.
        tags: their `tags_hash`.
    """
    return blake3(SEGMENT + head + _SEGMENT.pack(first_seq, count, leaf_count) + tree + tags).digest()


def lines_hash(lines: bytes) -> bytes:
    """The hash of the encoded line summaries."""
    return blake3(LINES + lines).digest()


def footer_hash(footer: bytes) -> bytes:
    """The hash of the footer."""
    return blake3(FOOTER + footer).digest()


def root(genesis: bytes, lines: bytes, footer: bytes) -> bytes:
    """The hash that stands for the whole run."""
    return root_of_hashes(genesis, lines_hash(lines), footer_hash(footer))


def root_of_hashes(genesis: bytes, lines: bytes, footer: bytes) -> bytes:
    """As `root`, from the hashes of lines and footer."""
    return blake3(ROOT + genesis + lines + footer).digest()


def encode_lines(lines: Iterable[LineSummary]) -> bytes:
    """Canonical bytes of the summaries: sorted by name, lines without events left out."""
    kept = [line for line in lines if line.count]
    kept.sort(key=lambda line: line.name)
    return encode_struct(kept)


def decode_lines(data: bytes) -> tuple[LineSummary, ...]:
    """Read the summaries back.

    Raises:
        JournalError: malformed, or in another order than `encode_lines` writes.
    """
    try:
        lines = _LINES.decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise JournalError(f"malformed line summaries: {error}") from error
    if encode_lines(lines) != data or len({line.name for line in lines}) != len(lines):
        raise JournalError("malformed line summaries: not in canonical order")
    return lines
