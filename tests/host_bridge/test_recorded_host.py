"""A node that knows a record: what the record shows, what it does not, what the local state may answer."""

from __future__ import annotations

import pytest

from genvm_replay.host_bridge.known import Known
from genvm_replay.host_bridge.recorded_host import RecordedHost
from genvm_replay.journal.events import (
    OK,
    Answer,
    AnyRequest,
    EthCall,
    EthSend,
    Event,
    GetBalance,
    GetCalldata,
    GetLeaderNondetResult,
    PostMessage,
    PostNondetResult,
    StorageRead,
    StorageWrite,
)

CONTRACT, OTHER, PAID = b"c" * 20, b"o" * 20, b"p" * 20
SLOT, BLIND = b"s" * 32, b"b" * 32
NOTHING = bytes(32)
COINS = (7).to_bytes(32, "little")


def event(request: AnyRequest, value: bytes | int | None = None, error: int = 0) -> Event:
    return Event(request, Answer(error, value))


def read(
    index: int, length: int, *, slot: bytes = SLOT, address: bytes = CONTRACT, state: int = 0
) -> StorageRead:
    return StorageRead(state, address, slot, index, length)


RECORD = [
    event(GetCalldata(), b"call"),
    event(read(0, 4), b"abcd"),
    event(read(8, 4), b"ijkl"),
    event(StorageWrite(SLOT, 2, b"XYZ")),
    event(read(0, 12), b"abXYZfghijkl"),  # shows bytes 5 to 7 of before, not 2 to 4
    event(StorageWrite(BLIND, 0, b"new")),
    event(read(0, 2, slot=BLIND), b"ne"),
    event(read(0, 3, state=2), b"fin"),
    event(read(0, 2, address=OTHER, state=1), b"ot"),
    event(read(2, 2, address=OTHER), error=1),
    event(GetBalance(OTHER), COINS),
    event(EthCall(OTHER, b"x"), b"seen"),
    event(EthSend(PAID, b"", COINS)),
    event(GetLeaderNondetResult(0), error=3),
    event(PostNondetResult(0, b"\0\x10")),
    event(GetLeaderNondetResult(1), b"\1no"),
]


class Local:
    """The local state: every byte is `!`, everybody has 5."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b"!" * 4096 if page == 0 else b"2"

    def balance(self, address: bytes) -> int:
        return 5


def host(*, leads: bool = False, local: bool = False) -> RecordedHost:
    return RecordedHost(Known(CONTRACT, RECORD), leads=leads, local=Local() if local else None)


SHOWN = [
    (read(0, 4), b"abcd"),
    (read(1, 2), b"bc"),
    (read(5, 7), b"fghijkl"),
    (read(2, 1, state=2), None),  # the run had written there when it read in this state
    (read(0, 2, state=2), b"fi"),
    (read(1, 1, address=OTHER, state=1), b"t"),
    (read(0, 0), b""),
]


@pytest.mark.parametrize(("request_", "value"), SHOWN)
def test_bytes_of_before_the_run(request_: StorageRead, value: bytes | None) -> None:
    """In any pieces; what the run itself had written is not among them."""
    assert host().storage_read(request_) == (Answer(1) if value is None else Answer(0, value))


@pytest.mark.parametrize(
    "request_",
    [
        read(4, 1),  # replaced by the run before it was read
        read(0, 5),
        read(11, 2),
        read(0, 1, slot=BLIND),
        read(0, 1, address=OTHER),  # another state
        read(2, 2, address=OTHER),  # refused then, too
    ],
)
def test_what_the_record_does_not_show_is_refused(request_: StorageRead) -> None:
    """With the host error `absent`, and words that name it."""
    node = host()
    assert node.storage_read(request_) == Answer(1)
    [text] = node.refused
    assert text.endswith(
        f"slot 0x{request_.slot.hex()}, bytes {request_.index} to {request_.index + request_.length}"
    )


def test_the_local_state_fills_gaps() -> None:
    """Byte by byte, over pages; but it no longer has what the recorded run replaced."""
    node = host(local=True)
    assert node.storage_read(read(10, 4)) == Answer(0, b"kl!!")
    assert node.storage_read(read(4094, 4)) == Answer(0, b"!!2\0")
    assert node.refused == []
    assert node.storage_read(read(3, 3)) == Answer(1)
    assert node.storage_read(read(0, 1, slot=BLIND)) == Answer(1)
    assert len(node.refused) == 2


def test_own_writes_are_read_back() -> None:
    """In the default state; whether another one shows them is the node's affair, and unknown."""
    node = host()
    assert node.storage_write(StorageWrite(SLOT, 3, b"1234")) == OK
    assert node.storage_read(read(0, 8)) == Answer(0, b"abc1234h")
    assert node.storage_write(StorageWrite(SLOT, 0, b"_")) == OK
    assert node.storage_read(read(0, 1, state=2)) == Answer(1)


def test_balances() -> None:
    """Recorded ones; the local state knows those that the transaction did not change."""
    assert host().get_balance(GetBalance(OTHER)) == Answer(0, COINS)
    assert host().get_balance(GetBalance(b"x" * 20)) == Answer(1)
    node = host(local=True)
    assert node.get_balance(GetBalance(b"x" * 20)) == Answer(0, (5).to_bytes(32, "little"))
    for changed in (CONTRACT, PAID):
        assert node.get_balance(GetBalance(changed)) == Answer(1)
    assert [text[:14] for text in node.refused] == ["the balance of"] * 2


def test_the_other_chain_and_the_calldata() -> None:
    """Only what is recorded: no local state knows them."""
    node = host(local=True)
    assert node.get_calldata(GetCalldata()) == Answer(0, b"call")
    assert node.eth_call(EthCall(OTHER, b"x")) == Answer(0, b"seen")
    assert node.eth_call(EthCall(OTHER, b"y")) == Answer(1)
    assert RecordedHost(Known(CONTRACT, []), leads=False).get_calldata(GetCalldata()) == Answer(1)


def test_the_leaders_results() -> None:
    """Whether the recorded run found them or was given them; a new leader has none."""
    node = host()
    answers = [node.get_leader_nondet_result(GetLeaderNondetResult(number)) for number in range(3)]
    assert answers == [Answer(0, b"\0\x10"), Answer(0, b"\1no"), Answer(1)]
    assert node.refused == ["the leader's result of nondeterministic block 2"]
    assert host(leads=True).get_leader_nondet_result(GetLeaderNondetResult(0)) == Answer(3)


def test_what_is_sent_is_taken() -> None:
    """No balance decides about it, as the record does not show every balance."""
    node, message = host(), PostMessage(OTHER, b"", COINS, "finalized")
    assert (node.post_message(message), node.messages) == (OK, [message])
    assert node.storage_read(read(0, 0, slot=NOTHING)) == Answer(0, b"")
