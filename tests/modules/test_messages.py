"""The messages of the modules' protocol, read from calldata."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay import calldata
from genvm_replay.errors import PeerProtocolError
from genvm_replay.modules import messages
from genvm_replay.modules.messages import GetStats, Prompt, PromptTemplate, Render, Request

HOST_DATA = {"node_address": "0x01", "tx_id": "0x02", "studio_llm_id": "node-1"}
GOOD = [
    ("GetStats", GetStats()),
    (
        {"Prompt": {"payload": {"prompt": "Hi"}, "remaining_fuel_as_gen": 7}},
        Prompt("Hi", "text", (), 7),
    ),
    (
        {"Prompt": {"payload": {"prompt": "Hi", "response_format": "json", "images": [b"a"]}, "remaining_fuel_as_gen": 0}},
        Prompt("Hi", "json", (b"a",), 0),
    ),
    (
        {"PromptTemplate": {"payload": {"template": "EqComparative", "leader_answer": "a", "validator_answer": "b", "principle": "c"}, "remaining_fuel_as_gen": 2**53 - 1}},
        PromptTemplate("EqComparative", {"leader_answer": "a", "validator_answer": "b", "principle": "c"}, 2**53 - 1),
    ),
    ({"Render": {"mode": "html", "url": "u", "wait_after_loaded": "2s"}}, Render("html", "u", 2000)),
    ({"Render": {"mode": "text", "url": "u", "wait_after_loaded": None}}, Render("text", "u", 0)),
    ({"Request": {"method": "GET", "url": "u", "headers": {"a": b"b"}}}, Request("GET", "u", {"a": b"b"}, None, False)),
    (
        {"Request": {"method": "PATCH", "url": "u", "headers": {}, "body": b"x", "sign": True}},
        Request("PATCH", "u", {}, b"x", True),
    ),
]  # fmt: skip
BAD = [
    ("Prompt", "a message is one name"),
    ({"Prompt": {}, "Render": {}}, "one name as its key"),
    ({"Ask": {}}, "no message has the name 'Ask'"),
    ({"Prompt": []}, "Prompt: a map is wanted"),
    ({"Prompt": {"payload": {"prompt": "Hi"}}}, "remaining_fuel_as_gen is missing"),
    ({"Prompt": {"payload": {"prompt": "Hi"}, "remaining_fuel_as_gen": -1}}, "is not in 0"),
    ({"Prompt": {"payload": {"prompt": 1}, "remaining_fuel_as_gen": 1}}, "Prompt.payload.prompt: str is wanted"),
    ({"Prompt": {"payload": {"prompt": "", "response_format": "bool"}, "remaining_fuel_as_gen": 1}}, "none of text, json"),
    ({"Prompt": {"payload": {"prompt": "", "images": ["a"]}, "remaining_fuel_as_gen": 1}}, "a list of bytes"),
    ({"Prompt": {"payload": {"prompt": "", "seed": 1}, "remaining_fuel_as_gen": 1}}, "no field has the name 'seed'"),
    ({"PromptTemplate": {"payload": {"template": "Eq"}, "remaining_fuel_as_gen": 1}}, "none of EqComparative"),
    ({"Render": {"mode": "pdf", "url": "u"}}, "none of text, html, screenshot"),
    ({"Render": {"mode": "text", "url": "u", "wait_after_loaded": "2m"}}, "is not digits with s or ms"),
    ({"Request": {"method": "TRACE", "url": "u", "headers": {}}}, "none of GET"),
    ({"Request": {"method": "GET", "url": "u", "headers": {"a": "b"}}}, "Request.headers.a: bytes is wanted"),
    ({"Request": {"method": "GET", "url": "u", "headers": {}, "sign": 1}}, "Request.sign: bool is wanted"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "message"), GOOD)
def test_a_message_is_read(value, message):
    """Each message of the protocol, with its defaults."""
    assert messages.read_message(calldata.encode(value)) == message


@pytest.mark.parametrize(("value", "text"), BAD)
def test_a_malformed_message_is_refused_by_its_field(value, text):
    """The text names the field that is off."""
    with pytest.raises(PeerProtocolError, match=text):
        messages.read_message(calldata.encode(value))


@given(st.binary(max_size=60))
def test_garbage_is_a_message_or_a_protocol_error(frame):
    """Nothing else comes out of any bytes."""
    for read in (messages.read_hello, messages.read_message):
        with suppress(PeerProtocolError):
            read(frame)


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"genvm_id": 7}, "7"),
        ({"cookie": "ab"}, "ab"),
        ({"genvm_id": 7, "cookie": "ab", "role": "Leader"}, "7"),
    ],
)
def test_a_hello_of_each_version_is_read(extra, name):
    """`cookie` of the oldest, `genvm_id` of the others; what is not known is kept for scripts."""
    hello = messages.read_hello(calldata.encode({"host_data": HOST_DATA, **extra}))
    assert (hello.name, hello.host_data, hello.attempts) == (name, HOST_DATA, False)
    assert hello.fields == {"host_data": HOST_DATA, **extra}


def test_a_hello_may_ask_for_attempts():
    """Our executor asks inside `host_data`, where other modules ignore it."""
    host_data = {**HOST_DATA, messages.ASKS: {"attempts": True, "keep_raw": True}}
    hello = messages.read_hello(calldata.encode({"genvm_id": 1, "host_data": host_data}))
    assert hello.attempts
    assert hello.keep_raw


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "a map with host_data"),
        ({"genvm_id": 1}, "a map with host_data"),
        ({"genvm_id": 1, "host_data": {"node_address": "a"}}, "host_data.tx_id"),
        ({"host_data": HOST_DATA}, "names the run"),
        ({"genvm_id": True, "host_data": HOST_DATA}, "names the run"),
    ],
)
def test_a_malformed_hello_is_refused(value, text):
    """The connection is then dropped (spec/manager-modules.md 1.1)."""
    with pytest.raises(PeerProtocolError, match=text):
        messages.read_hello(calldata.encode(value))
