"""What a transaction leaves behind: coins are neither made nor lost, and nonces count."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.journal.delta import Account
from genvm_replay.journal.events import EthSend, PostMessage, StorageWrite
from genvm_replay.journal.run import Message
from genvm_replay.journal.state import DatabaseState
from genvm_replay.replay.state_change import StateRead, change, failed_change

CONTRACT, SENDER, OTHER = (bytes([number]) * 20 for number in (1, 2, 3))
HELD = {CONTRACT: Account(50, 0), SENDER: Account(10, 4), OTHER: Account(1, 0)}


class State:
    """Committed state in a dict."""

    def account(self, address: bytes) -> Account:
        return HELD[address]

    def contract_version(self, address: bytes) -> int | None:
        return 1 if address == CONTRACT else None

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b""


def message(sender: bytes, value: int) -> Message:
    return Message(CONTRACT, sender, SENDER, "61999", value, is_init=False, datetime="2026-01-01T00:00:00Z")


SENDS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([CONTRACT, SENDER, OTHER]), st.integers(0, 40)), max_size=6
)


@given(st.sampled_from([CONTRACT, SENDER]), st.integers(0, 30), SENDS)
def test_coins(sender: bytes, value: int, sends: list[tuple[bool, bytes, int]]) -> None:
    """All balances and what is on its way are what was there and what came in, whoever sends to whom."""
    read = StateRead(cast("DatabaseState", State()))
    host = LocalHost(read, CONTRACT, b"", value)
    on_its_way = 0
    for to_ethereum, to, amount in sends:
        raw = amount.to_bytes(32, "little")
        if to_ethereum:
            host.eth_send(EthSend(to, b"", raw))
        elif not host.post_message(PostMessage(to, b"\x06", raw, "finalized")).error:
            on_its_way += amount
    delta = change(message(sender, value), host, read)
    after = {**HELD, **delta.accounts}
    assert sum(held.balance for held in after.values()) + on_its_way == 61 + value
    assert all(held.balance >= 0 for held in after.values())
    nonces = {who: held.nonce - HELD[who].nonce for who, held in after.items()}
    assert {who: count for who, count in nonces.items() if count} == {sender: 1}
    assert delta.accounts.keys() <= read.accounts.keys(), "what changes was read, so that a conflict is seen"


def test_storage_and_failure() -> None:
    """Pages of a transaction that returned; after a failure nothing but the nonce."""
    read = StateRead(cast("DatabaseState", State()))
    host = LocalHost(read, CONTRACT, b"", 5)
    host.storage_write(StorageWrite(bytes(32), 0, b"x"))
    assert list(change(message(SENDER, 5), host, read).pages.values()) == [b"x"]
    failed = failed_change(message(SENDER, 5), read)
    assert (failed.pages, failed.accounts) == ({}, {SENDER: Account(10, 5)})
