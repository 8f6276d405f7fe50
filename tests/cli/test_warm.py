"""`genvm warm`: what can go wrong between a client and the process that works for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.cli.warm.client import handed_over
from genvm_replay.forking.link import ANSWER, HEADER, Request, user_of
from genvm_replay.host_bridge.blocking_server import BlockingHostServer
from genvm_replay.replay.local_node import call_object

from .test_genvm_run import COUNTER, Node, command

GENVM = [sys.executable, "-c", "from genvm_replay.cli.warm.client import main; main()"]
WAIT_S = 30
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
names = st.text(st.characters(exclude_characters="\0=", exclude_categories=("Cs",)), min_size=1)


@given(texts, texts, st.lists(st.integers(0, 99), max_size=8), st.lists(texts), st.dictionaries(names, texts))
def test_a_request_survives_the_socket(release, folder, numbers, arguments, environment) -> None:
    """Decoding is the inverse of encoding."""
    made = Request(release, folder, numbers, arguments, environment)
    assert vars(Request.decode(made.encode())) == vars(made)


@pytest.mark.parametrize(
    "data", [b"", b"a\0b", b"a\0b\0x y", b"r\0f\x001 1\x003", b"r\0f\x009 0" + b"\x001" * 9]
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    """With the one error that the server expects."""
    with pytest.raises(ValueError, match="not a request"):
        Request.decode(data)


@pytest.fixture
def warm(cache: Path, tmp_path: Path, environment: None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A warm process of the test's own, and its socket."""
    path = str(tmp_path / "w")
    words = [*GENVM, "warm", "--socket", path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process, path
        process.kill()


def spinning(uri: str, path: str) -> subprocess.Popen[str]:
    """A client whose contract never ends."""
    env = os.environ | {"GENVM_WARM": path}
    words = command(uri, "--debug-mode", "--print=result")
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


class Spinning(Node):
    """Tells when the contract has begun, and when its executor is gone."""

    def __init__(self) -> None:
        self.began = threading.Event()
        super().__init__(COUNTER.encode(), call_object("spin", [], {}))
        self.began.clear()  # storing the code is a write too

    def storage_write(self, request: object) -> object:
        answer = super().storage_write(request)  # type: ignore[arg-type]
        self.began.set()
        return answer


Act = Callable[[subprocess.Popen[str], subprocess.Popen[str]], None]


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda client, _: client.kill(), -signal.SIGKILL),
        (lambda _, server: server.kill(), 1),
        (lambda _, server: server.terminate(), 1),
    ],
)
def test_neither_side_outlives_the_other(
    warm: tuple[subprocess.Popen[str], str], tmp_path: Path, act: Act, code: int
) -> None:
    """A killed client takes its work along; a client whose server is gone says so and fails. Nobody hangs."""
    server, path = warm
    node = Spinning()
    with BlockingHostServer(node, f"unix://{tmp_path}/h") as host, spinning(host.uri, path) as client:
        assert node.began.wait(WAIT_S)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(children) == 1
        act(client, server)
        try:
            _, err = client.communicate(timeout=WAIT_S)
        finally:
            client.kill()
        assert client.returncode == code
        assert "Traceback" not in err
        pid = os.pidfd_open(int(children[0])) if Path(f"/proc/{children[0]}").exists() else None
        if pid is not None and code != 1:
            assert_ended(pid)


def assert_ended(pid: int) -> None:
    """The process of this descriptor ends soon."""
    import select

    assert select.select([pid], [], [], WAIT_S)[0]
    os.close(pid)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0",
        HEADER.pack(3) + b"abc",
        HEADER.pack(2**32 - 1),
        HEADER.pack(1) + b"too long",
        HEADER.pack(len(b"r\0/\x000 0")) + b"r\0/\x000 0",
    ],
)
def test_nonsense_ends_the_connection_only(
    warm: tuple[subprocess.Popen[str], str], tmp_path: Path, said: bytes
) -> None:
    """Another release, a request that is none: the client is hung up on, and the next one is served."""
    server, path = warm
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        link.settimeout(WAIT_S)
        link.sendall(said)
        if len(said) < 2:
            link.shutdown(socket.SHUT_WR)
        assert link.recv(ANSWER.size) == b""
    node = Node(COUNTER.encode(), call_object("inc", [2], {}))
    with BlockingHostServer(node, f"unix://{tmp_path}/h") as host:
        env = os.environ | {"GENVM_WARM": path}
        words = command(host.uri, "--debug-mode")
        assert (
            subprocess.run(words, env=env, timeout=WAIT_S, check=False, capture_output=True).returncode == 0
        )
    assert node.result == b"\x00\x11"
    assert server.poll() is None


@pytest.mark.parametrize("number", [10, 99, 100, 250])
def test_the_log_goes_where_it_was_asked_to(
    warm: tuple[subprocess.Popen[str], str], tmp_path: Path, number: int
) -> None:
    """A descriptor above 2 is handed over too, under its number; with one that can't be, `genvm` works by itself."""
    _, path = warm
    with (tmp_path / "log").open("w+") as log:
        words = command(f"unix://{tmp_path}/nobody", before=(f"--log-fd={number}",))
        shell = ["bash", "-c", f'exec "$@" {number}>&{log.fileno()}', "bash", *words]
        environment = os.environ | {"GENVM_WARM": path}
        done = subprocess.run(shell, env=environment, pass_fds=[log.fileno()], timeout=WAIT_S, check=False)
        log.seek(0)
        assert '"level": "error"' in log.read()
    assert done.returncode == 1


def test_two_do_not_share_a_socket(warm: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """The second is refused; so is a path where something else is; a dead process's socket is replaced."""
    server, path = warm
    (tmp_path / "file").write_text("mine")
    for taken in (path, str(tmp_path / "file")):
        words = [*GENVM, "warm", "--socket", taken]
        done = subprocess.run(words, timeout=60, capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert (tmp_path / "file").read_text() == "mine"
    server.kill()
    server.wait(WAIT_S)
    with subprocess.Popen([*GENVM, "warm", "--socket", path], stdout=subprocess.PIPE, text=True) as again:
        assert again.stdout is not None
        assert again.stdout.readline().startswith("ready")
        again.terminate()


def test_only_a_process_of_the_same_user_gets_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment may hold secrets: a listener of somebody else is sent not a byte."""
    path = str(tmp_path / "other")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        monkeypatch.setattr(
            os, "getuid", lambda: os.geteuid() + 1
        )  # to this process the listener is another user's
        assert handed_over(path, ["run"]) is None
        link, _ = listener.accept()
        with link:
            assert user_of(link) == os.geteuid()
            assert link.recv(1) == b"", "hung up on without a word"


def test_without_anybody_there_the_work_is_done_all_the_same(tmp_path: Path, environment: None) -> None:
    """A socket that nobody serves costs nothing but the attempt."""
    node = Node(COUNTER.encode(), call_object("inc", [2], {}))
    with BlockingHostServer(node, f"unix://{tmp_path}/h") as host:
        env = os.environ | {"GENVM_WARM": str(tmp_path / "nobody")}
        words = command(host.uri, "--debug-mode")
        subprocess.run(words, env=env, timeout=60, check=True, capture_output=True)
    assert node.result == b"\x00\x11"
