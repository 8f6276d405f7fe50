"""Scripted pages instead of the internet."""

from __future__ import annotations

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.messages import Render
from genvm_replay.modules.web.scripted import read_scripted_pages
from tests.modules.http.servers import run

from .test_module import a_request, exchange

PAGES = """
pages:
  - url: https://example.com/data
    headers: {Content-Type: application/json}
    body: '{"a": 1}'
  - {url: https://example.com/data, method: POST, status: 201}
  - {url: https://example.com/, body: <p>x</p>, text: x, screenshot: x.png}
  - {url: https://example.com/gone, status: 404, text: gone}
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    path = tmp_path / "pages.yaml"
    path.write_text(PAGES)
    return path


def test_pages_of_the_file_are_all_there_is(file):
    """Requests and renders; rules and failures are as with the internet; no browser and no network is needed."""
    ask = [
        lambda s: a_request("https://example.com/data"),
        lambda s: a_request("https://example.com/data", "POST"),
        lambda s: Render("text", "https://example.com/", 0),
        lambda s: Render("html", "https://example.com/", 0),
        lambda s: Render("screenshot", "https://example.com/", 0),
        lambda s: Render("text", "https://example.com/gone", 0),
        lambda s: a_request("https://example.com/other"),
        lambda s: Render("screenshot", "https://example.com/gone", 0),
        lambda s: a_request("https://example.com:81/"),
    ]
    answers, *_ = run(exchange(*ask, scripted_pages=str(file)))
    data = {"status": 200, "headers": {"content-type": b"application/json"}, "body": b'{"a": 1}'}
    assert answers[0] == {"response": data}
    assert answers[1] == {"response": {"status": 201, "headers": {}, "body": b""}}
    assert answers[2:5] == [{"text": "x"}, {"text": "<p>x</p>"}, {"image": b"\x89PNG"}]
    causes = [error.causes for error in answers[5:]]
    missing = ("SENDING_REQUEST", "NO_SCRIPTED_PAGE")
    assert causes == [("WEBPAGE_LOAD_FAILED",), missing, missing, ("PORT_FORBIDDEN",)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1", "pages: is missing"),
        ("pages: [1]", r"pages\[0\]: a map"),
        ("pages: [{}]", r"pages\[0\].url: is missing"),
        ("pages: [{url: a, methd: GET}]", r"pages\[0\].methd: no setting"),
        ("pages: [{url: a}, {url: a}]", r"pages\[1\].url: GET a is there twice"),
        ("pages: [{url: a, screenshot: none.png}]", r"pages\[0\].screenshot: .*none.png: No such file"),
    ],
)
def test_a_mistake_is_told_by_file_and_key(tmp_path, text, told):
    """What to look at."""
    path = tmp_path / "pages.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"pages\.yaml.*{told}"):
        read_scripted_pages(path)
