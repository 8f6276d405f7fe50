"""`genvm-replay serve` as a command: what it needs, how it refuses, how it ends."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .served import environment, running_service

SECONDS_MAX = 60
TOKEN = "a-token-of-enough-characters"


def serve(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A service that should not start."""
    return subprocess.run(
        [sys.executable, "-m", "genvm_replay", "serve", "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=environment(folder) | variables,
        check=False,
    )


def test_a_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve(tmp_path, "--port", port)
    assert done.returncode == 3
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_journal_is_told(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"this is no database" * 100)
    done = serve(tmp_path)
    assert done.returncode == 3
    assert "journal.db" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"), [("permits: none", "permits"), ("prot: 1", "prot"), ("log_level: loud", "loud")]
)
def test_a_configuration_that_is_off_is_told(tmp_path, text, said):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    done = serve(tmp_path, "--config", str(file))
    assert (done.returncode, said in done.stderr) == (2, True)


def test_a_manifest_that_is_off_is_told(tmp_path):
    done = serve(tmp_path, "--manifest", str(tmp_path / "none.yaml"))
    assert (done.returncode, "manifest" in done.stderr) == (2, True)


def test_other_machines_need_a_token(tmp_path):
    done = serve(tmp_path, "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "--token-file" in done.stderr


def test_with_a_token_nobody_else_is_heard(tmp_path):
    """It is asked for everywhere but at /health, described in the document, stands in no log, and nothing inherits it.

    The configuration counts, and options count more.
    """
    file = tmp_path / "c.yaml"
    file.write_text("permits: 6\nallowed_env: [MINE_*]\nlog_level: trace\n")
    right = {"Authorization": f"Bearer {TOKEN}"}
    options = ("--config", str(file), "--permits", "8")
    with running_service(tmp_path, *options, GENVM_REPLAY_TOKEN=TOKEN) as service:
        assert service.ask("GET", "/health").status == 200
        for path in ("/status", "/openapi.json", "/metrics", "/ws"):
            assert service.ask("GET", path).status == 401
            assert service.ask("GET", path, headers={"Authorization": "Bearer x"}).status == 401
            assert service.ask("GET", path, headers=right).status == 200
        document = service.ask("GET", "/openapi.json", headers=right).json
        assert document["paths"]["/status"]["get"]["security"] == [{"token": []}]
        assert service.ask("GET", "/permits", headers=right).json == {"permits": 8}
        assert service.ask("POST", "/env", {"key": "MINE_A", "value": "x"}, right).status == 200
        assert service.ask("POST", "/env", {"key": "OTHER", "value": "x"}, right).status == 403
        own = f"/proc/{service.process.pid}/task/{service.process.pid}/children"
        children = Path(own).read_text().split()
        assert children
        for child in children:
            assert TOKEN.encode() not in Path(f"/proc/{child}/environ").read_bytes()
        assert service.stop() == 0
        assert TOKEN not in service.log.read_text()


def test_it_ends_with_its_parent(tmp_path):
    """--die-with-parent: the one that started it ends, so it does."""
    starter = (
        "import subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True);"
        "print(p.pid, p.stdout.readline(), flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-m", "genvm_replay", "serve", "--port", "0", "--die-with-parent"]
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(tmp_path),
    )
    assert parent.stdout is not None
    pid, _, line = parent.stdout.readline().partition(" ")
    assert json.loads(line)["event"] == "ready"
    parent.kill()
    parent.communicate(timeout=SECONDS_MAX)
    until = time.monotonic() + SECONDS_MAX
    while _runs(int(pid)):
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_journal_that_can_t_be_made_is_told(tmp_path):
    """Results have to be kept, so without a journal no service starts."""
    (tmp_path / "journal.db").mkdir()
    done = serve(tmp_path)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
