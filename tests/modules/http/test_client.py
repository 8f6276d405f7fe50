"""The HTTP client against servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import os

import brotli
import pytest
from aiohttp import web

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.client import HttpClient
from genvm_replay.modules.http.order import HttpOrder
from genvm_replay.modules.http.policy import url_policy

from .servers import Names, page, redirect, run, serving

LOCAL = url_policy(allow_hosts=["127.0.0.1"])
PUBLIC = url_policy()


async def asked(pages, path="/", *, policy=LOCAL, host="127.0.0.1", names=None, allow_private=False, **order):
    """The reply or the error, and the server with what it got."""
    async with (
        serving(pages) as served,
        HttpClient(policy, resolver=names, allow_private=allow_private) as client,
    ):
        order = {"method": "GET", **order, "url": order.get("url") or served.url(path, host)}
        try:
            return await client.request(HttpOrder(**order)), served
        except ModuleError as error:
            return error, served


def test_a_reply_has_status_headers_and_body():
    """Any status is a success; names in lower case, the last of equal ones."""

    async def handle(request):
        response = web.Response(status=503, body=b"down")
        response.headers.extend([("X-A", "1"), ("x-a", "2")])
        return response

    reply, served = run(asked({"/": handle}, method="POST", body=b"in", headers={"A": b"b", "Host": b"evil"}))
    assert (reply.status, reply.body, reply.headers["x-a"]) == (503, b"down", b"2")
    [request] = served.requests
    assert request.method == "POST"
    assert served.bodies == [b"in"]
    assert request.headers["a"] == "b"
    assert request.headers["host"] == f"127.0.0.1:{served.port}"


def test_compressed_bodies_arrive_plain():
    """Without the headers that told of it."""
    reply, _ = run(asked({"/": page(brotli.compress(b"hello"), content_encoding="br")}))
    assert reply.body == b"hello"
    assert not reply.headers.keys() & {"content-encoding", "content-length"}
    reply, _ = run(asked({"/": page(b"hello", content_encoding="unheard-of")}))
    assert reply.body == b"hello"
    assert reply.headers["content-encoding"] == b"unheard-of"


def test_a_wrong_charset_changes_nothing():
    """A body is bytes."""
    reply, _ = run(asked({"/": page("grüß".encode("latin-1"), content_type="text/html; charset=utf-7")}))
    assert reply.body == b"gr\xfc\xdf"


async def endless(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(500):
        await response.write(b"x" * 100_000)
    return response


async def never(request):
    await asyncio.sleep(3600)


async def cut_short(request):
    response = web.StreamResponse(headers={"content-length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("handler", "order", "causes"),
    [
        (endless, {}, ("READING_BODY", "TOO_LARGE")),
        (page(b"12345"), {"body_size_max": 4}, ("READING_BODY", "TOO_LARGE")),
        (page(gzip.compress(b"\0" * (50 << 20)), content_encoding="gzip"), {}, ("READING_BODY", "TOO_LARGE")),
        (page(b"no gzip", content_encoding="gzip"), {}, ("READING_BODY",)),
        (cut_short, {}, ("READING_BODY",)),
        (never, {"timeout_s": 0.2}, ("SENDING_REQUEST", "TIMEOUT")),
        (page(b""), {"headers": {"a": b"b\r\nc: d"}}, ("SENDING_REQUEST",)),
        (page(b""), {"headers": {"a": b"\xff"}}, ("SENDING_REQUEST",)),
        (page(b""), {"headers": {"host:evil": b"x"}}, ("SENDING_REQUEST",)),
        (page(b""), {"headers": {"Transfer-Encoding ": b"chunked"}}, ("SENDING_REQUEST",)),
        (page(b""), {"headers": {"": b"x"}}, ("SENDING_REQUEST",)),
        (page(b""), {"headers": {"\u00e9": b"x"}}, ("SENDING_REQUEST",)),
        (redirect("/"), {}, ("SENDING_REQUEST", "TOO_MANY_REDIRECTS")),
        (page(b""), {"url": "http://127.0.0.1:1/"}, ("SENDING_REQUEST",)),
        (page(b""), {"url": "http://no-such-name.invalid/"}, ("SENDING_REQUEST",)),
        (page(b""), {"url": "nothing"}, ("MALFORMED_URL",)),
    ],
)  # fmt: skip
def test_faults_have_their_codes(handler, order, causes):
    """50 MB of body, a decompression bomb, damage, a slow server, bad headers, nobody there: none is waited out."""
    error, _ = run(asked({"/": handler}, **order))
    assert isinstance(error, ModuleError)
    assert error.causes == causes
    assert error.fatal == (causes != ("MALFORMED_URL",))


@pytest.mark.parametrize(
    ("handler", "order"), [(never, {"timeout_s": 0.1}), (redirect("/"), {}), (cut_short, {})]
)
def test_no_error_tells_a_password(handler, order):
    """That of a URL, which may be an operator's service."""

    async def scenario():
        async with serving({"/": handler}) as served, HttpClient(None) as client:
            url = served.url("/").replace("//", "//user:secret@")
            with pytest.raises(ModuleError) as caught:
                await client.request(HttpOrder("GET", url, **order))
            return caught.value.to_text()

    text = run(scenario())
    assert "http://127.0.0.1" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://example.com:8080/", "PORT_FORBIDDEN"),
        ("http://10.0.0.1/", "TLD_FORBIDDEN"),
        ("http://localhost/", "TLD_FORBIDDEN"),
        ("file:///etc/passwd", "SCHEMA_FORBIDDEN"),
        ("http://[::1", "MALFORMED_URL"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(location, code):
    """The contract gets the rule's code and may go on."""
    error, _ = run(asked({"/": redirect(location)}))
    assert isinstance(error, ModuleError)
    assert (error.causes, error.fatal) == ((code,), False)


def test_redirects_change_the_request_as_http_says():
    """RFC 9110 section 15.4: 303 and old ways become GET without a body; 307 stays; a relative place is resolved."""
    pages = {
        "/303": redirect("end", 303),
        "/302": redirect("/end"),
        "/307": redirect("/end", 307),
        "/end": page(b"!"),
    }
    for status, method, body in ((303, "GET", b""), (302, "GET", b""), (307, "POST", b"in")):
        order = {"method": "POST", "body": b"in", "headers": {"content-type": b"text/x"}}
        reply, served = run(asked(pages, f"/{status}", **order))
        assert reply.body == b"!"
        assert (served.requests[-1].method, served.bodies[-1]) == (method, body)
        assert ("content-type" in served.requests[-1].headers) == bool(body)


def test_another_host_gets_no_secrets():
    """Nor does the same host on another port."""

    async def scenario():
        async with serving({"/": page(b"there")}) as other, serving({"/": redirect(other.url())}):
            pass
        async with serving({"/": page(b"there")}) as other:
            headers = {"Authorization": b"Bearer 1", "Cookie": b"a=b", "x-api-key": b"k", "x-plain": b"p"}
            async with serving({"/": redirect(other.url())}) as first, HttpClient(LOCAL) as client:
                await client.request(HttpOrder("GET", first.url(), headers))
            return first.requests[0].headers, other.requests[0].headers

    sent, received = run(scenario())
    assert sent["authorization"] == "Bearer 1"
    assert received["x-plain"] == "p"
    assert not {name.lower() for name in received} & {"authorization", "cookie", "x-api-key"}


PRIVATE = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "192.168.0.1", "224.0.0.1", "0.0.0.0", "::1",
           "::ffff:127.0.0.1", "fe80::1", "fc00::1", "64:ff9b::7f00:1", "2002:7f00:1::"]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_refused(address):
    """Whatever form the address has."""
    names = Names(a_com=[address])
    error, served = run(asked({"/": page(b"secret")}, policy=PUBLIC, host="a.com", names=names))
    assert isinstance(error, ModuleError)
    assert (error.causes, error.fatal) == (("ADDRESS_FORBIDDEN",), False)
    assert not served.requests


def test_a_private_address_in_a_url_is_refused():
    """There is no name to look up, and the check is not left out."""
    error, served = run(asked({"/": page(b"secret")}, policy=PUBLIC))
    assert error.causes == ("ADDRESS_FORBIDDEN",)
    assert not served.requests


def test_a_name_that_changes_its_address_gains_nothing():
    """DNS re-binding: what is checked is the address of the connection, look-up by look-up."""

    async def scenario():
        names = Names(rebind_com=["::ffff:192.0.2.1", "127.0.0.1"])
        causes = []
        async with serving({"/": page(b"secret")}) as served, HttpClient(PUBLIC, resolver=names) as client:
            for _ in range(3):
                with pytest.raises(ModuleError) as caught:
                    await client.request(HttpOrder("GET", served.url(host="rebind.com"), timeout_s=2))
                causes.append(caught.value.causes[0])
        return causes, served.requests, names.asked

    causes, requests, looked_up = run(scenario())
    assert causes == ["ADDRESS_FORBIDDEN"] * 3
    assert not requests
    assert len(looked_up) == 3


def test_private_addresses_can_be_allowed():
    """For a host by its name, or for all of them."""
    pages = {"/": page(b"fine")}
    names = {"in_lan": ["127.0.0.1"]}
    for policy, allow in ((url_policy(allow_hosts=["in.lan"]), False), (PUBLIC, True)):
        reply, _ = run(asked(pages, policy=policy, host="in.lan", names=Names(**names), allow_private=allow))
        assert reply.body == b"fine"


def test_an_allowed_host_may_not_lend_its_freedom():
    """It redirects to a name at a private address: that one is filtered."""

    async def scenario():
        names = Names(ok_lan=["127.0.0.1"], bad_com=["127.0.0.1"])
        pages = {"/": redirect("http://bad.com/")}
        policy = url_policy(allow_hosts=["ok.lan"])
        async with serving(pages) as served, HttpClient(policy, resolver=names) as client:
            with pytest.raises(ModuleError, match="ADDRESS_FORBIDDEN"):
                await client.request(HttpOrder("GET", served.url(host="ok.lan")))

    run(scenario())


def test_an_unfiltered_request_goes_anywhere():
    """The operator's own services; redirects as well."""
    reply, _ = run(asked({"/": redirect("/b"), "/b": page(b"fine")}, policy=PUBLIC, unfiltered=True))
    assert reply.body == b"fine"
    reply, _ = run(asked({"/": page(b"fine")}, policy=None))
    assert reply.body == b"fine"


def test_many_requests_leave_nothing_open():
    """A hundred at a time, half of them failing: no connection is left after."""

    async def scenario():
        before = len(os.listdir("/proc/self/fd"))
        async with serving({"/": page(b"fine"), "/cut": cut_short}) as served, HttpClient(LOCAL) as client:
            orders = [HttpOrder("GET", served.url("/cut" if n % 2 else "/")) for n in range(400)]
            for start in range(0, 400, 100):
                done = await asyncio.gather(
                    *(client.request(order) for order in orders[start : start + 100]),
                    return_exceptions=True,
                )
                assert [isinstance(reply, ModuleError) for reply in done] == [False, True] * 50
        for _ in range(100):  # transports close in the loop's next rounds
            await asyncio.sleep(0)
        return len(os.listdir("/proc/self/fd")) - before

    assert run(scenario()) <= 0
