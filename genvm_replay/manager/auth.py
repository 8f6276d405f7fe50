"""Who may ask: a bearer token, and names of this host that no web page can be re-bound to.

A service on a loopback address is in reach of every page that the user opens in a browser. So a request has to name
this host as it is known here (`Host`), and one that a page of another origin makes (`Origin`) is refused.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ..errors import UsageError
from .refusals import Forbidden, NotAllowedHere, OtherHost

TOKEN_BYTES_MAX: Final = 4096
OPEN_PATHS: Final = frozenset({"/health"})  # tell nothing but that the service is there
TOKEN_CHARS_MIN: Final = 16


class Doorkeeper:
    """Lets requests through, or not."""

    def __init__(self, names: Iterable[str], token: str | None) -> None:
        """
        Args:
            names: of this host, beside `localhost` and every IP address, which no name server can give to another.
            token: None: nobody is asked for one.
        """
        self._names = {"localhost", *(name.lower() for name in names)}
        self._token = None if token is None else token.encode()

    @property
    def asks_token(self) -> bool:
        """Whether requests need the token."""
        return self._token is not None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse who may not ask, before anything else is looked at."""
        if not self._is_here(_hostname(f"//{request.headers.get('Host', '')}")):
            raise OtherHost("the Host header names another host; see --allowed-host")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit_netloc(origin) != request.headers.get("Host"):
            raise Forbidden("a page of another origin may not use this service")
        if self._token is not None and request.path not in OPEN_PATHS:
            self._check(request.headers.get("Authorization", ""))
        return await handler(request)

    def _check(self, given: str) -> None:
        assert self._token is not None
        scheme, _, token = given.partition(" ")
        right = hmac.compare_digest(token.strip().encode(errors="surrogateescape"), self._token)
        if scheme.lower() != "bearer" or not right:
            raise NotAllowedHere("give the token of this service: Authorization: Bearer TOKEN")

    def _is_here(self, name: str | None) -> bool:
        if not name:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower().rstrip(".") in self._names
        return True


def read_token(file: Path | None, given: str, host: str) -> str | None:
    """The token that callers must have; None: none.

    Args:
        file: counts more than `given`.
        host: where the service listens.

    Raises:
        UsageError: it can't be read or is too short, or one is needed.
    """
    token = given.strip()
    if file is not None:
        try:
            token = file.read_bytes()[:TOKEN_BYTES_MAX].decode("ascii").strip()
        except OSError as error:
            raise UsageError(f"can't read the token file {file}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"the token in {file} is not ASCII text") from error
    if (token or file is not None) and len(token) < TOKEN_CHARS_MIN:
        raise UsageError(f"the token has less than {TOKEN_CHARS_MIN} characters")
    if not token and not is_loopback(host):
        raise UsageError(f"{host} can be reached from other machines: give a token, see --token-file")
    return token or None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address to listen on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def urlsplit_netloc(url: str) -> str | None:
    """Host and port of a URL; None where it is none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
