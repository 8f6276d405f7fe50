"""A finished run as bytes: how the process that recorded it hands it to the one that has the database.

For two processes of one release at one moment, so nothing here is kept or versioned. What is read is believed as far as
its types go; whether events, chain and root belong together is checked by who reads the run from the store.
"""

from __future__ import annotations

from typing import Final

import msgspec

from genvm_replay.errors import JournalError
from genvm_replay.journal import chain
from genvm_replay.journal.recorder import Begun, FinishedRun
from genvm_replay.journal.run_index import NondetAnswer, RunIndex, SlotWrites
from genvm_replay.journal.run_record import decode_footer, decode_header
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import RunBytes


class HandedRun(msgspec.Struct, frozen=True, array_like=True):
    """What of a `FinishedRun` can't be computed from the rest."""

    stored: RunBytes
    segments: list[Segment]
    blobs: dict[bytes, bytes]
    method: str | None
    fingerprint: bytes | None
    slots: list[SlotWrites]
    answers: list[NondetAnswer]
    raw_bytes: int
    stored_bytes: int
    begun: Begun | None


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(HandedRun)


def encode_finished(run: FinishedRun) -> bytes:
    """The bytes of a finished run."""
    index = run.index
    handed = HandedRun(
        stored=run.stored,
        segments=list(run.segments),
        blobs=dict(run.blobs),
        method=index.method,
        fingerprint=index.fingerprint,
        slots=list(index.slots.values()),
        answers=index.answers,
        raw_bytes=run.raw_bytes,
        stored_bytes=run.stored_bytes,
        begun=run.begun,
    )
    return _ENCODER.encode(handed)


def decode_finished(data: bytes) -> FinishedRun:
    """The inverse.

    Raises:
        JournalError: not made by `encode_finished`.
    """
    try:
        handed = _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise JournalError(f"a run was handed over that is none: {error}") from error
    index = RunIndex()
    index.method, index.fingerprint = handed.method, handed.fingerprint
    index.slots, index.answers = {row.slot: row for row in handed.slots}, handed.answers
    return FinishedRun(
        header=decode_header(handed.stored.header),
        footer=decode_footer(handed.stored.footer),
        lines=chain.decode_lines(handed.stored.lines),
        segments=tuple(handed.segments),
        blobs=handed.blobs,
        stored=handed.stored,
        index=index,
        raw_bytes=handed.raw_bytes,
        stored_bytes=handed.stored_bytes,
        begun=handed.begun,
    )
