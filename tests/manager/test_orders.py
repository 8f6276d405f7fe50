"""Both forms of a request to run, read the same way; what is malformed is refused by its name."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay import calldata
from genvm_replay.calldata import Address
from genvm_replay.errors import UsageError
from genvm_replay.manager.orders import DEADLINE_DEFAULT_S, DEADLINE_MAX_S, read_order

from .nodes import CONTRACT, MOMENT, SENDER, fields

HOST = "unix:///tmp/node"


def as_json(**changes: object) -> bytes:
    return json.dumps(fields(HOST, **changes)).encode()


def as_calldata(**changes: object) -> bytes:
    """As nodes of the later releases send it: addresses as such, a number as chain id, bytes as bytes."""
    message = {
        "contract_address": Address(CONTRACT),
        "sender_address": Address(SENDER),
        "origin_address": SENDER,
        "chain_id": 61999,
        "value": 0,
        "is_init": False,
        "datetime": MOMENT,
    }
    host_data = {"node_address": "0x1", "tx_id": "0x2"}
    return calldata.encode(fields(HOST, message=message, host_data=host_data) | changes)


def test_both_forms_say_the_same() -> None:
    """JSON with base64 and a text of host data, calldata with bytes and a map: one order."""
    more = {"calldata": b"\x01\x02", "code": b"# code", "leader_nondet_results": [b"\x00\x04"]}
    encoded = {
        name: base64.b64encode(data).decode() for name, data in more.items() if isinstance(data, bytes)
    }
    encoded["leader_nondet_results"] = [base64.b64encode(b"\x00\x04").decode()]
    first, second = read_order(as_json(**encoded)), read_order(as_calldata(**more))
    assert first == second
    assert first.calldata == b"\x01\x02"
    assert first.leader_nondet_results == (b"\x00\x04",)
    assert first.message["contract_address"] == base64.b64encode(CONTRACT).decode()
    assert (first.permits, first.timestamp) == (1, MOMENT)


def test_what_is_absent_or_null_is_the_default() -> None:
    """The few fields that every release sends are enough; fields of other releases are let pass."""
    order = read_order(
        as_json(is_sync=None, capture_output=None, extra_args=None, timestamp=None, total_fees=7, debug=[])
    )
    assert (order.is_sync, order.capture_output, order.extra_args) == (False, False, ())
    assert (order.deadline_s, order.permissions, order.permits) == (DEADLINE_DEFAULT_S, "rwscn", 2)
    assert order.timestamp == MOMENT, "that of the message"


@pytest.mark.parametrize(
    ("changes", "deadline_s"),
    [
        ({"max_execution_minutes": 2}, 120.0),
        ({"deadline": 1.5}, 1.5),
        ({"max_execution_minutes": 50, "deadline": 3}, 3.0),
        ({"deadline": 10**9}, DEADLINE_MAX_S),
    ],
)
def test_deadlines(changes: dict, deadline_s: float) -> None:
    """Minutes or seconds, the more exact one counts; a day at most."""
    assert read_order(as_json(**changes)).deadline_s == deadline_s


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("major", "0"),
        ("major", -1),
        ("major", True),
        ("major", None),
        ("message", []),
        ("message", {}),
        ("is_sync", 1),
        ("capture_output", "yes"),
        ("max_execution_minutes", 0),
        ("max_execution_minutes", "1"),
        ("deadline", -1),
        ("host_data", "no JSON"),
        ("host_data", '{"tx_id": "0"}'),
        ("host_data", 7),
        ("timestamp", "yesterday"),
        ("timestamp", 7),
        ("host", "nowhere"),
        ("host", 7),
        ("host", None),
        ("extra_args", "--sync"),
        ("extra_args", [7]),
        ("extra_args", ["a\0b"]),
        ("calldata", "not base64!"),
        ("calldata", 7),
        ("code", {}),
        ("host_genvm_id", ""),
        ("host_genvm_id", [1]),
        ("permissions", "rx"),
        ("permissions", 7),
        ("leader_nondet_results", "AA=="),
        ("leader_nondet_results", ["?"]),
        ("leader_nondet_results", {"1": "AA=="}),
        ("storage_pages", -1),
        ("debug_mode", 0),
    ],
)
def test_what_is_malformed_is_named(name: str, value: object) -> None:
    """In both forms, where both can say it."""
    with pytest.raises(UsageError, match=name):
        read_order(as_json(**{name: value}))
    if isinstance(value, str) and name in ("calldata", "code", "leader_nondet_results"):
        return
    with pytest.raises(UsageError, match=name):
        read_order(as_calldata(**{name: value}) if not isinstance(value, float) else as_json(**{name: value}))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xff", calldata.encode([1]), b'{"major": NaN}']
)
def test_other_bodies_are_refused(body: bytes) -> None:
    """Neither JSON object nor a map of calldata."""
    with pytest.raises(UsageError):
        read_order(body)


@given(st.binary(max_size=200))
def test_bytes_give_an_order_or_a_refusal(body: bytes) -> None:
    """Nothing else."""
    for begin in (b"", b"{", b'{"message": '):
        with pytest.raises(UsageError):
            read_order(begin + body)


@pytest.mark.parametrize("name", ["deadline", "max_execution_minutes"])
@pytest.mark.parametrize("value", [10**400, 1e300, 86400])
def test_a_deadline_of_any_length_is_a_day_at_most(name: str, value: float) -> None:
    assert read_order(as_json(**{name: value})).deadline_s == DEADLINE_MAX_S


HALF = "\ud800"


@pytest.mark.parametrize(
    "changes",
    [
        {"host": f"unix:///{HALF}"},
        {"host_genvm_id": HALF},
        {"host_data": {"node_address": HALF, "tx_id": "1"}},
        {"host_data": json.dumps({"node_address": "1", "tx_id": HALF})},
        {HALF: 1},
    ],
    ids=["host", "key", "object", "text", "name"],
)
def test_half_a_character_is_none(changes: dict) -> None:
    """It could be neither stored nor handed on."""
    with pytest.raises(UsageError, match="is no JSON"):
        read_order(as_json(**changes))


def test_an_escaped_pair_is_a_character() -> None:
    assert read_order(as_json(host_genvm_id="\U0001f600")).idempotency_key == "\U0001f600"
