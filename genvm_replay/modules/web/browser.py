"""The browser that pages share: started when the first one is wanted, replaced when it is old or gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from ...errors import UsageError
from ..errors import ModuleError
from .cdp import BrowserGone, Cdp, CdpError
from .memory import keep_below
from .page import Page, opened_page
from .process import BrowserProcess, find_browser

START_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class BrowserLimits:
    """What bounds the browser.

    Attributes:
        pages_max: open at once. recycle_s, recycle_pages: a browser that is older, or had more, is replaced.
        heap_mb: of each page's scripts. memory_mb: of the whole browser; over it the largest page fails.
    """

    path: str | None = None
    pages_max: int = 4
    queue_s: float = 120.0
    recycle_s: float = 600.0
    recycle_pages: int = 500
    heap_mb: int = 1024
    memory_mb: int = 4096


@dataclass(slots=True, eq=False)
class _Running:
    """One process, and what is going on in it."""

    process: BrowserProcess
    cdp: Cdp
    started_s: float
    tasks: tuple[asyncio.Task[None], ...] = ()
    pages: int = 0
    open: int = 0

    def is_due(self, limits: BrowserLimits) -> bool:
        old = time.monotonic() - self.started_s > limits.recycle_s or self.pages >= limits.recycle_pages
        return old or self.cdp.gone

    async def stop(self) -> None:
        await self.process.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Browser:
    """A headless browser, to be entered before use; nothing of it is left after."""

    def __init__(self, limits: BrowserLimits) -> None:
        self._limits = limits
        self._running: _Running | None = None
        self._retired: set[_Running] = set()
        self._start_task: asyncio.Task[_Running] | None = None
        self._closed = False
        self._lock = asyncio.Lock()
        self._places = asyncio.Semaphore(limits.pages_max)
        self.started_count = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._start_task is not None:
            await asyncio.wait([self._start_task])
            with suppress(ModuleError):
                self._running = self._take_started()
        for running in [*self._retired, *([self._running] if self._running else [])]:
            await running.stop()
        self._running = None
        self._retired.clear()

    @asynccontextmanager
    async def page(self, *, proxy_port: int, size_max: int) -> AsyncIterator[Page]:
        """Open an empty page.

        Raises:
            BrowserGone: the browser ended, or had to be ended; a second try finds another.
            ModuleError: `SENDING_REQUEST`, and behind it `BUSY` (no place was free) or `NO_BROWSER` (it did not start).
        """
        async with self._place():
            running = await self._get()
            running.open += 1
            running.pages += 1
            try:
                async with opened_page(running.cdp, proxy_port=proxy_port, size_max=size_max) as page:
                    yield page
            except BrowserGone:
                running.process.kill()
                running.cdp.gone = True
                raise
            finally:
                running.open -= 1
                await self._retire_due()

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limits.queue_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise ModuleError("SENDING_REQUEST", "BUSY", ctx={"pages_max": self._limits.pages_max}) from error
        try:
            yield
        finally:
            self._places.release()

    async def _get(self) -> _Running:
        async with self._lock:
            await self._retire_due()
            if self._closed:
                raise ModuleError("SENDING_REQUEST", "NO_BROWSER", ctx={"error": "the module is stopping"})
            if self._running is None:
                # A render that is cancelled must not leave a browser that is half started: it goes on, for the next.
                self._start_task = self._start_task or asyncio.create_task(self._start())
                await asyncio.wait([self._start_task])
                self._running = self._take_started()
            return self._running

    def _take_started(self) -> _Running:
        assert self._start_task is not None
        task, self._start_task = self._start_task, None
        return task.result()

    async def _retire_due(self) -> None:
        """Take the browser out of use when it is due; stop those that have no page open any more."""
        if self._running is not None and self._running.is_due(self._limits):
            self._retired.add(self._running)
            self._running = None
        for running in [running for running in self._retired if not running.open]:
            self._retired.discard(running)
            await asyncio.shield(running.stop())

    async def _start(self) -> _Running:
        try:
            program = find_browser(self._limits.path)
        except UsageError as error:  # the operator's to mend: no contract can go on from there
            raise ModuleError(
                "SENDING_REQUEST", "NO_BROWSER", fatal=True, ctx={"error": str(error)}
            ) from error
        try:
            process = await BrowserProcess.start(program, heap_mb=self._limits.heap_mb)
        except OSError as error:
            raise ModuleError("SENDING_REQUEST", "NO_BROWSER", ctx={"error": str(error)}) from error
        cdp = Cdp(process.reader, process.writer)
        running = _Running(process, cdp, time.monotonic())
        watching = keep_below(self._limits.memory_mb << 20, process.pid, is_busy=lambda: running.open > 0)
        running.tasks = (asyncio.create_task(cdp.run()), asyncio.create_task(watching))
        self.started_count += 1
        try:
            await cdp.call("Browser.getVersion", timeout_s=START_TIMEOUT_S)
        except (BrowserGone, CdpError, TimeoutError) as error:
            said = process.errors()
            await running.stop()
            raise ModuleError(
                "SENDING_REQUEST", "NO_BROWSER", ctx={"browser": program, "error": said}
            ) from error
        return running
