"""Addresses of hosts."""

from __future__ import annotations

import pytest

from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.host_bridge.transport import Endpoint, Listener, parse_uri

GOOD = [
    ("unix:///run/genvm.sock", Endpoint(path="/run/genvm.sock")),
    ("unix://relative", Endpoint(path="relative")),
    ("127.0.0.1:4000", Endpoint(host="127.0.0.1", port=4000)),
    ("node.example:65535", Endpoint(host="node.example", port=65535)),
    ("[::1]:0", Endpoint(host="::1", port=0)),
]
BAD = [
    "",
    ":",
    ":1",
    "host",
    "host:",
    "host:x",
    "host:+1",
    "host: 1",
    "host:65536",
    "host:999999",
    "unix://",
    "unix://a\0b",
]


@pytest.mark.parametrize(("uri", "endpoint"), GOOD)
def test_addresses(uri: str, endpoint: Endpoint) -> None:
    """Both ways."""
    assert parse_uri(uri) == endpoint
    assert endpoint.uri == uri


@pytest.mark.parametrize("uri", BAD)
def test_what_is_no_address(uri: str) -> None:
    """Says what one looks like."""
    with pytest.raises(UsageError, match="unix:///path/to/socket"):
        parse_uri(uri)


def test_a_taken_port() -> None:
    """An environment problem with the address in its text."""
    first = Listener(parse_uri("localhost:0"))
    with pytest.raises(EnvironmentProblem, match=str(first.endpoint.port)):
        Listener(first.endpoint)
    first.close()
    first.close()
    Listener(first.endpoint).close()
