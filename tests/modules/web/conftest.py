"""A real browser for the tests of this folder: one for all of them, on one event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.web.browser import Browser, BrowserLimits
from genvm_replay.modules.web.render import BrowserRenderer, RenderLimits
from tests.modules.http.servers import Served, serving

from .pages import PAGES

LIMITS = RenderLimits(load_timeout_s=20.0)


@dataclass
class World:
    """A browser and the pages that are served, on one event loop."""

    runner: asyncio.Runner
    browser: Browser
    served: Served

    def run(self, work: Any) -> Any:
        return self.runner.run(asyncio.wait_for(work, 60))

    def renderer(self, limits: RenderLimits = LIMITS, **settings: Any) -> BrowserRenderer:
        policy = settings.pop("policy", url_policy(allow_hosts=["127.0.0.1"]))
        return BrowserRenderer(self.browser, policy, limits, **settings)


@pytest.fixture(scope="package")
def world(browser_program: str) -> Iterator[World]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> World:
            limits = BrowserLimits(path=browser_program, heap_mb=128, memory_mb=600)
            browser = await stack.enter_async_context(Browser(limits))
            served = await stack.enter_async_context(serving(PAGES))
            return World(runner, browser, served)

        try:
            yield runner.run(enter())
        finally:
            runner.run(stack.aclose())


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate for loopback that nobody trusts."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
