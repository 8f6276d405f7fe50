"""Archive files: runs of a journal in one file that needs nothing else (docs/capsule-format.md). Streams, no paths.

An archive comes from anybody. Every size is checked before memory is spent, one run at a time is held, and nothing of
it is believed before `transfer.opened` has checked it against its root.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, TypeAlias

import msgspec
from blake3 import blake3

from genvm_replay.errors import JournalError
from genvm_replay.journal.compression import compress, decompress_blob
from genvm_replay.journal.payloads import BLOB_BYTES_MAX, RUN_BYTES_MAX
from genvm_replay.journal.segment import Segment
from genvm_replay.journal.source import MemorySource, RunBytes, Source

MAGIC: Final = b"genvm-replay archive 1\n"
RECORD_BYTES_MAX: Final = BLOB_BYTES_MAX + (1 << 20)  # a payload that zstd could not make smaller
RUNS_MAX: Final = 1_000_000
HASH_BYTES: Final = 32
_SIZE: Final = struct.Struct("<I")


class RunRecord(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="run"):
    """Begins a run: the bytes that its root binds, and what its row says beyond them."""

    header: bytes
    footer: bytes
    lines: bytes
    field_tags: bytes
    root: bytes
    method: str | None
    recorded_at: str
    release: str


class SegmentRecord(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="segment"):
    """A segment; the fields of `segment.Segment`."""

    line: str
    number: int
    first_seq: int
    count: int
    head: bytes
    leaves: bytes
    tags: bytes
    data: bytes


class PayloadRecord(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="payload"):
    """A payload stored apart: one zstd frame. Its name is the BLAKE3 of what is in it."""

    data: bytes


class RedactedRecord(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="redacted"
):
    """A payload that was removed before the export."""

    hash: bytes


class SignatureRecord(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="signature"
):
    """A signature of the run's root."""

    public_key: bytes
    signature: bytes


class EndRecord(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="end"):
    """Ends the file: how many runs, and the BLAKE3 of all bytes before this record."""

    runs: int
    hash: bytes


Record: TypeAlias = RunRecord | SegmentRecord | PayloadRecord | RedactedRecord | SignatureRecord | EndRecord
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Record).decode


@dataclass(slots=True)
class ArchivedRun:
    """One run of an archive, in memory. Nothing of it is verified yet."""

    record: RunRecord
    segments: list[Segment] = field(default_factory=list)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    redacted: set[bytes] = field(default_factory=set)
    signatures: list[tuple[bytes, bytes]] = field(default_factory=list)
    size: int = 0

    @property
    def stored(self) -> RunBytes:
        """The hashed part."""
        record = self.record
        return RunBytes(record.header, record.footer, record.lines, record.field_tags, record.root)

    def source(self) -> MemorySource:
        """Segments and payloads."""
        return MemorySource(self.segments, self.blobs, self.redacted, self.signatures)

    def take(self, record: Record) -> None:
        """Add what belongs to this run.

        Raises:
            JournalError: too much for one run, or a payload that does not decompress.
        """
        match record:
            case SegmentRecord():
                values = [getattr(record, name) for name in Segment.__dataclass_fields__]
                self._charge(len(record.data) + len(record.tags) + len(record.leaves))
                self.segments.append(Segment(*values))
            case PayloadRecord():
                payload = decompress_blob(record.data)
                self._charge(len(payload))
                self.blobs[blake3(payload).digest()] = payload
            case RedactedRecord():
                self._charge(HASH_BYTES)
                self.redacted.add(record.hash)
            case SignatureRecord():
                self._charge(len(record.public_key) + len(record.signature))
                self.signatures.append((record.public_key, record.signature))

    def _charge(self, size: int) -> None:
        self.size += size + _SIZE.size
        if self.size > RUN_BYTES_MAX:
            raise JournalError(f"a run holds more than {RUN_BYTES_MAX} bytes")


class ArchiveWriter:
    """Writes runs to a stream; `finish` ends the file."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._hash = blake3()
        self._runs = 0
        self._write(MAGIC)

    def add(self, record: RunRecord, source: Source) -> None:
        """Add a run; its segments and payloads are read one at a time."""
        self._runs += 1
        self._record(record)
        for line in source.lines():
            for segment in source.segments(line):
                self._record(
                    SegmentRecord(*(getattr(segment, name) for name in Segment.__dataclass_fields__))
                )
        for digest in sorted(source.references()):
            payload = source.blob(digest)
            self._record(RedactedRecord(digest) if payload is None else PayloadRecord(compress(payload)))
        for public_key, signature in source.signatures():
            self._record(SignatureRecord(public_key, signature))

    def finish(self) -> int:
        """End the file; how many runs it has."""
        self._record(EndRecord(self._runs, self._hash.digest()))
        return self._runs

    def _record(self, record: Record) -> None:
        body = _encode(record)
        self._write(_SIZE.pack(len(body)) + body)

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._out.write(data)


def read_archive(file: BinaryIO, size: int) -> Iterator[ArchivedRun]:
    """The runs of an archive of `size` bytes, one at a time.

    Raises:
        JournalError: no archive, damaged, cut short, or larger than an archive can be. The runs that were given before
            are whole, but the file is not: take none of them.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise JournalError("it is no archive of genvm-replay, or one of another version")
    run: ArchivedRun | None = None
    count = 0
    for record, before in _records(file, size):
        if isinstance(record, RunRecord | EndRecord) and run is not None:
            yield run
        match record:
            case RunRecord():
                run, count = ArchivedRun(record), count + 1
                if count > RUNS_MAX:
                    raise JournalError(f"it holds more than {RUNS_MAX} runs")
            case EndRecord():
                if (record.runs, record.hash) != (count, before):
                    raise JournalError("its end does not fit: it was changed, or bytes were lost")
                return
            case _ if run is None:
                raise JournalError(f"it begins with a {type(record).__name__}")
            case _:
                run.take(record)


def _records(file: BinaryIO, size: int) -> Iterable[tuple[Record, bytes]]:
    """Each record, with the BLAKE3 of all bytes before it; ends with the end record, and nothing after it."""
    seen, at = blake3(MAGIC), len(MAGIC)
    while True:
        before = seen.digest()
        head = _read(file, _SIZE.size, at)
        (length,) = _SIZE.unpack(head)
        at += len(head)
        if length > RECORD_BYTES_MAX or length > size - at:
            raise JournalError(f"byte {at}: a record of {length} bytes is announced, {size - at} are left")
        body = _read(file, length, at)
        at += length
        try:
            record = _decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise JournalError(f"byte {at - length}: not a record: {error}") from error
        seen.update(head + body)
        yield record, before
        if isinstance(record, EndRecord):
            if at != size:
                raise JournalError(f"byte {at}: {size - at} bytes follow its end")
            return


def _read(file: BinaryIO, length: int, at: int) -> bytes:
    data = file.read(length)
    if len(data) != length:
        raise JournalError(f"byte {at + len(data)}: it is cut short")
    return data
