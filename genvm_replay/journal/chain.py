"""The hash chain of a run: BLAKE3 over canonical bytes, never over compressed ones (architecture section 4).

    genesis = H(header)                                           header: canonical msgpack of the RunHeader
    head_0  = H(genesis, line name)                               one chain a line
    head_n  = H(head_n-1, first_seq, count, tags, canonical)      one link a segment
    root    = H(genesis, lines, footer)                           lines: msgpack of [[name, count, head], ...]

Each H has its own domain tag; what is variable is last, has its size implied by a number before it, or
carries a size. Payloads stored apart are bound too: their hashes are in the canonical bytes.
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
SEGMENT: Final = b"genvm-replay/segment/1\0"
ROOT: Final = b"genvm-replay/root/1\0"

_POSITION: Final = struct.Struct("<QI")  # first_seq, count
_SIZE: Final = struct.Struct("<Q")


class LineSummary(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The end of a line: what its chain must arrive at."""

    name: str
    count: int  # events
    head: bytes  # 32 bytes, after the last segment


_LINES: Final = msgspec.msgpack.Decoder(tuple[LineSummary, ...])


def genesis(header: bytes) -> bytes:
    """Start of all chains of a run: a changed header changes every head."""
    return blake3(GENESIS + header).digest()


def line_start(genesis: bytes, line: str) -> bytes:
    """Head of a line before its first event."""
    return blake3(LINE + genesis + line.encode()).digest()


def next_head(head: bytes, first_seq: int, count: int, tags: bytes, canonical: bytes) -> bytes:
    """Head after one more segment. `tags` holds 4 bytes an event, so `count` implies its size."""
    return blake3(SEGMENT + head + _POSITION.pack(first_seq, count) + tags + canonical).digest()


def root(genesis: bytes, lines: bytes, footer: bytes) -> bytes:
    """The hash that stands for the whole run."""
    return blake3(ROOT + genesis + _SIZE.pack(len(lines)) + lines + footer).digest()


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
