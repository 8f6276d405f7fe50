"""Event <-> canonical msgpack bytes (docs/architecture.md section 4).

An event is stored as `[[kind, field, ...], [error, value]]`. Payloads above `INLINE_BYTES_MAX` leave the event: in
their place stands msgpack Ext(1, BLAKE3 of the payload), and the payload goes to a `BlobPool`. So do those of `PRIVATE`
kinds from `PRIVATE_BYTES_MIN` on: prompts, answers and web pages can then be removed while every hash and proof holds.
Equal events have equal bytes, so the bytes can be hashed. Reading trusts nothing: bad bytes give `JournalError`, an
unknown kind `UnknownEvent`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final, TypeAlias

import msgpack
import msgspec

from genvm_replay import __version__
from genvm_replay.errors import JournalError, UnknownEvent
from genvm_replay.journal.events import (
    BY_KIND,
    Answer,
    Event,
    GetLeaderNondetResult,
    ModuleAttempt,
    ModuleCall,
    PostNondetResult,
    Request,
)
from genvm_replay.journal.payloads import INLINE_BYTES_MAX, PRIVATE_BYTES_MIN, BlobPool

EVENT_BYTES_MAX: Final = 16 << 20  # of one encoded event, which only long texts can reach
BLOB_EXT: Final = 1
HASH_BYTES: Final = 32
PAYLOAD_MARK: Final = bytes((0xC7, HASH_BYTES, BLOB_EXT))  # how msgpack begins such an Ext
PRIVATE: Final = frozenset({ModuleCall, ModuleAttempt, GetLeaderNondetResult, PostNondetResult})

Pair: TypeAlias = tuple[Request, Answer]
BlobLookup: TypeAlias = Callable[[bytes], bytes]

_REQUEST: Final = itemgetter(0)
_LIST_HEADER: Final = struct.Struct(">BI")  # msgpack array 32: 0xdd, u32 count
_encode: Final = msgspec.msgpack.Encoder().encode
_decode_event: Final = msgspec.msgpack.Decoder(Event).decode
_decode_events: Final = msgspec.msgpack.Decoder(list[Event]).decode
_decode_plain: Final = msgspec.msgpack.Decoder().decode
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, ValueError)  # ValueError: text that is no UTF-8


def encode_events(pairs: Sequence[Pair], pool: BlobPool) -> list[bytes]:
    """Encode requests with their answers; one bytes object an event.

    Pairs, not `Event`s: a tuple has the same bytes and is cheaper to make.
    """
    try:
        encoded = list(map(_encode, pairs))
    except (OverflowError, ValueError, TypeError) as error:
        raise JournalError(f"an event can't be stored: {error}: {_culprit(pairs)}") from error
    if max(map(len, encoded), default=0) > INLINE_BYTES_MAX or not PRIVATE.isdisjoint(
        map(type, map(_REQUEST, pairs))
    ):
        for i, data in enumerate(encoded):
            if len(data) > INLINE_BYTES_MAX or type(pairs[i][0]) in PRIVATE:
                encoded[i] = _encode_apart(pairs[i], pool)
    return encoded


def encode_event(event: Event, pool: BlobPool) -> bytes:
    """Encode one event."""
    return encode_events([(event.request, event.answer)], pool)[0]


def decode_events(canonical: bytes, count: int, lookup: BlobLookup) -> Iterable[Event]:
    """Decode the `count` events that `canonical` holds back to back.

    Lazily where payloads have to be looked up: a small segment can name a large payload many times.
    """
    try:
        return _decode_events(_LIST_HEADER.pack(0xDD, count) + canonical)
    except _UNREADABLE:
        return (decode_event(encoded, lookup) for encoded in split(canonical))


def decodes_plainly(canonical: bytes, count: int) -> bool:
    """Whether these are `count` events that are whole by themselves: the quick check of most of them."""
    try:
        _decode_events(_LIST_HEADER.pack(0xDD, count) + canonical)
    except _UNREADABLE:
        return False
    return True


def decode_event(encoded: bytes, lookup: BlobLookup) -> Event:
    """Decode one event.

    Raises:
        UnknownEvent: its kind or version is not known here.
        JournalError: malformed bytes, or what `lookup` raises.
    """
    try:
        return _decode_event(encoded)
    except _UNREADABLE:
        pass
    try:
        plain = _decode_plain(encoded)
        _check_kind(plain)
        return _decode_event(_encode(_with_payloads(plain, lookup)))
    except _UNREADABLE as error:
        raise JournalError(f"malformed event: {error}") from error


def payload_fields(encoded: bytes) -> Iterator[tuple[str, bytes]]:
    """Name the fields of an event whose payload is stored apart, with the hashes of the payloads."""
    try:
        plain = _decode_plain(encoded)
        _check_kind(plain)
        request, answer = plain
        names = BY_KIND[request[0]].__struct_fields__
        paths = [f"request.{name}" for name in names] + [
            f"answer.{name}" for name in Answer.__struct_fields__
        ]
        fields = list(zip(paths, [*request[1:], *answer], strict=True))
    except (*_UNREADABLE, KeyError, TypeError, IndexError) as error:
        raise JournalError(f"malformed event: {error}") from error
    for name, value in fields:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, msgspec.msgpack.Ext):
                yield name, _digest(item)


def split(canonical: bytes) -> Iterator[bytes]:
    """Cut back-to-back events at their borders: msgpack delimits itself, no offsets are stored.

    Raises:
        JournalError: from the first event that is cut short or malformed; those before it were given.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(canonical))
    unpacker.feed(canonical)
    begin = 0
    while begin < len(canonical):
        try:
            unpacker.skip()
        except Exception as error:  # OutOfData, FormatError, StackError and ValueError share no narrower base
            raise JournalError(f"malformed event at byte {begin}: {error or type(error).__name__}") from error
        end = unpacker.tell()
        yield canonical[begin:end]
        begin = end


def encode_struct(value: msgspec.Struct | Sequence[msgspec.Struct]) -> bytes:
    """Canonical msgpack of a header, a footer or a list of line summaries."""
    return _encode(value)


def _encode_apart(pair: Pair, pool: BlobPool) -> bytes:
    """Encode again with the large or private payloads moved to the pool."""
    size_min = PRIVATE_BYTES_MIN if type(pair[0]) in PRIVATE else INLINE_BYTES_MAX + 1

    def moved(value: object) -> object:
        if isinstance(value, bytes) and len(value) >= size_min:
            return msgspec.msgpack.Ext(BLOB_EXT, pool.add(value))
        return [moved(item) for item in value] if isinstance(value, list | tuple) else value

    encoded = _encode(moved(msgspec.to_builtins(pair, builtin_types=(bytes,))))
    if len(encoded) > EVENT_BYTES_MAX:
        raise JournalError(f"an event of {len(encoded)} bytes can't be recorded, limit {EVENT_BYTES_MAX}")
    return encoded


def _with_payloads(value: object, lookup: BlobLookup) -> object:
    """Put the payloads back in their places."""
    if isinstance(value, msgspec.msgpack.Ext):
        return lookup(_digest(value))
    return [_with_payloads(item, lookup) for item in value] if isinstance(value, list) else value


def _digest(ext: msgspec.msgpack.Ext) -> bytes:
    digest = bytes(ext.data)
    if ext.code != BLOB_EXT or len(digest) != HASH_BYTES:
        raise JournalError(f"malformed event: extension {ext.code} of {len(digest)} bytes")
    return digest


def _check_kind(plain: object) -> None:
    """Raise `UnknownEvent` for a well-formed event whose kind has no class here."""
    match plain:
        case [[str(kind), *_], [*_]] if kind not in BY_KIND:
            base = kind.rpartition("/")[0]
            known = sorted(name for name in BY_KIND if name.rpartition("/")[0] == base)
            reads = f"reads {known[0]} to {known[-1]}" if known else "knows no such event"
            raise UnknownEvent(kind, f"{__version__}, which {reads}")


def _culprit(pairs: Sequence[Pair]) -> str:
    """Name the event that the encoder refused."""
    for pair in pairs:
        try:
            _encode(pair)
        except (OverflowError, ValueError, TypeError):
            return repr(pair[0])[:300]
    return "none of them alone"
