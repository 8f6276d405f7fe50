"""The rules for URLs, and their codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.policy import URL_SIZE_MAX, url_policy

POLICY = url_policy(extra_domains=["Internal", ".lan"], allow_hosts=["Localhost", "127.0.0.1"])
GOOD = [
    "http://example.com",
    "https://example.com:443/a?b#c",
    "http://example.com:80/",
    "https://example.com:80/",
    "HTTP://EXAMPLE.COM/",
    " http://example.com ",
    "http://пример.рф/",
    "http://xn--e1afmkfd.xn--p1ai/",
    "http://com/",
    "http://a.internal/",
    "http://a.lan/",
    "http://localhost:8080/",
    "http://LOCALHOST/",
    "http://127.0.0.1:1/",
    "http://user:password@example.com/",
]
BAD = [
    ("", "MALFORMED_URL", {"url": ""}),
    ("example.com", "MALFORMED_URL", {"url": "example.com"}),
    ("//example.com", "MALFORMED_URL", {"url": "//example.com"}),
    ("http:///a", "MALFORMED_URL", {"url": "http:///a"}),
    ("http://[::1", "MALFORMED_URL", {"url": "http://[::1"}),
    ("http://a.com:99999/", "MALFORMED_URL", {"url": "http://a.com:99999/"}),
    ("http://a.com/\r\nX: y", "MALFORMED_URL", {"url": "http://a.com/\r\nX: y"}),
    ("ftp://example.com:21/", "SCHEMA_FORBIDDEN", {"schema": "ftp", "url": "ftp://example.com:21/"}),
    ("file:///etc/passwd", "SCHEMA_FORBIDDEN", {"schema": "file", "url": "file:///etc/passwd"}),
    ("file://localhost/etc", "SCHEMA_FORBIDDEN", {"schema": "file", "url": "file://localhost/etc"}),
    ("javascript:alert(1)", "SCHEMA_FORBIDDEN", {"schema": "javascript", "url": "javascript:alert(1)"}),
    ("http://a.nosuch:8080/", "PORT_FORBIDDEN", {"port": 8080, "url": "http://a.nosuch:8080/"}),
    ("https://a.com:8443/", "PORT_FORBIDDEN", {"port": 8443, "url": "https://a.com:8443/"}),
    ("http://a.nosuch/", "TLD_FORBIDDEN", {"tld": "nosuch", "url": "http://a.nosuch/"}),
    ("http://metadata/", "TLD_FORBIDDEN", {"tld": "metadata", "url": "http://metadata/"}),
    ("http://10.0.0.1/", "TLD_FORBIDDEN", {"tld": "1", "url": "http://10.0.0.1/"}),
    ("http://2130706433/", "TLD_FORBIDDEN", {"tld": "2130706433", "url": "http://2130706433/"}),
    ("http://127。0。0。2/", "TLD_FORBIDDEN", {"tld": "2", "url": "http://127。0。0。2/"}),
    ("http://[::1]/", "TLD_FORBIDDEN", {"tld": "::1", "url": "http://[::1]/"}),
    ("http://a.com./", "TLD_FORBIDDEN", {"tld": "", "url": "http://a.com./"}),
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_urls_that_follow_the_rules_pass(url):
    """http and https, ports 80 and 443, known top-level domains; any of it on hosts that are always allowed."""
    assert POLICY.check(url).raw_host


@pytest.mark.parametrize(("url", "code", "ctx"), BAD)
def test_others_are_refused_by_the_first_rule_that_they_break(url, code, ctx):
    """With its code and facts, and not fatally (spec/manager-modules.md 4.2)."""
    with pytest.raises(ModuleError) as caught:
        POLICY.check(url)
    assert (caught.value.causes, caught.value.fatal, caught.value.ctx) == ((code,), False, ctx)


def test_a_huge_url_is_malformed():
    """Nobody parses megabytes."""
    with pytest.raises(ModuleError, match="MALFORMED_URL"):
        POLICY.check("http://example.com/" + "a" * URL_SIZE_MAX)


@given(st.text())
def test_any_text_is_a_url_or_a_module_error(text):
    """Nothing else comes out."""
    for url in (text, f"http://{text}/"):
        try:
            POLICY.check(url)
        except ModuleError as error:
            assert not error.fatal
