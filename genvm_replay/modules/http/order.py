"""A request to make, and what came back. No socket here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from yarl import URL

from .signatures import Unsigned

if TYPE_CHECKING:
    import aiohttp

BODY_SIZE_MAX: Final = 16 << 20
TIMEOUT_S: Final = 60.0

Sign: TypeAlias = Callable[
    ["aiohttp.ClientSession", str, URL, Mapping[str, bytes], bytes | None],
    Awaitable[tuple[dict[str, bytes], Unsigned]],
]


@dataclass(frozen=True, slots=True)
class HttpOrder:
    """A request to make.

    Attributes:
        body_size_max: bytes of the body, compressed and plain. timeout_s: from the first hop to the last byte.
        unfiltered: the URL comes from the operator: any address, and redirects are not checked.
        sign: signs the first hop.
    """

    method: str
    url: str
    headers: Mapping[str, bytes] = field(default_factory=dict)
    body: bytes | None = None
    body_size_max: int = BODY_SIZE_MAX
    timeout_s: float = TIMEOUT_S
    unfiltered: bool = False
    sign: Sign | None = None


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back from the last hop.

    Attributes:
        headers: names in lower case, the last of equal ones; as they came, but without `content-encoding` and
            `content-length` where the body was decompressed.
        unsigned: what was signed, for auditors.
    """

    status: int
    headers: Mapping[str, bytes]
    body: bytes
    url: str
    unsigned: Unsigned | None = None
