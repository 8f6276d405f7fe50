"""URLs as scripts split them."""

from __future__ import annotations

import pytest

from genvm_replay.modules.lua.urls import split_url


@pytest.mark.parametrize(
    ("url", "schema", "port", "host"),
    [
        ("http://example.com", "http", None, "example.com"),
        ("HTTPS://EXAMPLE.com:443/a?b#c", "https", None, "example.com"),
        ("http://example.com:443/", "http", 443, "example.com"),
        ("http://example.com:80/", "http", None, "example.com"),
        ("http://user:pass@example.com:8080/", "http", 8080, "example.com"),
        ("http://10.0.0.1/", "http", None, "10.0.0.1"),
        ("http://[::1]:81/", "http", 81, "[::1]"),
        ("http://[0:0:0:0:0:0:0:1]/", "http", None, "[::1]"),
        ("http://münchen.de/ü?ö", "http", None, "xn--mnchen-3ya.de"),
        ("http://example.com./", "http", None, "example.com."),
        ("ftp://example.com/x", "ftp", None, "example.com"),
        ("file:///etc/passwd", "file", None, ""),
        ("mailto:a@b.c", "mailto", None, ""),
        ("javascript:alert(1)", "javascript", None, ""),
    ],
)
def test_an_absolute_url_is_split(url, schema, port, host):
    """Lower-case, the scheme's own port is nil, brackets stay (spec/manager-modules.md 4.2)."""
    assert split_url(url) == {"schema": schema, "port": port, "host": host}


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com/", "/path", "http://", "http:///x", "http://exa mple.com", "http://a\\@b.com/",
        "http://example.com:99999/", "http://example.com:x/", "http://[::1/", "http://ex%61mple.com/", "http://a\tb.com/",
        "http://exämple..com/", "http://a.com\n/", "1http://a.com", "http://a<b>.com/", "http://\ud800.com/",
    ],
)  # fmt: skip
def test_what_readers_understand_differently_is_no_url(url):
    """Two programs that read one text as two hosts are how a rule is passed by."""
    assert split_url(url.encode("utf-8", "surrogatepass")) is None
