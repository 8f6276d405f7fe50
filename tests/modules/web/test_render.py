"""Pages on loopback in a real browser."""

from __future__ import annotations

import struct

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.web.render import RenderLimits, RenderOrder, status_of

TEXTS = [
    ("/plain", 200, "two words\n\nx\n\ny"),
    ("/503", 503, "down"),
    ("/404", 404, ""),
    ("/json", 200, '{"a": 1}'),
    ("/latin-1", 200, "gr\ufffd\ufffd"),
    ("/no-charset", 200, "grüß"),
    ("/surrogate", 200, "a\ufffdb"),
    ("/dialog", 200, "before\n\nfalse null"),
    ("/popup", 200, "before\n\ntrue"),
    ("/unload", 200, "before"),
    ("/own-functions", 200, "before"),
    ("/redirect", 200, "two words\n\nx\n\ny"),
]
SHORT = RenderLimits(load_timeout_s=0.5)
SMALL = RenderLimits(load_timeout_s=20, page_size_max=1 << 20, output_size_max=1 << 17)
FAILURES = [
    ("/slow", SHORT, 408),
    ("/loop", SHORT, 408),
    ("/late-loop", SHORT, 408),
    ("/big", SMALL, 507),
    ("/bomb", SMALL, 507),
    ("/long-text", SMALL, 507),
    ("/heap", SMALL, 507),
    ("/memory", SMALL, 507),
    ("/download", SMALL, 418),
    ("/cut", SMALL, 418),
    ("/to-file", SMALL, 418),
]


def rendered(world, path, mode="text", wait_s=0.0, limits=None, **settings):
    url = path if "://" in path else world.served.url(path)
    renderer = world.renderer(limits, **settings) if limits else world.renderer(**settings)
    return world.run(renderer.render(RenderOrder(url, mode, wait_s)))


@pytest.mark.parametrize(("path", "status", "text"), TEXTS)
def test_a_page_has_its_own_status_and_its_visible_text(world, path, status, text):
    """Whatever it tries: a wrong charset, a dialog, a popup, own functions in the place of the browser's."""
    page = rendered(world, path)
    assert (page.status, page.content, page.refused) == (status, text, None)


@pytest.mark.parametrize(("path", "limits", "status"), FAILURES)
def test_a_page_that_cannot_be_read_has_a_status_that_says_why(world, path, limits, status):
    """Slow, endless, too large, a decompression bomb, out of memory, no page at all: bounded, and the browser goes on."""
    page = rendered(world, path, limits=limits)
    assert (page.status, page.content) == (status, "")
    assert world.browser.started_count == 1


def test_a_page_may_need_its_script(world):
    """What the script makes within the wait is there."""
    assert rendered(world, "/script", wait_s=0.3).content == "made by a script"


def test_markup_is_that_of_the_document_as_it_is_now(world):
    """With its doctype."""
    html = rendered(world, "/script", "html", wait_s=0.3).content
    assert html.startswith("<!DOCTYPE html><html>")
    assert "<p>made by a script</p>" in html


def test_a_screenshot_is_a_png_of_the_window(world):
    """960 x 540, the same bytes for the same page."""
    first, second = (rendered(world, "/plain", "screenshot").content for _ in range(2))
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", first[16:24]) == (960, 540)
    assert first == second


def test_each_page_has_a_fresh_profile(world):
    """No cookie of the one before."""
    for _ in range(2):
        assert rendered(world, "/cookies").content == "cookies: none"


def test_a_popup_asks_for_nothing(world):
    """It is not opened."""
    rendered(world, "/popup", wait_s=0.2)
    assert "/hit-by-popup" not in {request.path for request in world.served.requests}


def test_a_page_may_send(world):
    """Bodies pass the proxy whole."""
    assert rendered(world, "/posts", wait_s=0.3).content == f"before\n\n{len('POST ') + 100_000}"


def test_the_status_is_that_of_the_document_shown(world):
    """A script may go to another one."""
    page = rendered(world, "/script-to-503", wait_s=0.3)
    assert (page.status, page.content) == (503, "down")


def test_the_slack_of_a_limit_is_small(world):
    """What fits is read, one more byte is not."""
    exact = RenderLimits(load_timeout_s=2, output_size_max=len("down"))
    assert rendered(world, "/503", limits=exact).content == "down"
    less = RenderLimits(load_timeout_s=2, output_size_max=len("down") - 1)
    assert rendered(world, "/503", limits=less).status == 507


def test_a_url_that_breaks_the_rules_is_not_opened(world):
    """Even if a script doesn't check it."""
    for url, code in (("file:///etc/passwd", "SCHEMA_FORBIDDEN"), ("http://a.com:81/", "PORT_FORBIDDEN")):
        with pytest.raises(ModuleError, match=code):
            rendered(world, url)


def test_a_url_that_only_the_browser_refuses(world):
    """It fails like a page."""
    assert rendered(world, "http://a<b.com/").status == 418


def test_a_certificate_that_nobody_trusts(world, own_certificate):
    """495, as a webdriver service tells it."""
    from tests.modules.http.servers import page, serving

    async def scenario():
        async with serving({"/": page("secret")}, ssl=own_certificate) as served:
            return await world.renderer().render(RenderOrder(served.url(scheme="https"), "text"))

    assert world.run(scenario()).status == 495


def test_errors_of_the_browser_have_a_status():
    """As in spec/manager-modules.md 4.6; 418 for all that is not listed."""
    rows = {"NAME_NOT_RESOLVED": 502, "CONNECTION_REFUSED": 503, "CONNECTION_TIMED_OUT": 408, "TIMED_OUT": 408,
            "CERT_DATE_INVALID": 495, "SSL_PROTOCOL_ERROR": 495, "ABORTED": 418, "NEW": 418}  # fmt: skip
    assert {name: status_of(f"net::ERR_{name}") for name in rows} == rows
