"""A real browser for the tests of this folder: one for all of them, on one event loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import tempfile
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
from filelock import FileLock

from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.web.browser import Browser, BrowserLimits
from genvm_replay.modules.web.process import NAMES
from genvm_replay.modules.web.render import BrowserRenderer, RenderLimits
from tests.modules.http.servers import Served, serving

from .pages import PAGES

PACKAGE = "chromium-headless-shell"
LIMITS = RenderLimits(load_timeout_s=20.0)


@pytest.fixture(scope="session")
def browser_program() -> str:
    """A headless browser: the system's, or installed where that is possible; else the test fails and says why."""
    with FileLock(
        Path(tempfile.gettempdir()) / "genvm-replay-install-browser.lock", timeout=600
    ):  # tests run in processes
        return installed() or install()


def installed() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> str:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.fail(f"no headless browser, and it can't be installed: as root, apt-get install {PACKAGE}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in ("update -qq", f"install -y -qq --no-install-recommends {PACKAGE}"):
        command = ["apt-get", *words.split()]
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, timeout=300, env=environment
        )
        if done.returncode:
            pytest.fail(f"no headless browser, and {' '.join(command)} failed: {done.stderr[-800:]}")
    return installed() or pytest.fail(f"{PACKAGE} has no program of a known name")


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
