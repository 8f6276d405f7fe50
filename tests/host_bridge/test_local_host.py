"""The local host agrees with a dict of bytes, page borders included."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.host_bridge.local_host import PAGE, LocalHost
from genvm_replay.journal.events import (
    DeployContract,
    EthSend,
    GetBalance,
    GetCalldata,
    PostMessage,
    StorageRead,
    StorageWrite,
)

CONTRACT, OTHER = b"c" * 20, b"o" * 20
SLOTS = (b"1" * 32, b"2" * 32)
INDEXES = (
    st.integers(0, 3 * PAGE) | st.integers(PAGE - 20, PAGE + 20) | st.integers(2**32 - 5000, 2**32 - 4500)
)


class State:
    """Committed state: every page of the other contract is full of 7s but short; ours is empty."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b"\x07" * 10 if address == OTHER else b""

    def balance(self, address: bytes) -> int:
        return 100


def host() -> LocalHost:
    return LocalHost(State(), CONTRACT, b"call", 5)


OPERATIONS = st.lists(
    st.tuples(st.booleans(), st.sampled_from(SLOTS), INDEXES, st.binary(max_size=60) | st.just(b"z" * 9000)),
    max_size=12,
)


@given(OPERATIONS)
def test_storage_is_a_byte_vector(operations: list[tuple[bool, bytes, int, bytes]]) -> None:
    """Reads give the bytes written last, zeros elsewhere; written pages hold all of it."""
    under_test, model = host(), {}
    for write, slot, index, data in operations:
        if write:
            assert under_test.storage_write(StorageWrite(slot, index, data)).error == 0
            model |= {(slot, index + at): byte for at, byte in enumerate(data)}
        else:
            answer = under_test.storage_read(StorageRead(0, CONTRACT, slot, index, len(data)))
            expected = bytes(model.get((slot, index + at), 0) for at in range(len(data)))
            assert (answer.error, answer.value) == (0, expected)
    pages = under_test.written_pages()
    stored = {
        (slot, PAGE * page + at): byte
        for (_, slot, page), data in pages.items()
        for at, byte in enumerate(data)
    }
    assert {at: byte for at, byte in stored.items() if byte} == {
        at: byte for at, byte in model.items() if byte
    }
    assert all(address == CONTRACT for address, _, _ in pages)
    assert all(len(page) <= PAGE and not page.endswith(b"\0") for page in pages.values())


def test_other_contracts_are_read_but_not_written() -> None:
    """A read names its contract; a write has none to name."""
    under_test = host()
    under_test.storage_write(StorageWrite(SLOTS[0], 0, b"mine"))
    answer = under_test.storage_read(StorageRead(0, OTHER, SLOTS[0], 8, 4))
    assert answer.value == b"\x07\x07\0\0"


def test_the_transactions_value_counts_for_its_contract_only() -> None:
    """get_balance includes what the transaction brings (spec/executor.md 5.7)."""
    for address, balance in ((CONTRACT, 105), (OTHER, 100)):
        answer = host().get_balance(GetBalance(address))
        assert isinstance(answer.value, bytes)
        assert int.from_bytes(answer.value, "little") == balance
    assert host().get_calldata(GetCalldata()).value == b"call"


def sending(kind: int, value: int) -> PostMessage | DeployContract | EthSend:
    raw = value.to_bytes(32, "little")
    return (
        PostMessage(OTHER, b"\x06", raw, "finalized"),
        DeployContract(b"\x06", b"", raw, "accepted", bytes(32)),
        EthSend(OTHER, b"", raw),
    )[kind]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60) | st.just(2**256 - 1)), max_size=8))
def test_a_contract_sends_no_more_than_it_has(sends: list[tuple[int, int]]) -> None:
    """105 here: what it owns and what the transaction brings. What is refused is not kept, and costs nothing."""
    under_test, left, kept = host(), 105, []
    for request in (sending(*send) for send in sends):
        take = (under_test.post_message, under_test.deploy_contract, under_test.eth_send)
        value = int.from_bytes(request.value, "little")
        index = (PostMessage, DeployContract, EthSend).index(type(request))
        error = take[index](request).error  # type: ignore[operator]
        assert error == (0 if value <= left else 2)
        if not error:
            left -= value
            kept.append(request)
    assert under_test.messages == kept
