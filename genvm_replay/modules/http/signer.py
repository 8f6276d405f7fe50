"""Signatures by an external signer over HTTP: this program never sees a key (spec/manager-modules.md 4.4)."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from ..errors import ModuleError
from ..messages import Hello
from .signatures import SALT_SIZE, Identity, Unsigned, to_sign

SIGNATURE_SIZE_MAX: Final = 4096
TIMEOUT_S: Final = 30
VARIABLE: Final = re.compile(r"#\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Signer:
    """Where signatures come from. Both may hold `#{name}`: `node_address`, `tx_id` and each string in `host_data`."""

    url: str
    headers: Mapping[str, str]

    async def sign(
        self,
        session: aiohttp.ClientSession,
        hello: Hello,
        method: str,
        url: URL,
        headers: Mapping[str, bytes],
        body: bytes | None,
    ) -> tuple[dict[str, bytes], Unsigned]:
        """Sign a request: the headers that have to go out, and what was signed.

        Raises:
            ModuleError: `SIGN_URL_PATCH_FAILED`, `SIGN_URL_SEND_FAILED`, `SIGN_URL_BAD_STATUS`,
                `SIGN_URL_READ_FAILED` or `WRITE_FORMAT_FAILED`; all fatal.
        """
        identity = Identity(hello.host_data["node_address"], hello.host_data["tx_id"])
        signer_url = filled(self.url, hello.host_data)
        signer_headers = {name: filled(value, hello.host_data) for name, value in self.headers.items()}
        unsigned = to_sign(
            method,
            url,
            headers,
            body,
            identity=identity,
            salt=os.urandom(SALT_SIZE),
            created=int(time.time()),
        )
        signature = await _asked(session, signer_url, signer_headers, unsigned.base)
        return unsigned.signed(signature), unsigned


def filled(template: str, variables: Mapping[str, Any]) -> str:
    """Put variables in, once: what a variable holds is not looked into again.

    Raises:
        ModuleError: `SIGN_URL_PATCH_FAILED`, fatal: no string has that name.
    """

    def value(match: re.Match[str]) -> str:
        found = variables.get(match[1])
        if not isinstance(found, str):
            raise ModuleError("SIGN_URL_PATCH_FAILED", fatal=True, ctx={"variable": match[1]})
        return found

    return VARIABLE.sub(value, template)


async def _asked(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], base: bytes) -> bytes:
    """Ask the signer. Its address and headers may be secret: no error holds them."""
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            session.post(url, headers=headers, data=base, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ModuleError("SIGN_URL_BAD_STATUS", fatal=True, ctx={"status": response.status})
            return await _read(response)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ModuleError("SIGN_URL_SEND_FAILED", fatal=True, ctx={"error": type(error).__name__}) from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    signature = bytearray()
    try:
        async for piece in response.content.iter_any():
            signature += piece
            if len(signature) > SIGNATURE_SIZE_MAX:
                break
    except (aiohttp.ClientError, OSError) as error:
        raise ModuleError("SIGN_URL_READ_FAILED", fatal=True, ctx={"error": type(error).__name__}) from error
    if not 0 < len(signature) <= SIGNATURE_SIZE_MAX:
        raise ModuleError("SIGN_URL_READ_FAILED", fatal=True, ctx={"size": len(signature)})
    return bytes(signature)
