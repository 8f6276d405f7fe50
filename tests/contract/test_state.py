"""What every store promises of the local node's state: pages, versions, accounts, conflicts, snapshots."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from genvm_replay.errors import JournalError, UsageError
from genvm_replay.journal.delta import PAGE_BYTES, Account, PageKey, StateConflict, StateDelta
from genvm_replay.journal.store import Store
from tests.journal.samples import record

from .conftest import Open

RUN = record({})
ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
SLOT = b"\x51" * 32
KEY = PageKey(ALICE, SLOT, 0)


def test_nothing_yet(store: Store) -> None:
    """Storage is zeros, accounts are empty, contracts have no version."""
    assert store.state.read_page(ALICE, SLOT, 0) == bytes(PAGE_BYTES)
    assert store.state.contract_version(ALICE) is None
    assert store.state.account(ALICE) == (0, 0)
    assert store.state.contracts() == []
    assert list(store.state.pages(ALICE)) == []


def test_a_delta_is_stored_with_its_run(store: Store) -> None:
    """Pages, versions and accounts."""
    last = PageKey(ALICE, SLOT, 2**20 - 1)
    delta = StateDelta(
        pages={KEY: b"first", last: b"\xff" * PAGE_BYTES},
        deployed=(BOB,),
        accounts={ALICE: Account(2**256 - 1, 7)},
    )
    store.commit(
        RUN, state=delta, expected_versions={ALICE: None, BOB: None}, expected_accounts={ALICE: Account(0, 0)}
    )
    assert store.state.read_page(*KEY) == b"first".ljust(PAGE_BYTES, b"\0")
    assert store.state.read_page(*last) == b"\xff" * PAGE_BYTES
    assert store.state.account(ALICE) == (2**256 - 1, 7)
    assert store.state.contracts() == [ALICE, BOB]
    assert [key for key, _ in store.state.pages(ALICE)] == [KEY, last]
    assert (store.state.contract_version(ALICE), store.state.contract_version(BOB)) == (1, 1)
    store.commit(RUN, state=StateDelta(pages={KEY: b"second"}), expected_versions={ALICE: 1, BOB: 1})
    assert (store.state.contract_version(ALICE), store.state.contract_version(BOB)) == (2, 1)


def test_conflict_between_two_stores(opened: Open, store: Store) -> None:
    """The second of two runs that read the same state is refused whole."""
    delta = StateDelta(pages={KEY: b"mine"}, accounts={ALICE: Account(1, 1)})
    other = opened()
    seen = store.state.contract_version(ALICE)
    assert seen is other.state.contract_version(ALICE) is None
    other.commit(RUN, state=StateDelta(pages={KEY: b"theirs"}), expected_versions={ALICE: seen})
    with pytest.raises(
        StateConflict, match="another process changed it; run the transaction again"
    ) as caught:
        store.commit(record({}), state=delta, expected_versions={ALICE: seen})
    found = caught.value
    assert (found.address, found.field, found.expected, found.actual) == (ALICE, "version", None, 1)
    assert store.state.read_page(*KEY).startswith(b"theirs")
    assert store.state.account(ALICE) == (0, 0)
    assert len(store.list_runs()) == 1
    store.commit(RUN, state=delta, expected_versions={ALICE: 1})
    assert store.state.read_page(*KEY).startswith(b"mine")


CONFLICTS: list[tuple[dict[str, Any], str]] = [
    ({"expected_versions": {BOB: 1}}, "version"),
    ({"expected_versions": {ALICE: 2}}, "version"),
    ({"expected_versions": {ALICE: None}}, "version"),
    ({"expected_accounts": {ALICE: Account(1, 0)}}, "account"),
    ({"expected_accounts": {ALICE: Account(0, 1)}}, "account"),
]


def test_conflicts(store: Store) -> None:
    """Also for contracts and accounts that were only read, and for runs that change nothing."""
    store.commit(RUN, state=StateDelta(deployed=(ALICE,)))
    for expected, field in CONFLICTS:
        with pytest.raises(StateConflict) as caught:
            store.commit(RUN, **expected)
        assert caught.value.field == field
    assert len(store.list_runs()) == 1


def test_snapshot(opened: Open, store: Store) -> None:
    """Reads inside see one state, and nobody is held up by them."""
    store.commit(RUN, state=StateDelta(pages={KEY: b"old"}))
    other = opened()
    with store.state.snapshot():
        assert store.state.read_page(*KEY).startswith(b"old")
        other.commit(RUN, state=StateDelta(pages={KEY: b"new"}))
        assert store.state.read_page(*KEY).startswith(b"old")
        assert store.state.contract_version(ALICE) == 1
        with pytest.raises(UsageError, match="end the snapshot"):
            store.commit(RUN)
    assert store.state.read_page(*KEY).startswith(b"new")
    store.commit(RUN)


def test_too_large_a_page(store: Store) -> None:
    """Refused; nothing is written."""
    with pytest.raises(JournalError, match="4097"):
        store.commit(RUN, state=StateDelta(pages={KEY: b"x" * (PAGE_BYTES + 1)}))
    assert store.list_runs() == []


def test_drop(store: Store) -> None:
    """The state goes, the runs stay."""
    run_id = store.commit(
        RUN, state=StateDelta(pages={KEY: b"a"}, deployed=(BOB,), accounts={ALICE: Account(1, 1)})
    )
    store.state.drop()
    assert store.state.contracts() == []
    assert store.state.account(ALICE) == (0, 0)
    assert store.state.read_page(*KEY) == bytes(PAGE_BYTES)
    store.verify_run(run_id)


class StateAgainstDict(RuleBasedStateMachine):
    """Any sequence of commits leaves what a dict would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.store = STORES.pop()
        self.store.state.drop()
        self.pages: dict[PageKey, bytes] = {}
        self.versions: dict[bytes, int] = {}

    @rule(
        changes=st.dictionaries(
            st.builds(PageKey, st.sampled_from([ALICE, BOB]), st.just(SLOT), st.integers(0, 2)),
            st.sampled_from([b"", b"\0", b"x", b"y\0", b"\0z", b"w" * PAGE_BYTES]),
            max_size=4,
        )
    )
    def commit(self, changes: dict[PageKey, bytes]) -> None:
        expected = {address: self.versions.get(address) for address in (ALICE, BOB)}
        self.store.commit(RUN, state=StateDelta(pages=changes), expected_versions=expected)
        self.pages.update(changes)
        for address in {key.address for key in changes}:
            self.versions[address] = self.versions.get(address, 0) + 1

    @invariant()
    def equal(self) -> None:
        for address in (ALICE, BOB):
            assert self.store.state.contract_version(address) == self.versions.get(address)
            for page in range(3):
                key = PageKey(address, SLOT, page)
                assert self.store.state.read_page(*key) == self.pages.get(key, b"").ljust(PAGE_BYTES, b"\0")

    def teardown(self) -> None:
        STORES.append(self.store)


STORES: list[Store] = []


def test_any_sequence_of_commits(store: Store) -> None:
    """See `StateAgainstDict`."""
    from hypothesis.stateful import run_state_machine_as_test

    STORES.append(store)
    run_state_machine_as_test(
        StateAgainstDict, settings=settings(max_examples=15, stateful_step_count=8, deadline=None)
    )
