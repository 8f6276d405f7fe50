"""Where a redirect leads, and what of a request goes along (RFC 9110 section 15.4). Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from yarl import URL

from ..errors import ModuleError
from .order import HttpOrder
from .policy import UrlPolicy
from .signatures import ADDED_HEADERS

REDIRECTS: Final = (301, 302, 303, 307, 308)
SECRET_HEADERS: Final = ("authorization", "cookie", "x-api-key", "x-goog-api-key")
"""What a redirect to another host doesn't get."""
BODY_HEADERS: Final = ("content-type", "content-encoding", "content-language", "content-location")


def next_hop(
    hop: HttpOrder, url: URL, status: int, location: bytes, *, policy: UrlPolicy | None
) -> HttpOrder:
    """The request that a redirect asks for.

    Args:
        url: that of `hop`, as it was read. policy: the rules for the next URL; None for none.

    Raises:
        ModuleError: `MALFORMED_URL`, or the code of the rule that forbids it; not fatal.
    """
    try:
        target = url.join(URL(location.decode("utf-8", "replace")))
    except ValueError as error:
        raise ModuleError("MALFORMED_URL", ctx={"url": location.decode("latin-1")}) from error
    if policy is not None:
        policy.check(str(target))
    if url.scheme == "https" and target.scheme == "http":
        raise ModuleError("SCHEMA_FORBIDDEN", ctx={"schema": "http", "url": str(target)})
    dropped = {*ADDED_HEADERS} if "signature-input" in hop.headers else set()
    if target.origin() != url.origin():
        dropped |= {*SECRET_HEADERS}
    if _becomes_get(status, hop.method):
        dropped |= {*BODY_HEADERS}
        hop = replace(hop, method="GET", body=None)
    headers = {name: value for name, value in hop.headers.items() if name not in dropped}
    return replace(hop, url=str(target), headers=headers)


def _becomes_get(status: int, method: str) -> bool:
    return (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST")
