"""The browser's life: started when wanted, replaced when old or dead, and nothing left of it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.web.browser import Browser, BrowserLimits
from genvm_replay.modules.web.memory import private_sizes
from genvm_replay.modules.web.process import find_browser
from genvm_replay.modules.web.render import BrowserRenderer, RenderLimits, RenderOrder
from tests.modules.http.servers import page, run, serving

from .pages import PAGES

POLICY = url_policy(allow_hosts=["127.0.0.1"])


def alive(session: int) -> list[int]:
    """The processes of a session that still run; a zombie, which waits for its parent, doesn't."""
    found = []
    for entry in os.listdir("/proc"):
        with suppress(OSError, ValueError, IndexError):
            state = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            if int(state[3]) == session and state[0] != "Z":
                found.append(int(entry))
    return found


def process_of(browser: Browser) -> int:
    assert browser._running is not None
    return browser._running.process.pid


def folder_of(browser: Browser) -> Path:
    assert browser._running is not None
    return browser._running.process.folder


def test_nothing_is_left(browser_program):
    """No process of its session, no folder, no descriptor: after a normal page, an endless script, a cancelled render."""
    descriptors = len(os.listdir("/proc/self/fd"))

    async def scenario():
        async with serving(PAGES) as served, Browser(BrowserLimits(path=browser_program)) as browser:
            renderer = BrowserRenderer(browser, POLICY, RenderLimits(load_timeout_s=0.5))
            await renderer.render(RenderOrder(served.url("/plain"), "screenshot"))
            session, folder = process_of(browser), folder_of(browser)
            assert alive(session)
            assert folder.is_dir()
            await renderer.render(RenderOrder(served.url("/loop"), "text"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(renderer.render(RenderOrder(served.url("/slow"), "text")), 0.3)
            assert browser.started_count == 1
            return session, folder

    session, folder = run(scenario())
    assert not alive(session)
    assert not folder.exists()
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_it_starts_when_it_is_wanted(browser_program):
    """Not before."""

    async def scenario():
        async with Browser(BrowserLimits(path=browser_program)) as browser:
            return browser.started_count

    assert run(scenario()) == 0


def test_a_browser_that_dies_is_replaced(browser_program):
    """The page that was open in it is tried again; one that always ends it is given up, and the contract can go on."""

    async def scenario():
        killed = []

        async def kills(request):
            os.killpg(process_of(browser), signal.SIGKILL)
            await asyncio.sleep(3600)

        async def kills_once(request):
            if not killed:
                killed.append(request)
                await kills(request)
            return await page("<p>second try")(request)

        pages = {"/once": kills_once, "/always": kills}
        async with serving(pages) as served, Browser(BrowserLimits(path=browser_program)) as browser:
            renderer = BrowserRenderer(browser, POLICY)
            found = await renderer.render(RenderOrder(served.url("/once"), "text"))
            with pytest.raises(ModuleError) as caught:
                await renderer.render(RenderOrder(served.url("/always"), "text"))
            return found.content, caught.value, browser.started_count

    text, error, started = run(scenario())
    assert (text, started) == ("second try", 4)
    assert (error.causes, error.fatal) == (("SENDING_REQUEST", "BROWSER_GONE"), False)


def test_a_browser_is_replaced_when_it_is_due(browser_program):
    """Every so many pages, and never under an open page; the old one is stopped."""

    async def scenario():
        limits = BrowserLimits(path=browser_program, recycle_pages=2, pages_max=2)
        async with serving(PAGES) as served, Browser(limits) as browser:
            renderer = BrowserRenderer(browser, POLICY)
            orders = [RenderOrder(served.url("/503"), "text") for _ in range(4)]
            found = await asyncio.gather(*(renderer.render(order) for order in orders))
            return [page.content for page in found], browser.started_count, len(browser._retired)

    texts, started, retired = run(scenario())
    assert texts == ["down"] * 4
    assert started == 2
    assert retired == 0


def test_no_free_place(browser_program):
    """Who waits too long for a place gets an error that a contract can catch."""

    async def scenario():
        limits = BrowserLimits(path=browser_program, pages_max=1, queue_s=0.1)
        async with serving(PAGES) as served, Browser(limits) as browser:
            renderer = BrowserRenderer(browser, POLICY, RenderLimits(load_timeout_s=0.6))
            first = asyncio.create_task(renderer.render(RenderOrder(served.url("/slow"), "text")))
            while not served.requests:
                await asyncio.sleep(0.01)
            with pytest.raises(ModuleError) as caught:
                await renderer.render(RenderOrder(served.url("/plain"), "text"))
            return caught.value, (await first).status

    error, status = run(scenario())
    assert (error.causes, error.fatal, status) == (("SENDING_REQUEST", "BUSY"), False, 408)


def test_a_program_that_is_no_browser():
    """The error has what it said."""

    async def scenario():
        async with Browser(BrowserLimits(path="false")) as browser:
            await BrowserRenderer(browser, POLICY).render(RenderOrder("http://127.0.0.1/", "text"))

    with pytest.raises(ModuleError) as caught:
        run(scenario())
    assert caught.value.causes == ("SENDING_REQUEST", "NO_BROWSER")
    assert not caught.value.fatal


def test_no_browser_tells_how_to_get_one(monkeypatch, tmp_path):
    """What to install, or what to set."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        UsageError, match=r"apt-get install chromium-headless-shell.*browser\.path.*webdriver_host"
    ):
        find_browser(None)
    with pytest.raises(UsageError, match=r"browser\.path: 'nothing'"):
        find_browser("nothing")


def test_a_page_without_a_browser_ends_the_run(monkeypatch, tmp_path):
    """It is the operator who has to act, and the error tells how."""
    monkeypatch.setenv("PATH", str(tmp_path))

    async def scenario():
        async with Browser(BrowserLimits()) as browser:
            await BrowserRenderer(browser, POLICY).render(RenderOrder("http://127.0.0.1/", "text"))

    with pytest.raises(ModuleError) as caught:
        run(scenario())
    assert (caught.value.causes, caught.value.fatal) == (("SENDING_REQUEST", "NO_BROWSER"), True)
    assert "apt-get install" in caught.value.to_text()


def test_a_start_that_nobody_waits_for_leaves_nothing(browser_program):
    """The render is cancelled while the browser starts: the next one gets that browser."""

    async def scenario():
        async with serving(PAGES) as served, Browser(BrowserLimits(path=browser_program)) as browser:
            renderer = BrowserRenderer(browser, POLICY)
            first = asyncio.create_task(renderer.render(RenderOrder(served.url("/503"), "text")))
            while browser._start_task is None:
                await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait([first])
            found = await renderer.render(RenderOrder(served.url("/503"), "text"))
            return found.content, browser.started_count

    assert run(scenario()) == ("down", 1)


def test_memory_of_a_group_is_seen():
    """Ours is there; that of a group which isn't is empty."""
    assert private_sizes(os.getpgrp())[os.getpid()] > 1 << 20
    assert private_sizes(0x7FFFFFFF) == {}


def test_the_browser_gets_no_keys(browser_program, monkeypatch):
    """What stands in the module's environment is nothing for a program that runs the scripts of strangers."""
    monkeypatch.setenv("OPENAI_KEY", "sk-secret-of-the-module")

    async def scenario():
        async with (
            Browser(BrowserLimits(path=browser_program)) as browser,
            browser.page(proxy_port=9, size_max=1),
        ):
            return Path(f"/proc/{process_of(browser)}/environ").read_bytes()

    environment = run(scenario())
    assert b"HOME=" in environment
    assert b"sk-secret" not in environment
