"""The webdriver service's interface, with a real browser behind it."""

from __future__ import annotations

import pytest
from aiohttp import web

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.http.client import HttpClient
from genvm_replay.modules.http.policy import url_policy
from genvm_replay.modules.web.render import RenderOrder
from genvm_replay.modules.web.webdriver import WebdriverRenderer
from tests.modules.http.servers import page, run, serving


async def asked(handler, order, pauses_s=(0.0, 0.0)):
    async with serving({"/render": handler}) as served, HttpClient(url_policy()) as client:
        renderer = WebdriverRenderer(client, served.url("/"), pauses_s=pauses_s)
        try:
            return await renderer.render(order), served.requests
        except ModuleError as error:
            return error, served.requests


def test_the_request_is_as_deployed():
    """Seconds with a fraction, the URL encoded as a form's (spec/manager-modules.md 4.5)."""
    order = RenderOrder("http://a.com/ö?b=c&d", "html", 1.5)
    found, [request] = run(asked(page("<p>hi", resulting_status="404"), order))
    assert dict(request.query) == {"url": order.url, "mode": "html", "waitAfterLoaded": "1.5"}
    assert (found.status, found.content) == (404, "<p>hi")


def test_a_page_through_a_service(world):
    """Text, markup and screenshot, with the page's own status."""

    async def scenario():
        async def render(request):
            order = RenderOrder(
                request.query["url"], request.query["mode"], float(request.query["waitAfterLoaded"])
            )
            found = await world.renderer().render(order)
            data = found.content if isinstance(found.content, bytes) else found.content.encode()
            return web.Response(body=data, headers={"Resulting-Status": str(found.status)})

        results = {}
        for mode in ("text", "html", "screenshot"):
            results[mode], _ = await asked(render, RenderOrder(world.served.url("/503"), mode))
        return results

    results = world.run(scenario())
    assert {found.status for found in results.values()} == {503}
    assert results["text"].content == "down"
    assert results["html"].content.startswith("<html>")
    assert results["screenshot"].content.startswith(b"\x89PNG")


def test_a_service_that_starts_again_is_waited_for():
    """Not the end of the run (issue: a restart killed runs)."""
    states = iter([500, 503, 200])

    async def starting(request):
        return web.Response(status=next(states), text="hello")

    found, requests = run(asked(starting, RenderOrder("http://a.com", "text")))
    assert (found.status, found.content, len(requests)) == (200, "hello", 3)


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (page("no", status=500), "STATUS_NOT_OK"),
        (page("no", resulting_status="x"), "READING_BODY"),
        (page("x" * (6 << 20)), "READING_BODY"),
    ],
)
def test_a_service_that_keeps_failing_has_its_code(handler, code):
    """Tried three times here; not fatal, so that a contract can go on."""
    error, requests = run(asked(handler, RenderOrder("http://a.com", "text")))
    assert isinstance(error, ModuleError)
    assert (error.causes[0], error.fatal, len(requests)) == (code, False, 3)


def test_no_service():
    """Nobody listens: the same."""

    async def scenario():
        async with HttpClient(url_policy()) as client:
            await WebdriverRenderer(client, "http://127.0.0.1:1", pauses_s=()).render(
                RenderOrder("http://a.com", "text")
            )

    with pytest.raises(ModuleError) as caught:
        run(scenario())
    assert (caught.value.causes, caught.value.fatal) == (("SENDING_REQUEST",), False)
