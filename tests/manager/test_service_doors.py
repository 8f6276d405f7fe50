"""Who may ask, and how a refusal looks: a real server with the middlewares of the service."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from genvm_replay.errors import (
    Divergence,
    EnvironmentProblem,
    JournalError,
    PeerProtocolError,
    ReplayError,
    UsageError,
)
from genvm_replay.manager import refusals
from genvm_replay.manager.auth import Doorkeeper, is_loopback, read_token
from genvm_replay.manager.discretion import Discretion
from genvm_replay.manager.refusals import Refusals

TOKEN = "t" * 32


def asked(
    error: Exception | None = None,
    *,
    token: str | None = None,
    path: str = "/x",
    method: str = "GET",
    plain: bool = False,
    **headers: str,
):
    """Status, body and headers of one request to a service whose only handler raises this."""

    async def handle(_request: web.Request) -> web.Response:
        if error is not None:
            raise error
        return web.Response(text="done")

    async def talk() -> tuple[int, dict, dict]:
        middlewares = [
            Refusals(Discretion(["/home/me/secret"]), plain=plain).middleware,
            Doorkeeper(["studio.local"], token).middleware,
        ]
        app = web.Application(middlewares=middlewares, client_max_size=1000)
        app.router.add_get("/x", handle)
        app.router.add_get("/health", handle)
        async with TestServer(app, host="127.0.0.1") as server, ClientSession() as session:
            got = await session.request(method, server.make_url(path), headers=headers)
            return got.status, await got.json() if got.status != 200 else {}, dict(got.headers)

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("a: off"), 400),
        (PeerProtocolError("a"), 400),
        (refusals.NotThere("a"), 404),
        (refusals.Conflict("a"), 409),
        (refusals.UnsupportedMedia("a"), 415),
        (refusals.Busy("a"), 429),
        (EnvironmentProblem("manager_is_stopping: it takes no more runs"), 503),
        (EnvironmentProblem("too_many_runs: 4096 wait"), 429),
        (refusals.TookTooLong("a"), 504),
        (UsageError("no_executor_version_available: major 7"), 409),
        (UsageError("module_already_running"), 409),
        (EnvironmentProblem("module_failed_to_start: no port"), 409),
        (JournalError("a"), 500),
        (Divergence("main", 0, "f", 1, 2), 500),
    ],
)
def test_an_error_has_the_status_of_its_class(error, status):
    got, told, _ = asked(error)
    assert (got, told) == (status, {"error": str(error)})


def test_every_status_is_documented():
    assert {status for _, status in refusals.STATUS} <= refusals.REASONS.keys()
    assert {*refusals.WORDS.values()} <= refusals.REASONS.keys()
    assert refusals.STATUS[-1][0] is ReplayError


@pytest.mark.parametrize("error", [RuntimeError("/etc/shadow"), EnvironmentProblem("/etc/shadow: off")])
def test_what_failed_here_is_logged_and_told_by_a_number(error, caplog):
    with caplog.at_level(logging.ERROR):
        status, told, _ = asked(error)
    assert status == 500
    assert "/etc" not in told["error"]
    number = told["error"].split()[-1]
    assert number in caplog.text
    assert "/etc/shadow" in caplog.text


def test_no_path_of_this_machine_is_told():
    _, told, _ = asked(UsageError("there is nothing in /home/me/secret/journal.db; unix:///tmp/a stays"))
    assert told == {"error": "there is nothing in <path>; unix:///tmp/a stays"}


def test_what_is_not_there_and_other_methods():
    assert asked(path="/y")[:2] == (404, {"error": "Not Found"})
    status, told, headers = asked(method="POST")
    assert (status, told) == (405, {"error": "Method Not Allowed"})
    assert headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:3999",
        "127.0.0.1:1",
        "[::1]:3999",
        "10.0.0.7",
        "studio.local:80",
        "studio.local.",
    ],
)
def test_names_of_this_host_are_heard(host):
    assert asked(Host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3999", "[", ""]
)
def test_another_name_is_refused(host):
    """A name of somebody else that points here is a page that wants to use this service."""
    assert asked(Host=host)[0] in (400, 421)


def test_a_page_of_another_origin_is_refused():
    assert asked(Origin="https://evil.example")[0] == 403
    assert asked(Origin="null")[0] == 403
    assert asked(Host="localhost:1", Origin="http://localhost:1")[0] == 200


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \udc80"],
)
def test_a_wrong_token_is_refused(given):
    headers = {"Authorization": given} if given else {}
    status, told, answered = asked(token=TOKEN, **headers)
    assert (status, answered["WWW-Authenticate"]) == (401, "Bearer")
    assert TOKEN not in told["error"]


def test_the_right_token_is_taken_and_health_needs_none():
    assert asked(token=TOKEN, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert asked(token=TOKEN, Authorization=f"bearer  {TOKEN}")[0] == 200
    assert asked(token=TOKEN, path="/health")[0] == 200


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_loopback(host, here):
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "less than"), (b"short", "less than"), (b"\xff" * 40, "ASCII"), (None, "can't read")],
)
def test_a_token_file_that_is_off_is_told(tmp_path, content, said):
    """A service must not start open because a file was empty."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_token(file, TOKEN, "127.0.0.1")


def test_where_the_token_comes_from(tmp_path):
    """The file counts more than the variable; only a loopback address needs none."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file, "x" * 20, "0.0.0.0") == TOKEN
    assert read_token(None, f" {TOKEN} ", "0.0.0.0") == TOKEN
    assert read_token(None, "", "127.0.0.1") is None
    with pytest.raises(UsageError, match="less than"):
        read_token(None, "short", "127.0.0.1")
    with pytest.raises(UsageError, match="--token-file"):
        read_token(None, "", "0.0.0.0")


@pytest.mark.parametrize(
    ("request_", "precise"),
    [
        ({"error": UsageError("timestamp is missing")}, 400),
        ({"error": refusals.Conflict("module_already_running: llm")}, 409),
        ({"error": refusals.Busy("too_many_runs: 9")}, 429),
        ({"method": "PUT"}, 405),
    ],
    ids=str,
)
def test_plain_statuses_are_the_documented_ones(request_, precise):
    """Every failure is 500 then, with the same text (docs/genvm-implementation-spec.txt, manager); 404 stays."""
    status, told, _ = asked(**request_)
    assert status == precise
    assert asked(**request_, plain=True)[:2] == (500, told)
    assert asked(path="/nowhere", plain=True)[0] == 404
    assert asked(token=TOKEN, plain=True)[0] == 401
    assert asked(plain=True)[0] == 200
