"""A documented contract through real modules: real WebSockets, real Chromium, a page that needs JavaScript, models.

The models are the scripted provider, or a server that other people wrote. Leader and validators run; then everything
replays with the modules stopped, and no key is anywhere.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from modules.llm.services import ai_mock

from genvm_replay.cli.errors import ENVIRONMENT

from .conftest import CONTRACTS, start, wait

pytestmark = pytest.mark.usefixtures("browser_program")

GUARD_S = 60.0  # never waited for where things are right
SECRET = "sk-e2e-0123456789abcdef"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ff56c7a2bd0000000049454e44ae426082"
)
RAW_FIELD = b'"choices"'  # of what the model's server said
RATED = {"score": 88, "status": "active"}
STATUS = (
    'Is this status page showing all systems operational? Respond as JSON: {"all_operational": true/false}'
)
RATE = "Rate this page from 1 to 100: All systems operational"
RECEIPT = (
    'Does this receipt show a payment of 5? Respond as JSON: {"matches": true/false, "actual_amount": "..."}'
)
ANSWERS = [
    (STATUS, {"all_operational": True}),
    (RATE, RATED),
    (RECEIPT, {"matches": True, "actual_amount": "5"}),
]
PAGE = b"<!doctype html><title>t</title><p id=p>loading</p><script>p.innerText = 'All systems ' + 'operational'</script>"


class Page(BaseHTTPRequestHandler):
    """A page whose text is made by its script."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    """A configuration of both modules that needs no key."""
    (tmp_path / "answers.yaml").write_text(
        yaml.safe_dump({"answers": [{"prompt": prompt, "response": answer} for prompt, answer in ANSWERS]})
    )
    models = {"any": {"supports_json": True, "supports_image": True}}
    backends = {
        "keyless": {
            "provider": "anthropic",
            "host": "http://127.0.0.1:1",
            "key": "${ENV[E2E_UNSET]}",
            "models": models,
        },
        "script": {"provider": "scripted", "answers": "answers.yaml", "models": models},
    }
    path = tmp_path / "modules.yaml"
    path.write_text(
        yaml.safe_dump({"llm": {"backends": backends}, "web": {"always_allow_hosts": ["127.0.0.1"]}})
    )
    return path


def calls(page: str) -> list[tuple[str, ...]]:
    image = json.dumps({"$bytes": PNG.hex()})
    return [("check", json.dumps(page)), ("rate", json.dumps(page)), ("verify_receipt", image, '"5"')]


def children(of: int) -> set[int]:
    """Processes below a process."""
    tasks = Path(f"/proc/{of}/task").glob("*/children")
    own = {int(pid) for task in tasks for pid in task.read_text().split()}
    return own.union(*map(children, own))


def test_one_command_and_nothing_left(run, run_json, page, scripted, tmp_path):
    """`--modules` starts what the contract asks for and ends it; the cassette and the replay then need nothing."""
    tape = tmp_path / "tape.yaml"
    address = run_json("deploy", CONTRACTS / "status_board.py").object["address"]
    before = children(os.getpid())
    words = calls(page)[1]
    done = run_json("call", address, *words, "--modules", scripted, "--cassette", tape)
    called = done.object
    assert called.get("result", {}).get("kind") == "return", called
    assert "note: llm: " in done.err and "keyless" in done.err, done.err  # noqa: PT018
    assert children(os.getpid()) == before
    assert run("replay", called["tx"]).code == 0
    assert run("validate", called["tx"], "--cassette", tape, "--cassette-mode", "none").code == 0
    board = run_json("call", address, "board", "--view").object["result"]["value"]
    assert board == [False, False, 88, "All systems operational"]
    scripted.write_text("llm: {backends: {}}\nweb: {always_allow_hosts: 1}")
    refused = run("call", address, *words, "--modules", scripted)
    assert (refused.code, "always_allow_hosts" in refused.err) == (ENVIRONMENT, True), refused


def test_a_command_that_is_killed(run_json, scripted):
    """Its modules end by themselves, their browser and their scripts too."""
    with hanging_page() as (page, asked):
        address = run_json("deploy", CONTRACTS / "status_board.py").object["address"]
        command = start("call", address, "check", json.dumps(page), "--modules", scripted)
        assert asked.wait(GUARD_S)
        below = children(command.pid)
        assert len(below) > 2  # the module, its scripts, its browser
        handles = [os.pidfd_open(pid) for pid in below]
        command.kill()
        wait(command)
        for handle in handles:
            assert select.select([handle], [], [], GUARD_S)[0]  # it has ended
            os.close(handle)


@contextmanager
def hanging_page() -> Iterator[tuple[str, threading.Event]]:
    """A page that never comes, and whether it was asked for."""
    asked = threading.Event()

    def accept() -> None:
        with suppress(OSError):
            peer = listener.accept()[0]
            asked.set()
            with peer:
                while peer.recv(1000):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def service(name: str, config: Path) -> Iterator[tuple[str, list[str]]]:
    """A module as a process, and its log once it has ended."""
    process = start("modules", name, "--config", config, "--bind", "127.0.0.1:0", "--log-level", "debug")
    log: list[str] = []
    try:
        yield json.loads(process.stdout.readline())["address"], log
    finally:
        process.send_signal(signal.SIGTERM)
        ended = wait(process)
        log.append(ended.err)
    assert ended.code == 0, ended.err


def test_services_and_a_model_of_others(run, run_json, page, scripted, tmp_path, monkeypatch):
    """The key goes to the provider and nowhere else: not to the journal, an archive, a cassette, a log or the output."""
    monkeypatch.setenv("E2E_KEY", SECRET)
    answers = [
        {"type": "text", "input": {"content": prompt}, "output": json.dumps(answer)}
        for prompt, answer in ANSWERS
    ]
    with ai_mock(answers, tmp_path) as url:
        config = yaml.safe_load(scripted.read_text())
        models = {"m": {"supports_json": True, "supports_image": True}}
        config["llm"] = {
            "backends": {
                "down": {
                    "provider": "anthropic",
                    "host": "http://127.0.0.1:1",
                    "key": "${ENV[E2E_KEY]}",
                    "models": models,
                },
                "mock": {
                    "provider": "openai-compatible",
                    "host": f"{url}/openai/deployments",
                    "key": "${ENV[E2E_KEY]}",
                    "models": models,
                },
            }
        }
        scripted.write_text(yaml.safe_dump(config, sort_keys=False))
        with service("llm", scripted) as (llm, llm_log), service("web", scripted) as (web, web_log):
            tape = ["--cassette", tmp_path / "tape.yaml", "--cassette-mode", "all"]
            where = ["--llm", llm, "--web", web, "--keep-raw", *tape]
            address = run_json("deploy", CONTRACTS / "status_board.py").object["address"]
            outputs, sent = [], []
            for words in calls(page):
                called = run_json("call", address, *words, *where)
                assert called.object["result"]["kind"] == "return", called
                sent.append(called.object["tx"])
                judged = run("validate", sent[-1], *where)
                assert judged.code == 0, judged
                outputs += [called.out, judged.out]
    rows = run("--json", "query", "attempts").objects
    assert {(row["backend"], row["raw_size"] is not None) for row in rows if row["model"]} == {
        ("down", False),
        ("mock", True),
    }
    assert run("replay", "--all").code == 0
    assert run("export", "--all", "--to", tmp_path / "runs.capsule").code == 0
    shown = [run(*form, "show", tx, "--events").out for tx in sent for form in ((), ("--json",))]
    assert RAW_FIELD.hex() in "".join(shown)
    for text in (*outputs, *shown, *llm_log, *web_log):
        assert SECRET not in text
        assert SECRET.encode().hex() not in text
    for path in tmp_path.iterdir():
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
