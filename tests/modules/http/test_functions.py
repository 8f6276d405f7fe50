"""`lib.rs.request`, as a script's call arrives."""

from __future__ import annotations

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.client import HttpClient
from genvm_replay.modules.http.functions import NAME, RequestLimits, functions_for, read_json
from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.http.signer import Signer

from .servers import KeyHolder, a_session, page, run, serving

CTX = {"host_data": {}}


async def called(handler, options, *, limits=None, operator=False, session=None):
    """The answer to a call, its session and the server."""
    session, holder = session or a_session(), KeyHolder()
    async with serving({"/": handler, "/sign": holder.handle}) as served:
        policy = url_policy(allow_hosts=[] if operator else ["127.0.0.1"])
        hosts = frozenset({f"127.0.0.1:{served.port}"} if operator else ())
        async with HttpClient(policy) as client:
            signer = Signer(served.url("/sign"), {})
            request = functions_for(client, signer, limits=limits, operator_hosts=hosts)[NAME]
            options = {"method": "GET", "url": served.url(), "headers": {}, **options}
            try:
                return await request(session, [CTX, options]), session, served
            except ModuleError as error:
                return error, session, served


def test_the_answer_is_what_scripts_know():
    """Status, headers, body; names and values as strings of Lua, which may be bytes."""
    options = {"method": "post", "headers": {"A": "b", "C": b"d"}, "body": "in"}
    answer, session, served = run(called(page(b"out", status=404), options))
    assert (answer["status"], answer["body"], answer["headers"]["content-type"]) == (
        404,
        b"out",
        b"text/html",
    )
    assert served.requests[0].headers["c"] == "d"
    assert served.bodies == [b"in"]
    [attempt] = session.attempts
    assert attempt.pop("duration_us") > 0
    assert attempt == {"method": "POST", "url": served.url(), "status": 404, "size": 3}


def test_json_is_parsed():
    """And numbers that Lua has not become floats."""
    answer, _, _ = run(called(page(b'{"a": [1, null, 1.5, 36893488147419103232]}'), {"json": True}))
    assert answer["body"] == {"a": [1, None, 1.5, 2.0**65]}


@pytest.mark.parametrize("body", [b"<html>", b"{", b"NaN", b"\xff", b"[" * 100_000, b""])
def test_what_is_no_json_is_told_with_its_status(body):
    """Before the status is looked at, as deployed; what looks at failures finds it in `ctx`."""
    error, _, _ = run(called(page(body, status=503), {"json": True, "error_on_status": True}))
    assert error.causes == ("READING_BODY", "DESERIALIZING")
    assert error.fatal
    assert error.ctx["status"] == 503
    assert error.ctx["body"] == body


def test_a_bad_status_can_be_an_error():
    """With all that came."""
    error, _, _ = run(called(page(b"no", status=429), {"error_on_status": True}))
    assert error.causes == ("STATUS_NOT_OK",)
    assert error.fatal
    assert (error.ctx["status"], error.ctx["body"]) == (429, b"no")
    assert "headers" in error.ctx


def test_limits_can_be_lowered_and_not_raised():
    """`response_body_max_size` in bytes, `timeout` in seconds or as text."""
    limits = RequestLimits(body_size_max=10, timeout_s=5)
    for size, body, good in ((5, b"12345", True), (5, b"123456", False), (99, b"x" * 11, False)):
        answer, _, _ = run(called(page(body), {"response_body_max_size": size}, limits=limits))
        assert isinstance(answer, dict) is good
    for timeout in (1, 0.5, "500ms", "2s"):
        assert isinstance(run(called(page(b""), {"timeout": timeout}))[0], dict)


@pytest.mark.parametrize(
    "options",
    [{"method": "BREW"}, {"method": 1}, {"url": None}, {"headers": "a"}, {"headers": {"a": 1}}, {"body": 1}]
    + [{"timeout": value} for value in (0, -1, "soon", True)] + [{"response_body_max_size": value} for value in (1.5, "1")],
)  # fmt: skip
def test_a_bad_option_is_named(options):
    """No traceback, no guess."""
    error, _, served = run(called(page(b""), options))
    assert error.causes == ("LUA_VALUE",)
    assert f"request.{next(iter(options))}" in error.ctx["error"]
    assert not served.requests


def test_services_of_the_configuration_are_reachable():
    """Though they are on loopback, at any port; so is all with `unfiltered`."""
    assert isinstance(run(called(page(b""), {}, operator=True))[0], dict)
    other = called(page(b""), {"url": "http://127.0.0.1:1/"}, operator=True)
    assert run(other)[0].causes == ("ADDRESS_FORBIDDEN",)
    open_ = called(page(b""), {"url": "http://127.0.0.1:1/", "unfiltered": True}, operator=True)
    assert run(open_)[0].causes == ("SENDING_REQUEST",)


def test_a_signed_request_leaves_what_an_auditor_needs():
    """Salt, time and input of the signature stand among the attempts; the user in a URL doesn't."""
    answer, session, served = run(called(page(b""), {"sign": True}))
    [attempt] = session.attempts
    request = served.requests[-1]
    assert answer["status"] == 200
    assert request.headers["signature"].startswith("genvm=:")
    assert attempt["salt"] == request.headers["genlayer-salt"]
    assert attempt["signature_input"] == request.headers["signature-input"]
    assert attempt["created"] > 1_700_000_000


def test_a_failed_request_is_an_attempt_too():
    """With its codes; nothing secret in its URL."""
    _, session, _ = run(called(page(b""), {"url": "http://user:secret@127.0.0.1:1/"}))
    [attempt] = session.attempts
    assert attempt["error"] == "SENDING_REQUEST"
    assert "secret" not in repr(attempt)


def test_read_json_knows_a_byte_order_mark():
    """Servers send it."""
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
