"""One page in a browser: opened in a context of its own, waited for, read, closed.

The page's scripts run in their own world; what is read is read in another, whose functions they can't replace.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from .cdp import DETACHED, BrowserGone, Cdp, CdpError
from .process import HEIGHT, WIDTH

NAVIGATE_TIMEOUT_S: Final = 3600.0  # whoever opens a page bounds it tighter
CLOSE_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 10.0
READS_MAX: Final = 5
READ: Final = {
    "text": "const root = document.body ?? document.documentElement; return root?.innerText ?? root?.textContent ?? ''",
    "html": "const type = document.doctype; const root = document.documentElement;"
    "return (type ? new XMLSerializer().serializeToString(type) : '') + (root?.outerHTML ?? '')",
}
TOO_LARGE: Final = 507


class PageFailed(Exception):
    """The page can't be read; `status` says why, as a webdriver service tells it (spec/manager-modules.md 4.6)."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(slots=True)
class Page:
    """A page, and what its events told.

    Attributes:
        size_max: bytes, decompressed, that it may load altogether.
        status: of the document that the main frame shows; None where it has none, like the browser's own error page.
        location: the URL that the main frame asked for last.
    """

    cdp: Cdp
    session: str
    target: str
    size_max: int
    status: int | None = None
    location: str = ""
    _coming: int | None = None
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)
    _failed: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _size: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def open(self, url: str) -> str | None:
        """Go to a URL and wait until its document is parsed. None, or the browser's name of the error."""
        await self._call("Network.enable", maxTotalBufferSize=0, maxResourceBufferSize=0)
        await self._call("Page.enable")
        await self._call("Inspector.enable")
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        await self._call("Emulation.setDeviceMetricsOverride", **size)
        self._loaded.clear()
        going = self.cdp.call("Page.navigate", session=self.session, timeout_s=NAVIGATE_TIMEOUT_S, url=url)
        try:
            result = await self._unless_failed(going)
        except CdpError:
            return "net::ERR_INVALID_URL"
        if result.get("errorText"):
            return str(result["errorText"])
        await self._unless_failed(self._loaded.wait())
        return None

    async def wait(self, seconds: float) -> None:
        """Let the page go on for a while."""
        if seconds:
            await self._unless_failed(asyncio.sleep(seconds))

    async def read(self, mode: str, size_max: int) -> str | bytes:
        """Read the page: text, markup, or a PNG.

        Raises:
            PageFailed: more than `size_max` characters or bytes, or the page crashed.
            TimeoutError: a script of the page keeps it busy.
        """
        async with asyncio.timeout(READ_TIMEOUT_S):
            if mode == "screenshot":
                return await self._screenshot(size_max)
            for _ in range(READS_MAX):
                with suppress(CdpError):  # the document was replaced just now
                    return await self._evaluate(READ[mode], size_max)
                await self._unless_failed(self._loaded.wait())
        raise PageFailed(418)

    async def _evaluate(self, function: str, size_max: int) -> str:
        world = await self._unless_failed(self._call("Page.createIsolatedWorld", frameId=self.target))
        wrapped = (
            f"(() => {{ const found = (() => {{ {function} }})().toWellFormed();"
            f"return found.length > {json.dumps(size_max)} ? null : found }})()"
        )
        order = {"expression": wrapped, "contextId": world["executionContextId"], "returnByValue": True}
        result = await self._unless_failed(self._call("Runtime.evaluate", **order))
        value = result["result"].get("value")
        if value is None or len(value.encode()) > size_max:
            raise PageFailed(TOO_LARGE)
        return str(value)

    async def _screenshot(self, size_max: int) -> bytes:
        result = await self._unless_failed(self._call("Page.captureScreenshot", format="png"))
        image = base64.b64decode(result["data"])
        if len(image) > size_max:
            raise PageFailed(TOO_LARGE)
        return image

    def hear(self, method: str, event: dict[str, Any]) -> None:
        """Take an event of the page."""
        if method == "Page.domContentEventFired":
            self._loaded.set()
        elif method == "Page.frameNavigated" and event["frame"]["id"] == self.target:
            self._loaded.clear()
            self.status = self._coming
        elif method == "Page.javascriptDialogOpening":
            self._later(self._call("Page.handleJavaScriptDialog", accept=False))
        elif method == "Network.requestWillBeSent" and self._is_document(event):
            self.location = str(event["request"]["url"])
            self._coming = None
        elif method == "Network.responseReceived" and self._is_document(event):
            self._coming = int(event["response"]["status"])
        elif method == "Network.dataReceived":
            self._size += int(event.get("dataLength", 0))
            if self._size > self.size_max:
                self.fail(PageFailed(TOO_LARGE))
        elif method == "Inspector.targetCrashed":
            self.fail(PageFailed(TOO_LARGE))
        elif method == DETACHED:
            self.fail(BrowserGone())

    def _is_document(self, event: dict[str, Any]) -> bool:
        return event.get("type") == "Document" and event.get("frameId") == self.target

    def fail(self, error: Exception) -> None:
        """End whatever waits for the page."""
        if not self._failed.done():
            self._failed.set_exception(error)
            self._failed.exception()  # nobody may be waiting

    def _call(self, method: str, **parameters: Any) -> Any:
        return self.cdp.call(method, session=self.session, **parameters)

    def _later(self, command: Any) -> None:
        async def done() -> None:
            with suppress(CdpError, BrowserGone, TimeoutError):
                await command

        task = asyncio.create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _unless_failed(self, waiting: Any) -> Any:
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait((task, self._failed), return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            return task.result()
        finally:
            if not task.done():
                task.cancel()
            elif not task.cancelled():
                task.exception()  # both may fail at once, and one is told


@asynccontextmanager
async def opened_page(cdp: Cdp, *, proxy_port: int, size_max: int) -> AsyncIterator[Page]:
    """An empty page in a profile of its own, whose network is a proxy. Closed at the end, whatever it does.

    Raises:
        BrowserGone: the browser ended, or doesn't close the page.
    """
    try:
        made = await cdp.call(
            "Target.createBrowserContext",
            disposeOnDetach=True,
            proxyServer=f"http://127.0.0.1:{proxy_port}",
            proxyBypassList="<-loopback>",
        )
    except TimeoutError as error:
        raise BrowserGone from error
    context = made["browserContextId"]
    try:
        page = await _attached(cdp, context, size_max)
        try:
            yield page
        finally:
            cdp.ignore(page.session)
    finally:
        try:
            await cdp.call(
                "Target.disposeBrowserContext", timeout_s=CLOSE_TIMEOUT_S, browserContextId=context
            )
        except (TimeoutError, CdpError) as error:
            raise BrowserGone from error


async def _attached(cdp: Cdp, context: str, size_max: int) -> Page:
    """Open the one window of a context and hear its events."""
    try:
        await cdp.call("Browser.setDownloadBehavior", behavior="deny", browserContextId=context)
        made = await cdp.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await cdp.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
    except TimeoutError as error:
        raise BrowserGone from error
    page = Page(cdp, attached["sessionId"], made["targetId"], size_max)
    cdp.listen(page.session, page.hear)
    return page
