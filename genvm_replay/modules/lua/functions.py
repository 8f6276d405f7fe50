"""Library functions that need no service, on the worker's side (spec/manager-modules.md 5.3)."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

from Crypto.Hash import keccak

from ..errors import ModuleError
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
        import idna

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


def base64_encode(data: LuaValue = None) -> LuaValue:
    """Standard alphabet, padded (RFC 4648 section 4)."""
    return base64.b64encode(as_bytes(data, where="base64_encode"))


def base64_decode(text: LuaValue = None) -> LuaValue:
    """The bytes of `base64_encode`.

    Raises:
        ModuleError: `DESERIALIZING`, fatal.
    """
    try:
        return base64.b64decode(as_bytes(text, where="base64_decode"), validate=True)
    except ValueError as error:
        raise _unreadable(f"base64: {error}") from error


def json_parse(text: LuaValue = None) -> LuaValue:
    """The value of a JSON text; null is nil.

    Raises:
        ModuleError: `DESERIALIZING`, fatal.
    """
    try:
        value: LuaValue = json.loads(as_bytes(text, where="json_parse").decode(), parse_constant=_no_constant)
    except RecursionError as error:
        raise _unreadable("json: nested too deep") from error
    except ValueError as error:
        raise _unreadable(f"json: {error}") from error
    return _whole(value)


def json_stringify(value: LuaValue = None) -> LuaValue:
    """A JSON text without blanks, names in the order of their bytes; an empty table is `{}`.

    Raises:
        ModuleError: `DESERIALIZING`, fatal: a number that JSON has not, or a string that is no UTF-8.
    """
    try:
        return json.dumps(
            _ordered(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_no_bytes
        )
    except (ValueError, TypeError) as error:
        raise _unreadable(f"json: {error}") from error


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(item) for name, item in sorted((_name(k), item) for k, item in value.items())}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _name(key: Any) -> str:
    if isinstance(key, bytes):
        return str(_no_bytes(key))
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _whole(value: Any) -> LuaValue:
    """Whole numbers beyond Lua's 64 bits as floats, and lone surrogates as U+FFFD."""
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return float(value)
    return value  # type: ignore[no-any-return]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _no_bytes(value: object) -> object:
    raise ValueError("a string that is no UTF-8" if isinstance(value, bytes) else f"a {type(value).__name__}")


def _unreadable(text: str) -> ModuleError:
    return ModuleError("DESERIALIZING", fatal=True, ctx={"error": text})


def _hashed(name: str, digest: Callable[[bytes], bytes]) -> Callable[..., LuaValue]:
    def hashed(data: LuaValue = None) -> LuaValue:
        return digest(as_bytes(data, where=name))

    return hashed


PURE: Final[dict[str, Callable[..., LuaValue]]] = {
    "__dflt.split_url": split_url,
    "__dflt.url_encode": url_encode,
    "__dflt.base64_encode": base64_encode,
    "__dflt.base64_decode": base64_decode,
    "__dflt.json_parse": json_parse,
    "__dflt.json_stringify": json_stringify,
    "__dflt.sha2_256": _hashed("sha2_256", lambda data: hashlib.sha256(data).digest()),
    "__dflt.sha3_256": _hashed("sha3_256", lambda data: hashlib.sha3_256(data).digest()),
    "__dflt.keccak256": _hashed("keccak256", lambda data: keccak.new(digest_bits=256, data=data).digest()),
}
"""By the names that scripts see. A function gets what the script gave, and as many arguments."""
