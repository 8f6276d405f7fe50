"""Where redirects lead."""

from __future__ import annotations

import pytest
from yarl import URL

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.order import HttpOrder
from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.http.redirects import REDIRECTS, next_hop

HERE = "https://a.com/x/y?z"
POLICY = url_policy()
METHODS = {  # RFC 9110 section 15.4, and what browsers do
    ("POST", 301): "GET",
    ("POST", 302): "GET",
    ("POST", 303): "GET",
    ("DELETE", 303): "GET",
    ("PATCH", 303): "GET",
    ("GET", 303): "GET",
    ("HEAD", 303): "HEAD",
}


def hop(location, method="GET", status=302, **headers):
    order = HttpOrder(method, HERE, {name.replace("_", "-"): value for name, value in headers.items()}, b"in")
    return next_hop(order, URL(HERE), status, location, policy=POLICY)


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PATCH"])
def test_the_method_and_the_body(method, status):
    """A body goes along where the method stays."""
    found = hop(b"/b", method, status, content_type=b"text/x")
    assert found.method == METHODS.get((method, status), method)
    changed = METHODS.get((method, status)) == "GET"
    assert (found.body, "content-type" in found.headers) == ((None, False) if changed else (b"in", True))


@pytest.mark.parametrize(
    ("location", "url"),
    [(b"b", "https://a.com/x/b"), (b"/b?c", "https://a.com/b?c"), (b"//b.org", "https://b.org"), (b"", HERE)],
)
def test_a_relative_place(location, url):
    """Is resolved (RFC 3986 section 5)."""
    assert URL(hop(location).url) == URL(url)


@pytest.mark.parametrize(
    ("location", "code"),
    [
        (b"http://a.com/", "SCHEMA_FORBIDDEN"),
        (b"https://a.com:8443/", "PORT_FORBIDDEN"),
        (b"https://a.nosuch/", "TLD_FORBIDDEN"),
        (b"https://[", "MALFORMED_URL"),
        (b"data:text/html,x", "SCHEMA_FORBIDDEN"),
    ],
)
def test_where_no_redirect_leads(location, code):
    """From https to http in no case, else by the rules."""
    with pytest.raises(ModuleError, match=code):
        hop(location)


def test_what_belongs_to_one_host_or_one_request():
    """Secrets stay with their host, a signature with its request."""
    headers = {
        "authorization": b"1",
        "x_api_key": b"2",
        "genlayer_salt": b"3",
        "signature_input": b"4",
        "x_a": b"5",
    }
    assert set(hop(b"/b", **headers).headers) == {"authorization", "x-api-key", "x-a"}
    assert set(hop(b"https://b.com/", **headers).headers) == {"x-a"}
