"""A whole service as a process, on a port of its own, and plain HTTP to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from genvm_replay.executor.python_runtime.cache import default_cache

SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass
class Service:
    """One that listens."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; a body that is no bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {} if raw is body else {"Content-Type": "application/json"}
        link = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        try:
            link.request(method, path, raw, {**kind, **(headers or {})})
            got = link.getresponse()
            return Answer(got.status, dict(got.getheaders()), got.read())
        finally:
            link.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS_MAX)


def environment(folder: Path) -> dict[str, str]:
    """Variables for a process under test: the shared cache, and a journal in this folder."""
    cache = os.environ.get("GENVM_REPLAY_TEST_CACHE") or str(default_cache(os.environ))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GENVM_REPLAY_")}
    return kept | {"GENVM_REPLAY_CACHE": cache, "GENVM_REPLAY_DB": str(folder / "journal.db")}


@contextmanager
def running_service(folder: Path, *options: str, **variables: str) -> Iterator[Service]:
    """A service on a journal in a folder, which is its working folder; ended at the end, if it still runs."""
    log = folder / "serve.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "genvm_replay", "serve", "--port", "0", "--db", "journal.db", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            env=environment(folder) | variables,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"it does not start: {log.read_text()}"
        ready = json.loads(line)
        assert ready["event"] == "ready"
        yield Service(process, int(ready["address"].rpartition(":")[2]), log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def replay_program(folder: Path, *words: str) -> list[Any]:
    """The JSON objects that a command of `genvm-replay` prints, on the same journal."""
    done = subprocess.run(
        [sys.executable, "-m", "genvm_replay", "--json", *words],
        capture_output=True,
        text=True,
        env=environment(folder),
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
