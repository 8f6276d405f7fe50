"""The web module as an executor meets it, without the socket: real Lua, real HTTP, a real browser."""

from __future__ import annotations

import pytest

from genvm_replay import calldata
from genvm_replay.errors import UsageError
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.messages import GetStats, Prompt, Render, Request
from genvm_replay.modules.session import Module
from genvm_replay.modules.web.config import load_web_config
from genvm_replay.modules.web.module import WebModule, module_from_config
from tests.modules.http.servers import KeyHolder, a_session, page, redirect, run, serving

HOLDER = KeyHolder()
PAGES = {
    "/": page("<p>hello", x_a="b"),
    "/503": page("<p>down", status=503),
    "/bytes": page(b"\xff\x00", content_type="image/x"),
    "/away": redirect("http://a.com:81/"),
    "/sign": HOLDER.handle,
}


def a_request(url, method="GET", headers=None, body=None, sign=False):
    return Request(method, url, headers or {}, body, sign)


async def exchange(*ask, session=None, **document):
    """What a module answers to messages, which `ask` makes of a server's URL; errors among the answers."""
    session = session or a_session()
    async with serving(PAGES) as served:
        document |= {"always_allow_hosts": ["127.0.0.1"], "signer_url": served.url("/sign"), "vm_count": 1}
        async with WebModule(load_web_config(document, {})) as module:
            answers = []
            async with module.session(session) as answering:
                for make in ask:
                    try:
                        answers.append(await answering.answer(make(served)))
                    except ModuleError as error:
                        answers.append(error)
            return answers, session, served, module.stats()


def test_an_answer_is_what_an_executor_knows():
    """A map with `response`, which calldata carries (spec/manager-modules.md 1.3)."""
    [answer, raw], session, served, stats = run(
        exchange(
            lambda s: a_request(s.url(), "POST", {"A": b"\xc3\xa4"}, b"\x00\xff"),
            lambda s: a_request(s.url("/bytes")),
        )
    )
    response = answer["response"]
    assert (response["status"], response["body"], response["headers"]["x-a"]) == (200, b"<p>hello", b"b")
    assert calldata.decode(calldata.encode(answer)) == answer
    assert served.bodies[0] == b"\x00\xff"
    assert served.requests[0].headers["a"] == "ä"
    assert raw["response"]["body"] == b"\xff\x00"
    assert [attempt["status"] for attempt in session.attempts] == [200, 200]
    assert (stats["requests"], stats["renders"], stats["errors"]) == (2, 0, 0)


def test_every_failure_of_a_request_can_be_caught():
    """The script takes fatality away; codes and facts stay (section 4.3)."""
    answers, *_ = run(
        exchange(
            lambda s: a_request("http://127.0.0.1:1/"),
            lambda s: a_request("http://a.com:81/"),
            lambda s: a_request("http://a.nosuch/"),
            lambda s: a_request("file:///etc/passwd"),
            lambda s: a_request("nothing"),
            lambda s: a_request(s.url("/away")),
        )
    )
    codes = [
        "SENDING_REQUEST",
        "PORT_FORBIDDEN",
        "TLD_FORBIDDEN",
        "SCHEMA_FORBIDDEN",
        "MALFORMED_URL",
        "PORT_FORBIDDEN",
    ]
    assert [(error.causes[0], error.fatal) for error in answers] == [(code, False) for code in codes]
    assert all(calldata.encode(error.ctx) for error in answers)


def test_a_signed_request():
    """The signer gets the base; the attempts have what an auditor needs."""
    HOLDER.signed.clear()
    [answer], session, served, _ = run(exchange(lambda s: a_request(s.url(), sign=True)))
    assert answer["response"]["status"] == 200
    assert served.requests[-1].headers["signature"].startswith("genvm=:")
    assert len(HOLDER.signed) == 1
    assert session.attempts[0]["salt"] == served.requests[-1].headers["genlayer-salt"]


def test_pages_are_rendered(browser_program):
    """Text, markup, screenshot; a page that failed is an error that a contract can catch, with its text."""
    [text, html, image, error], session, _, stats = run(
        exchange(
            lambda s: Render("text", s.url(), 0),
            lambda s: Render("html", s.url(), 0),
            lambda s: Render("screenshot", s.url(), 0),
            lambda s: Render("text", s.url("/503"), 0),
            browser={"path": browser_program},
        )
    )
    assert text == {"text": "hello"}
    assert html["text"].startswith("<html>")
    assert image["image"].startswith(b"\x89PNG")
    assert (error.causes, error.fatal) == (("WEBPAGE_LOAD_FAILED",), False)
    assert (error.ctx["status"], error.ctx["body"]) == (503, "down")
    assert [attempt["renderer"] for attempt in session.attempts] == ["browser"] * 4
    assert stats["renders"] == 4


def test_pages_come_from_a_webdriver_service():
    """Where the configuration names one; it needs no other permission, though it is on loopback."""

    async def scenario():
        async with serving({"/render": page("hi", resulting_status="200")}) as driver:
            return await exchange(
                lambda s: Render("text", "http://a.com/", 1500), webdriver_host=driver.url()
            ), driver

    (answers, session, *_), driver = run(scenario())
    assert answers == [{"text": "hi"}]
    assert driver.requests[0].query["waitAfterLoaded"] == "1.5"
    assert session.attempts[0]["renderer"] == "webdriver"


def test_a_wait_is_bounded():
    """`max_wait_after_loaded` cuts it."""

    async def scenario():
        async with serving({"/render": page("hi")}) as driver:
            ask = exchange(
                lambda s: Render("text", "http://a.com/", 10**9),
                webdriver_host=driver.url(),
                max_wait_after_loaded=2,
            )
            return await ask, driver

    _, driver = run(scenario())
    assert driver.requests[0].query["waitAfterLoaded"] == "2"


OWN = """
local lib, web = require("lib-genvm"), require("lib-web")
function Render(ctx, payload)
  if payload.mode == "html" then return { response = { status = 201, headers = {}, body = "x" } } end
  if payload.mode == "text" then return 7 end
  lib.rs.request(ctx, { method = "GET", url = web.rs.config.webdriver_host .. "/render", headers = {} })
  return { image = ctx.host_data.tx_id .. " " .. payload.wait_after_loaded }
end
function Request(ctx, payload) error("no") end
"""


def test_a_script_of_the_operator(tmp_path):
    """It decides; the service of the configuration is in its reach; what it gets wrong ends the run with a code."""
    script = tmp_path / "own.lua"
    script.write_text(OWN)

    async def scenario():
        async with serving({"/render": page("hi")}) as driver:
            return await exchange(
                lambda s: Render("screenshot", "x", 500),
                lambda s: Render("html", "x", 0),
                lambda s: Render("text", "x", 0),
                lambda s: a_request("x"),
                lua_script_path=str(script),
                webdriver_host=driver.url(),
            )

    [image, response, bad, failed], *_ = run(scenario())
    assert image == {"image": b"0xdef 0.5"}
    assert response == {"response": {"status": 201, "headers": {}, "body": b"x"}}
    assert (bad.causes, bad.fatal) == (("LUA_VALUE",), True)
    assert failed.fatal


def test_what_is_not_for_the_web_module():
    """A prompt ends the run; statistics are the server's."""
    answers, *_ = run(exchange(lambda s: Prompt("Hi", "text", (), 0), lambda s: GetStats()))
    assert [(error.causes[0], error.fatal) for error in answers] == [("UNKNOWN_MESSAGE", True)] * 2


def test_a_module_comes_from_a_file(tmp_path):
    """And has the shape that the server wants."""
    path = tmp_path / "web.yaml"
    path.write_text("vm_count: 1\n")
    module: Module = module_from_config(path, {})
    assert module.name == "web"


def test_a_script_that_lacks_a_function_is_told_at_the_start(tmp_path):
    """Not when the first contract asks."""
    script = tmp_path / "own.lua"
    script.write_text("function Render() end")

    async def scenario():
        async with WebModule(load_web_config({"lua_script_path": str(script)}, {})):
            pass

    with pytest.raises(UsageError, match="Request"):
        run(scenario())
