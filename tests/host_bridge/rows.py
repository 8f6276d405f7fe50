"""The host protocol by example: every method with its request, its answers and their bytes, and any of them at random.

The bytes were written down from spec/executor.md 1.2, not printed by the codec.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from hypothesis import strategies as st

from genvm_replay.journal.events import (
    OK,
    Answer,
    ConsumeFuel,
    ConsumeResult,
    DeployContract,
    EthCall,
    EthSend,
    GetBalance,
    GetCalldata,
    GetLeaderNondetResult,
    NotifyNondetDisagreement,
    PostEvent,
    PostMessage,
    PostNondetResult,
    RemainingFuelAsGen,
    Request,
    StorageRead,
    StorageWrite,
)


class Row(NamedTuple):
    """An exchange and its bytes."""

    request: Request
    request_bytes: bytes
    answer: Answer
    answer_bytes: bytes


def u256(number: int) -> bytes:
    return number.to_bytes(32, "little")


def sliced(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


ADDRESS, SLOT = bytes(range(20)), bytes(range(100, 132))
MAX = 2**256 - 1
ROWS = [
    Row(GetCalldata(), b"\x00", Answer(0, b"\x06"), b"\0\1\0\0\0\x06"),
    Row(GetCalldata(), b"\x00", Answer(0, b""), b"\0\0\0\0\0"),
    Row(
        StorageRead(0, ADDRESS, SLOT, 7, 3),
        b"\x01\x00" + ADDRESS + SLOT + b"\7\0\0\0\3\0\0\0",
        *(Answer(0, b"abc"), b"\0abc"),
    ),
    Row(
        StorageRead(2, ADDRESS, SLOT, 2**32 - 1, 0),
        b"\x01\x02" + ADDRESS + SLOT + b"\xff\xff\xff\xff\0\0\0\0",
        *(Answer(0, b""), b"\0"),
    ),
    Row(
        StorageRead(1, ADDRESS, SLOT, 0x01020304, 1),
        b"\x01\x01" + ADDRESS + SLOT + b"\4\3\2\1\1\0\0\0",
        *(Answer(1), b"\1"),
    ),
    Row(
        StorageWrite(SLOT, 256, b"data"),
        b"\x02" + SLOT + b"\0\1\0\0" + b"\4\0\0\0data",
        *(OK, b"\0"),
    ),
    Row(StorageWrite(SLOT, 0, b""), b"\x02" + SLOT + b"\0\0\0\0" + b"\0\0\0\0", Answer(4), b"\4"),
    Row(ConsumeResult(b"\0\0"), b"\x03\2\0\0\0\0\0", OK, b"\0"),
    Row(GetLeaderNondetResult(5), b"\x04\5\0\0\0", Answer(0, b"\0\x10"), b"\0\2\0\0\0\0\x10"),
    Row(GetLeaderNondetResult(0), b"\x04\0\0\0\0", Answer(3), b"\3"),
    Row(GetLeaderNondetResult(0), b"\x04\0\0\0\0", Answer(1), b"\1"),
    Row(GetLeaderNondetResult(0), b"\x04\0\0\0\0", Answer(0, b"\1no"), b"\0\3\0\0\0\1no"),
    Row(PostNondetResult(1, b"\2OOM"), b"\x05\1\0\0\0\4\0\0\0\2OOM", OK, b"\0"),
    Row(
        PostMessage(ADDRESS, b"call", u256(0), "finalized"),
        b"\x06" + ADDRESS + b"\4\0\0\0call" + sliced(b'{"on":"finalized","value":"0x0"}'),
        *(OK, b"\0"),
    ),
    Row(
        PostMessage(ADDRESS, b"", u256(0xAB0), "accepted"),
        b"\x06" + ADDRESS + b"\0\0\0\0" + sliced(b'{"on":"accepted","value":"0xab0"}'),
        *(Answer(2), b"\2"),
    ),
    Row(PostEvent((), b"\x06"), b"\x07\0\1\0\0\0\x06", OK, b"\0"),
    Row(
        PostEvent((SLOT, bytes(32)), b"\x06"),
        b"\x07\2" + SLOT + bytes(32) + b"\1\0\0\0\x06",
        *(OK, b"\0"),
    ),
    Row(ConsumeFuel(0x0102), b"\x08\2\1\0\0\0\0\0\0", OK, b""),
    Row(
        DeployContract(b"\x06", b"# code", u256(16), "accepted", u256(MAX)),
        b"\x09\1\0\0\0\x06\6\0\0\0# code"
        + sliced(b'{"on":"accepted","salt_nonce":"0x' + b"f" * 64 + b'","value":"0x10"}'),
        *(OK, b"\0"),
    ),
    Row(EthCall(ADDRESS, b"ab"), b"\x0a" + ADDRESS + b"\2\0\0\0ab", Answer(0, b"xyz"), b"\0\3\0\0\0xyz"),
    Row(EthCall(ADDRESS, b""), b"\x0a" + ADDRESS + b"\0\0\0\0", Answer(2), b"\2"),
    Row(
        EthSend(ADDRESS, b"ab", u256(1)),
        b"\x0b" + ADDRESS + b"\2\0\0\0ab" + sliced(b'{"value":"0x1"}'),
        *(OK, b"\0"),
    ),
    Row(GetBalance(ADDRESS), b"\x0c" + ADDRESS, Answer(0, u256(258)), b"\0\2\1" + bytes(30)),
    Row(RemainingFuelAsGen(), b"\x0d", Answer(0, 2**53 - 1), b"\0" + b"\xff" * 6 + b"\x1f\0"),
    Row(RemainingFuelAsGen(), b"\x0d", Answer(1), b"\1"),
    Row(NotifyNondetDisagreement(3), b"\x0e\3\0\0\0", OK, b""),
]
CONVERSATION = [row for row in ROWS if not isinstance(row.request, ConsumeResult)] + [
    row for row in ROWS if isinstance(row.request, ConsumeResult)
]
"""All of them in an order that a session allows."""

u32s = st.integers(0, 2**32 - 1)
u64s = st.integers(0, 2**64 - 1)
addresses = st.binary(min_size=20, max_size=20)
words = st.binary(min_size=32, max_size=32)
numbers = words | st.sampled_from([u256(0), u256(1), u256(MAX)])
blobs = st.binary(max_size=70)
ons = st.sampled_from(["finalized", "accepted"])
vm_results = st.builds(lambda data: b"\0" + data, blobs) | st.builds(
    lambda code, text: bytes((code,)) + text.encode(), st.sampled_from([1, 2]), st.text(max_size=20)
)
failures = st.builds(Answer, st.integers(1, 4))
plain = st.just(OK) | failures


def values(strategy: st.SearchStrategy[bytes] | st.SearchStrategy[int]) -> st.SearchStrategy[Answer]:
    return st.builds(Answer, st.just(0), strategy) | failures


def reads() -> st.SearchStrategy[tuple[Request, Answer]]:
    """Storage reads: the answer has the length that the request names."""
    return blobs.flatmap(
        lambda data: st.tuples(
            st.builds(StorageRead, st.integers(0, 2), addresses, words, u32s, st.just(len(data))),
            st.just(Answer(0, data)) | failures,
        )
    )


EXCHANGES: dict[type[Request], st.SearchStrategy[tuple[Request, Answer]]] = {
    GetCalldata: st.tuples(st.just(GetCalldata()), values(blobs)),
    StorageRead: reads(),
    StorageWrite: st.tuples(st.builds(StorageWrite, words, u32s, blobs), plain),
    ConsumeResult: st.tuples(st.builds(ConsumeResult, blobs), st.just(OK)),
    GetLeaderNondetResult: st.tuples(st.builds(GetLeaderNondetResult, u32s), values(vm_results)),
    PostNondetResult: st.tuples(st.builds(PostNondetResult, u32s, vm_results), plain),
    PostMessage: st.tuples(st.builds(PostMessage, addresses, blobs, numbers, ons), plain),
    PostEvent: st.tuples(st.builds(PostEvent, st.lists(words, max_size=4).map(tuple), blobs), plain),
    ConsumeFuel: st.tuples(st.builds(ConsumeFuel, u64s), st.just(OK)),
    DeployContract: st.tuples(st.builds(DeployContract, blobs, blobs, numbers, ons, numbers), plain),
    EthCall: st.tuples(st.builds(EthCall, addresses, blobs), values(blobs)),
    EthSend: st.tuples(st.builds(EthSend, addresses, blobs, numbers), plain),
    GetBalance: st.tuples(st.builds(GetBalance, addresses), values(words)),
    RemainingFuelAsGen: st.tuples(st.just(RemainingFuelAsGen()), values(u64s)),
    NotifyNondetDisagreement: st.tuples(st.builds(NotifyNondetDisagreement, u32s), st.just(OK)),
}
exchanges = st.one_of(*EXCHANGES.values())


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes cut at these places (taken modulo the length)."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(places)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
