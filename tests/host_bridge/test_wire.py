"""Requests and answers in bytes: by example both ways, at random under any split, and garbage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import LocalProtocolError, PeerProtocolError
from genvm_replay.host_bridge.inbox import Inbox
from genvm_replay.host_bridge.limits import Limits
from genvm_replay.host_bridge.methods import METHODS
from genvm_replay.host_bridge.wire import (
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    parse_answer,
    parse_request,
)
from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    DeployContract,
    EthCall,
    GetBalance,
    GetCalldata,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    ReadClock,
    RemainingFuelAsGen,
    Request,
    StorageRead,
    StorageWrite,
)

from .rows import ADDRESS, EXCHANGES, ROWS, SLOT, Row, exchanges, one_by_one, pieces, sliced, u256

SMALL = Limits(slice_bytes_max=10, storage_bytes_max=20)
rows = pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{type(row.request).__name__}-{row.answer.error}"
)


def test_every_method_has_its_rows() -> None:
    """The tables of these tests forget none, and neither does the generator."""
    requests = {method.request for method in METHODS}
    assert {type(row.request) for row in ROWS} == requests == set(EXCHANGES)


@rows
def test_requests(row: Row) -> None:
    """Both ways, whole and byte by byte."""
    assert encode_request(row.request) == row.request_bytes
    assert parse_request(row.request_bytes) == row.request
    assert fed_requests(one_by_one(row.request_bytes)) == [row.request]


@rows
def test_answers(row: Row) -> None:
    """Both ways, whole and byte by byte."""
    assert encode_answer(row.request, row.answer) == row.answer_bytes
    assert parse_answer(row.request, row.answer_bytes) == row.answer
    inbox = Inbox()
    for piece in one_by_one(row.answer_bytes)[:-1]:
        inbox.feed(piece)
        assert inbox.pull(decode_answer, row.request) is None
    inbox.feed(row.answer_bytes[-1:])
    assert inbox.pull(decode_answer, row.request) == row.answer
    assert len(inbox) == 0


def fed_requests(parts: list[bytes]) -> list[Request]:
    """What a node reads from these pieces; all of it has to be whole at the end."""
    inbox, found = Inbox(), []
    for part in parts:
        inbox.feed(part)
        while (request := inbox.pull(decode_request)) is not None:
            found.append(request)
    assert len(inbox) == 0
    return found


@given(st.lists(exchanges, max_size=5), st.lists(st.integers(0, 2000), max_size=8))
def test_any_requests_survive_any_split(asked: list[tuple[Request, Answer]], cuts: list[int]) -> None:
    """Requests one behind the other, cut anywhere."""
    data = b"".join(encode_request(request) for request, _ in asked)
    assert fed_requests(pieces(data, cuts)) == [request for request, _ in asked]


@given(exchanges, st.lists(st.integers(0, 200), max_size=8))
def test_any_answer_survives_any_split(exchange: tuple[Request, Answer], cuts: list[int]) -> None:
    """The answer comes with its last byte and not before; nothing is left over."""
    request, answer = exchange
    inbox, found = Inbox(), []
    for part in pieces(encode_answer(request, answer), cuts) or [b""]:
        assert not found
        inbox.feed(part)
        found += [one for one in [inbox.pull(decode_answer, request)] if one is not None]
    assert (found, len(inbox)) == ([answer], 0)


@given(
    st.binary(max_size=200) | st.builds(bytes.__add__, st.sampled_from([b"\7", b"\6" + ADDRESS]), st.binary())
)
def test_garbage_requests(data: bytes) -> None:
    """Garbage is requests, an unfinished one, or a PeerProtocolError; what it is read as has these very bytes."""
    inbox, found = Inbox(), []
    inbox.feed(data)
    try:
        while (request := inbox.pull(decode_request)) is not None:
            found.append(request)
    except PeerProtocolError:
        pass
    assert data.startswith(b"".join(encode_request(request) for request in found))


@given(exchanges, st.binary(max_size=60))
def test_garbage_answers(exchange: tuple[Request, Answer], data: bytes) -> None:
    """Garbage is an answer, an unfinished one, or a PeerProtocolError."""
    request, _ = exchange
    inbox = Inbox()
    inbox.feed(data)
    try:
        answer = inbox.pull(decode_answer, request)
    except PeerProtocolError:
        return
    if answer is not None and not isinstance(request, ConsumeResult):
        assert data.startswith(encode_answer(request, answer))


@given(exchanges, st.integers(0, 10**6), st.integers(0, 255))
def test_damaged_requests(exchange: tuple[Request, Answer], place: int, byte: int) -> None:
    """One wrong byte makes another request or a PeerProtocolError."""
    data = bytearray(encode_request(exchange[0]))
    data[place % len(data)] = byte
    with contextlib.suppress(PeerProtocolError):
        assert encode_request(parse_request(bytes(data))) == data


READ = encode_request(StorageRead(0, ADDRESS, SLOT, 0, 1))
MESSAGE = b"\x06" + ADDRESS + b"\0\0\0\0"
BAD_JSON = [
    b"",
    b"{}",
    b'{"value":"0x0","on":"accepted"}',
    b'{"on":"accepted", "value":"0x0"}',
    b'{"on":"accepted","value":"0x00"}',
    b'{"on":"accepted","value":"0xAB"}',
    b'{"on":"accepted","value":"0x"}',
    b'{"on":"accepted","value":"10"}',
    b'{"on":"accepted","value":"0x1' + b"0" * 64 + b'"}',
    b'{"on":"later","value":"0x0"}',
    b'{"on":"accepted","value":"0x0"}\n',
    b'{"on":"accepted","value":"0x0","x":1}',
    b'{"on":"accepted","value":"0x\xd9\xa1"}',
    b"\xff\xfe",
]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0f", "unknown method 15"),
        (b"\xff", "unknown method 255"),
        (READ[:1] + b"\3" + READ[2:], "storage_read: state 3"),
        (READ[:-4] + b"\x15\0\0\0", "storage_read: 21 bytes are asked for, limit 20"),
        (
            b"\x02" + SLOT + b"\0\0\0\0" + b"\x15\0\0\0",
            "storage_write: a slice of 21 bytes is announced, limit 20",
        ),
        (b"\x03\x0b\0\0\0", "consume_result: a slice of 11 bytes is announced, limit 10"),
        (b"\x03\xff\xff\xff\xff", "limit 10"),
        (b"\x05\0\0\0\0\0\0\0\0", "post_nondet_result: a VM result begins with nothing"),
        (b"\x05\0\0\0\0\1\0\0\0\3", "begins with 03"),
        (b"\x05\0\0\0\0\2\0\0\0\1\xff", "the message of a user_error is not UTF-8"),
        (b"\x07\5", "post_event: 5 topics are announced, limit 4"),
        (MESSAGE + b"\1\1\0\0", "a slice of 257 bytes is announced, limit 256"),
        (b"", "cut short after 0 bytes"),
        (READ[:-1], "cut short after 61 bytes"),
        (READ + b"\0", "1 bytes too many"),
        *((MESSAGE + sliced(text), "is not the JSON of on, value") for text in BAD_JSON),
    ],
)
def test_malformed_requests(data: bytes, text: str) -> None:
    """Each is refused, by name, as soon as the bytes tell."""
    with pytest.raises(PeerProtocolError, match=text):
        parse_request(data, SMALL)


@pytest.mark.parametrize(
    ("request_", "data", "text"),
    [
        (GetCalldata(), b"\5", "answer to get_calldata: unknown error byte 5"),
        (StorageWrite(SLOT, 0, b""), b"\xff", "unknown error byte 255"),
        (GetCalldata(), b"\0\x0b\0\0\0", "a slice of 11 bytes is announced, limit 10"),
        (EthCall(ADDRESS, b""), b"\0\xff\xff\xff\xff", "limit 10"),
        (GetLeaderNondetResult(0), b"\0\0\0\0\0", "begins with nothing"),
        (GetLeaderNondetResult(0), b"\0\1\0\0\0\3", "begins with 03"),
        (GetLeaderNondetResult(0), b"\0\2\0\0\0\2\x80", "not UTF-8"),
        (GetBalance(ADDRESS), b"\0" + bytes(31), "cut short"),
        (GetBalance(ADDRESS), b"\0" + bytes(33), "1 bytes too many"),
        (ConsumeFuel(0), b"\0", "1 bytes too many"),
        (NotifyNondetDisagreement(0), b"\0", "1 bytes too many"),
        (ConsumeResult(b""), b"\0\0", "1 bytes too many"),
        (StorageRead(0, ADDRESS, SLOT, 0, 2), b"\1\0", "1 bytes too many"),
    ],
)
def test_malformed_answers(request_: Request, data: bytes, text: str) -> None:
    """Each is refused, by name, as soon as the bytes tell."""
    with pytest.raises(PeerProtocolError, match=text):
        parse_answer(request_, data, SMALL)


@pytest.mark.parametrize("byte", range(256))
def test_the_acknowledgement_may_be_any_byte(byte: int) -> None:
    """Its value is ignored (spec/executor.md 1.2)."""
    assert parse_answer(ConsumeResult(b"\0\0"), bytes((byte,))) == OK


@pytest.mark.parametrize(
    "request_",
    [
        ReadClock(0),
        StorageRead(3, ADDRESS, SLOT, 0, 0),
        StorageRead(-1, ADDRESS, SLOT, 0, 0),
        StorageRead(0, ADDRESS[1:], SLOT, 0, 0),
        StorageRead(0, ADDRESS, SLOT + b"0", 0, 0),
        StorageRead(0, ADDRESS, SLOT, 2**32, 0),
        StorageRead(0, ADDRESS, SLOT, 0, 21),
        StorageRead(0, "a" * 20, SLOT, 0, 0),  # type: ignore[arg-type]
        StorageRead(0, None, SLOT, 0, 0),  # type: ignore[arg-type]
        StorageRead("0", ADDRESS, SLOT, 0, 0),  # type: ignore[arg-type]
        StorageWrite(SLOT, 0, bytes(21)),
        StorageWrite(SLOT, 0, "text"),  # type: ignore[arg-type]
        ConsumeResult(bytes(11)),
        ConsumeFuel(2**64),
        ConsumeFuel(-1),
        PostNondetResult(0, b""),
        PostNondetResult(0, b"\3"),
        PostNondetResult(0, b"\2\xff"),
        PostEvent((SLOT,) * 5, b""),
        PostEvent((SLOT[1:],), b""),
        PostEvent(3, b""),  # type: ignore[arg-type]
        PostMessage(ADDRESS, b"", u256(0), "never"),
        PostMessage(ADDRESS, b"", u256(0)[1:], "accepted"),
        PostMessage(ADDRESS, b"", 5, "accepted"),  # type: ignore[arg-type]
        DeployContract(b"", bytes(11), u256(0), "accepted", u256(0)),
        DeployContract(b"", b"", u256(0), "accepted", b""),
    ],
)
def test_requests_that_the_wire_cannot_carry(request_: Request) -> None:
    """Our own mistake, found before a byte is sent."""
    with pytest.raises(LocalProtocolError):
        encode_request(request_, SMALL)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (GetCalldata(), Answer(5)),
        (GetCalldata(), Answer(-1)),
        (GetCalldata(), Answer(0, None)),
        (GetCalldata(), Answer(0, bytes(11))),
        (GetCalldata(), Answer(1, b"lost")),
        (StorageRead(0, ADDRESS, SLOT, 0, 4), Answer(0, b"abc")),
        (StorageRead(0, ADDRESS, SLOT, 0, 4), Answer(0, 4)),
        (StorageWrite(SLOT, 0, b""), Answer(0, b"lost")),
        (GetLeaderNondetResult(0), Answer(0, b"")),
        (GetLeaderNondetResult(0), Answer(0, b"\7")),
        (GetBalance(ADDRESS), Answer(0, b"\0")),
        (GetBalance(ADDRESS), Answer(0, 5)),
        (RemainingFuelAsGen(), Answer(0, 2**64)),
        (RemainingFuelAsGen(), Answer(0, b"\0")),
        (ReadClock(0), OK),
    ],
)
def test_answers_that_do_not_fit(request_: Request, answer: Answer) -> None:
    """A mistake of the host, found before a byte is sent."""
    with pytest.raises(LocalProtocolError):
        encode_answer(request_, answer, SMALL)
