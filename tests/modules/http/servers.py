"""Servers on loopback, names that resolve as a test says, and what asks them."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from genvm_replay.modules.messages import Hello
from genvm_replay.modules.session import Session

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HELLO = Hello("1", {"node_address": "0xabc", "tx_id": "0xdef", "signerUrl": "unset", "number": 1}, {})


def run(work: Coroutine[Any, Any, Any], seconds: float = 60) -> Any:
    """Run a test's coroutine, which may not hang."""
    return asyncio.run(asyncio.wait_for(work, seconds))


def a_session(**host_data: str) -> Session:
    return Session(
        Hello("1", {**HELLO.host_data, **host_data}, {"genvm_id": 1, "host_data": HELLO.host_data})
    )


@dataclass
class Served:
    """A server, and the requests that it got."""

    port: int = 0
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(pages: dict[str, Handler], ssl: Any = None) -> AsyncIterator[Served]:
    """Serve pages by path on loopback, for any method."""
    served = Served()

    async def handle(request: web.Request) -> web.StreamResponse:
        served.requests.append(request)
        served.bodies.append(await request.read())
        page = pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        return await page(request)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl).start()
        served.port = runner.addresses[0][1]
        yield served
    finally:
        await runner.cleanup()


def page(body: bytes | str, status: int = 200, content_type: str = "text/html", **headers: str) -> Handler:
    """A page that is always the same."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def handle(request: web.Request) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        return web.Response(body=data, status=status, headers={"content-type": content_type, **named})

    return handle


def redirect(location: str, status: int = 302) -> Handler:
    """A page that sends elsewhere."""
    return page(b"", status=status, location=location)


class Names(AbstractResolver):
    """A resolver that answers with the next of a name's addresses each time it is asked, and stays at the last."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        self.asked.append(host)
        found = self.answers.get(host, [host])
        address = found.pop(0) if len(found) > 1 else found[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            socket.inet_pton(kind, address)
        except OSError as error:
            raise OSError(f"{host}: no such name") from error
        return [{"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


class KeyHolder:
    """The external signer: signs what it gets with ES256K and answers with the raw 64 bytes."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256K1())
        self.signed: list[bytes] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        base = await request.read()
        self.signed.append(base)
        digest = hashlib.sha256(base).digest()
        der = self.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        r, s = utils.decode_dss_signature(der)
        return web.Response(body=r.to_bytes(32, "big") + s.to_bytes(32, "big"))
