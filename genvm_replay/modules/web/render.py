"""Rendering a page in the browser: what its status is, and how it fails (spec/manager-modules.md 4.5, 4.6)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from aiohttp.abc import AbstractResolver

from ..errors import ModuleError
from ..http.policy import UrlPolicy
from .browser import Browser
from .cdp import BrowserGone, CdpError
from .page import TOO_LARGE, Page, PageFailed
from .proxy import PageProxy
from .text import tidied

TRIES_MAX: Final = 3
TIMEOUT: Final = 408
OTHER: Final = 418
STATUS_OF: Final = (
    ("NAME_", 502),
    ("CERT_", 495),
    ("SSL_", 495),
    ("CONNECTION_TIMED_OUT", TIMEOUT),
    ("TIMED_OUT", TIMEOUT),
    ("CONNECTION_", 503),
    ("INTERNET_DISCONNECTED", 503),
    ("ADDRESS_", 503),
)
"""Beginnings of the browser's names of errors, after `net::ERR_`, and the status that a webdriver service tells."""


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """A page to render, in one of `messages.MODES`. `wait_s` counts from when its document is parsed."""

    url: str
    mode: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page.

    Attributes:
        status: the page's own; where it couldn't be loaded 408 (too slow), 403 (refused by the rules), 495
            (certificate), 502 (no such name), 503 (no connection), 507 (too large) or 418 (anything else).
        content: text, markup or a PNG; empty where the page couldn't be loaded.
        refused: code of the rule that refused it, or None.
    """

    status: int
    content: str | bytes
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """What bounds one page.

    Attributes:
        load_timeout_s: until the document is parsed. output_size_max: characters or bytes of what is read.
        page_size_max: bytes that a page may load, itself and all that belongs to it.
    """

    load_timeout_s: float = 30.0
    output_size_max: int = 5 << 20
    page_size_max: int = 32 << 20


class Renderer(Protocol):
    """Whatever renders pages."""

    async def render(self, order: RenderOrder) -> Rendered:
        """Render a page.

        Raises:
            ModuleError: not the page failed, but what renders it. Not fatal.
        """
        ...


@dataclass(frozen=True, slots=True)
class BrowserRenderer:
    """Renders in a browser of ours. The URL is checked here too: a script that leaves it out must not open files."""

    browser: Browser
    policy: UrlPolicy
    limits: RenderLimits = field(default_factory=RenderLimits)
    allow_private: bool = False
    resolver: AbstractResolver | None = None

    async def render(self, order: RenderOrder) -> Rendered:
        self.policy.check(order.url)
        for _ in range(TRIES_MAX):
            try:
                return await self._try(order)
            except (BrowserGone, CdpError):
                continue
        raise ModuleError("SENDING_REQUEST", "BROWSER_GONE", ctx={"url": order.url, "tries": TRIES_MAX})

    async def _try(self, order: RenderOrder) -> Rendered:
        proxy = PageProxy(self.policy, self.limits.page_size_max, self.allow_private, self.resolver)
        async with proxy:
            opened = self.browser.page(proxy_port=proxy.port, size_max=self.limits.page_size_max)
            async with opened as page:
                proxy.on_too_large = partial(page.fail, PageFailed(TOO_LARGE))
                try:
                    return await self._read(page, order, proxy)
                except PageFailed as failed:
                    return Rendered(failed.status, "")
                except TimeoutError:
                    return Rendered(TIMEOUT, "")

    async def _read(self, page: Page, order: RenderOrder, proxy: PageProxy) -> Rendered:
        async with asyncio.timeout(self.limits.load_timeout_s):
            error = await page.open(order.url)
        content: str | bytes = ""
        if error is None:
            await page.wait(order.wait_s)
            content = await page.read(order.mode, self.limits.output_size_max)
        refused = proxy.refusal(page.location)
        if refused is not None:
            return Rendered(refused.status, "", refused.code)
        if error is not None:
            return Rendered(page.status or status_of(error), "")
        return Rendered(page.status or OTHER, tidied(str(content)) if order.mode == "text" else content)


def status_of(error: str) -> int:
    """The status for an error of the browser, such as `net::ERR_NAME_NOT_RESOLVED`."""
    name = error.removeprefix("net::ERR_")
    return next((status for beginning, status in STATUS_OF if name.startswith(beginning)), OTHER)
