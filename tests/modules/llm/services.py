"""Services for tests: one by other people that answers well, and one that breaks on purpose."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

AI_MOCK = (
    "ai-mock==0.3.1", "aiofiles>=24.1,<25", "fastapi>=0.115,<1", "orjson>=3.10,<4", "starlette-compress>=1.4,<2",
    "uvicorn>=0.34,<1", "watchfiles>=1,<2",
)  # fmt: skip
INSTALL_SECONDS_MAX = 240
READY_REQUESTS_MAX = 1000


def ai_mock_python() -> Path:
    """The interpreter of an environment with ai-mock, which pins old libraries; made once and kept in the cache.

    Without ai-mock's own list of dependencies, most of which its server does not use.
    """
    root = Path(os.environ.get("GENVM_REPLAY_TEST_CACHE") or user_cache_path("genvm-replay-tests"))
    home = root / f"ai-mock-0.3.1-py{sys.version_info.major}{sys.version_info.minor}"
    python = home / "bin" / "python"
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (home / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", home], check=True)
            pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-compile", "--quiet"]
            pip.append("--disable-pip-version-check")
            for arguments in (["--no-deps", AI_MOCK[0]], AI_MOCK[1:]):
                subprocess.run([*pip, *arguments], check=True, timeout=INSTALL_SECONDS_MAX)
            (home / "done").touch()
    return python


@contextmanager
def ai_mock(answers: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """Run ai-mock with these answers; its URL."""
    responses = folder / "ai-mock.json"
    ready = {"type": "text", "input": {"content": "Ready?"}, "output": "Yes"}
    responses.write_text(json.dumps({"responses": [*answers, ready]}))
    with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "ai-mock.log").open("wb") as log:
        command = [ai_mock_python(), "-m", "uvicorn", "mockai.server:app", "--fd", str(listener.fileno())]
        environment = {**os.environ, "MOCKAI_RESPONSES": str(responses)}
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            pass_fds=[listener.fileno()],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            _wait_for_answers(url)
            yield url
        finally:
            process.kill()  # asked to end, it waits for its watcher of files without an end
            process.wait()


def _wait_for_answers(url: str) -> None:
    """A first request waits in the socket's queue; the answers are read some requests later."""
    message = {"role": "user", "content": [{"type": "text", "text": "Ready?"}]}
    body = json.dumps({"model": "m", "messages": [message]}).encode()
    request = urllib.request.Request(
        f"{url}/openai/chat/completions", body, {"content-type": "application/json"}
    )
    for _ in range(READY_REQUESTS_MAX):
        with urllib.request.urlopen(request, timeout=30) as response:
            if json.load(response)["choices"][0]["message"]["content"] == "Yes":
                return
    raise AssertionError("ai-mock does not read its answers")


def http(status: int, body: bytes, headers: str = "content-type: application/json\r\n") -> bytes:
    """A whole answer."""
    return b"HTTP/1.1 %d X\r\n%scontent-length: %d\r\n\r\n%s" % (status, headers.encode(), len(body), body)


GOOD_BODY = json.dumps(
    {"choices": [{"message": {"content": "good"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
).encode()
BOMB = gzip.compress(bytes(64 << 20), 9)
FAULTS: Mapping[str, bytes] = {
    "good": http(200, GOOD_BODY),
    "429": http(429, b'{"error": "slow down"}', "retry-after: 2\r\n"),
    "429-at-once": http(429, b'{"error": "slow down"}', "retry-after: 0\r\n"),
    "429-for-long": http(429, b"{}", "retry-after: 999999999\r\n"),
    "500": http(500, b'{"error": "broken"}'),
    "401": http(401, b'{"error": "no such key"}'),
    "html-503": http(503, b"<html>come back later</html>", "content-type: text/html\r\n"),
    "html-200": http(200, b"<html>a login page</html>"),
    "redirect": http(302, b"", "location: http://127.0.0.1:1/elsewhere\r\n"),
    "length": http(200, b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}'),
    "no-answer": http(200, b'{"choices": []}'),
    "deep": http(200, b"[" * 200_000),
    "truncated": http(200, GOOD_BODY)[:-5],
    "truncated-chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"choice",
    "closed": b"",
    "no-http": b"\x00\x01SSH-2.0\r\n\r\n",
    "long-header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n{}",
    "bomb": http(200, BOMB, "content-encoding: gzip\r\n"),
}  # fmt: skip
CLOSING = ("truncated", "truncated-chunks", "closed", "no-http", "long-header")


class FaultServer:
    """Speaks HTTP just well enough to break it: the first part of the path says how.

    Attributes:
        seen: what was asked for, by this part.
        heads, bodies: of the requests, as they came, as long as it `keeps` them.
        open: connections.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.heads: list[bytes] = []
        self.bodies: list[dict[str, Any]] = []
        self.keeps = True
        self.open = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(size[1]) if size else 0)
        fault = head.split()[1].split(b"/")[1].decode()
        self.seen[fault] += 1
        if self.keeps:
            self.heads.append(head)
            self.bodies.append(json.loads(body))
        if fault == "silent":
            await reader.read()
        elif fault == "stalled":
            writer.write(http(200, GOOD_BODY)[:-5])
            await reader.read()
        elif fault == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(bytes(1 << 20))
                await writer.drain()
        elif fault == "leaky":
            writer.write(http(401, json.dumps({"error": f"no such key: {head.decode()}"}).encode()))
        else:
            first = fault == "flaky" and self.seen[fault] == 1
            writer.write(FAULTS["429-at-once" if first else "good" if fault == "flaky" else fault])
        await writer.drain()
        return fault in FAULTS and fault not in CLOSING


@asynccontextmanager
async def fault_server() -> AsyncIterator[FaultServer]:
    """Run a FaultServer on loopback."""
    faults = FaultServer()
    server = await asyncio.start_server(faults.serve, "127.0.0.1", 0, limit=1 << 20, backlog=512)
    faults.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield faults
