"""URLs as scripts split and encode them, on the worker's side (spec/manager-modules.md 4.2, 5.3)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import quote_plus, urlsplit

import idna

from .values import LuaValue, as_bytes, as_text

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}
URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-\[\]-~]*")
HOST: Final = re.compile(r"[a-z0-9._-]+")


def split_url(text: LuaValue = None) -> LuaValue:
    """`{schema, port, host}` of an absolute URL, nil where it is none.

    The port is nil where it is the scheme's own. What readers of URLs understand differently is no URL here: blanks,
    backslashes, `%` in a host, a name that is not ASCII and has no punycode.
    """
    url = _ascii_host(as_text(text, where="split_url"))
    if url is None or not URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
        if ":" in host:
            host = f"[{ipaddress.IPv6Address(host)}]"
        elif (host or parts.scheme in DEFAULT_PORTS) and not HOST.fullmatch(host):
            return None
    except ValueError:
        return None
    return {
        "schema": parts.scheme,
        "port": None if port == DEFAULT_PORTS.get(parts.scheme) else port,
        "host": host,
    }


def _ascii_host(url: str) -> str | None:
    """The URL with a host of other scripts in punycode, and what follows percent-encoded."""
    found = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", url, re.DOTALL)
    if found is None or url.isascii():
        return url
    try:
        scheme, place, rest = found.groups()
        user, at, host = place.rpartition("@")
        name, colon, port = host.partition(":")
        name = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except (UnicodeError, ValueError):
        return None
    return (
        scheme + user + at + name + colon + port + "".join(c if c.isascii() else quote_plus(c) for c in rest)
    )


def url_encode(text: LuaValue = None) -> LuaValue:
    """Encode as a form does: a blank is `+` (WHATWG URL, application/x-www-form-urlencoded)."""
    return quote_plus(as_bytes(text, where="url_encode"), safe="*").replace("~", "%7E")
