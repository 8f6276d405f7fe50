"""What a signed request says and signs (RFC 9421; spec/manager-modules.md 4.4). Pure: no key, no socket, no clock."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from yarl import URL

from ..errors import ModuleError

ALGORITHM: Final = "ES256K"
LABEL: Final = "genvm"
SALT_SIZE: Final = 32
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
IDENTITY_HEADERS: Final = ("genlayer-node-address", "genlayer-tx-id", "genlayer-salt")
ADDED_HEADERS: Final = (*IDENTITY_HEADERS, "content-digest", "signature-input", "signature")
"""Headers that go with a signature. They belong to one request: a redirect has none of them."""
CONNECTION_HEADERS: Final = (
    *("connection", "expect", "keep-alive", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
)
DROPPED_HEADERS: Final = frozenset(("content-length", "host", *IDENTITY_HEADERS, *CONNECTION_HEADERS))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: the executor's node and the transaction."""

    node_address: str
    tx_id: str


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request that lacks its signature.

    Attributes:
        headers: all that goes out but `signature`.
        base: what has to be signed (RFC 9421 section 2.5), ASCII.
        salt: base64. `created`: Unix seconds. Both, with `input`, let an auditor check the signature later.
        input: the header `signature-input`.
    """

    headers: Mapping[str, bytes]
    base: bytes
    salt: str
    created: int
    input: str

    def signed(self, signature: bytes) -> dict[str, bytes]:
        """The headers with the signature, given as its raw bytes."""
        return {**self.headers, "signature": f"{LABEL}=:".encode() + base64.b64encode(signature) + b":"}


def normalised(headers: Mapping[str, bytes]) -> dict[str, bytes]:
    """Names in lower case, the last of equal ones; without those that the connection or the signature sets."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in lowered.items() if not _is_dropped(name)}


def _is_dropped(name: str) -> bool:
    return name.startswith("@") or name in DROPPED_HEADERS


def to_sign(
    method: str,
    url: URL,
    headers: Mapping[str, bytes],
    body: bytes | None,
    *,
    identity: Identity,
    salt: bytes,
    created: int,
) -> Unsigned:
    """Add the identity to a request and say what has to be signed.

    Args:
        headers: as `normalised` gives them.
        salt: SALT_SIZE random bytes.
        created: Unix seconds.

    Raises:
        ModuleError: `WRITE_FORMAT_FAILED`: a component is not plain ASCII, so it can't stand in a signature base.
    """
    salt_text = base64.b64encode(salt).decode()
    named = {
        "genlayer-node-address": identity.node_address,
        "genlayer-tx-id": identity.tx_id,
        "genlayer-salt": salt_text,
    }
    if body is not None:
        named["content-digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    components = {"@method": method, "@authority": authority(url), "@path": url.raw_path or "/", **named}
    if url.raw_query_string:
        components["@query"] = f"?{url.raw_query_string}"
    _check_writable(components)
    names = " ".join(f'"{name}"' for name in components)
    parameters = f'({names});created={created};alg="{ALGORITHM}"'
    lines = [f'"{name}": {value}' for name, value in components.items()]
    base = "\n".join([*lines, f'"@signature-params": {parameters}']).encode("ascii")
    signature_input = f"{LABEL}={parameters}"
    added = {name: value.encode("ascii") for name, value in named.items()}
    kept = {name: value for name, value in headers.items() if name not in ADDED_HEADERS}
    complete = {**kept, **added, "signature-input": signature_input.encode("ascii")}
    return Unsigned(complete, base, salt_text, created, signature_input)


def authority(url: URL) -> str:
    """Host, and port where it isn't the default one, in lower case (RFC 9421 section 2.2.3)."""
    host = (url.host_subcomponent or "").lower()
    port = url.port
    return host if port in (None, DEFAULT_PORTS.get(url.scheme)) else f"{host}:{port}"


def _check_writable(components: Mapping[str, str]) -> None:
    for name, value in components.items():
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise ModuleError("WRITE_FORMAT_FAILED", fatal=True, ctx={"component": name})
