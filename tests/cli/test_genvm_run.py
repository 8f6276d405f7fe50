"""`genvm run` as a process, driven over a real socket by a node that keeps what it is told."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from executor.runners.archives import tarred, zipped
from executor.talking import TRAP, Talk
from guest.block_runs import running_modules
from websockets.sync.server import ServerConnection, serve

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.host_bridge.blocking_server import BlockingHostServer
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.modules import hello_of
from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import Answer, GetLeaderNondetResult, StorageRead
from genvm_replay.journal.recorder import CHECKPOINT_BYTES
from genvm_replay.replay.local_node import call_object, store_code

CONTRACT, SENDER = b"c" * 20, b"s" * 20
MOMENT = "2026-01-02T03:04:05Z"
COUNTER = """# v0.1.10
# { "Depends": "py-genlayer:test" }
from genlayer import *

class C(gl.Contract):
    n: u32
    @gl.public.write
    def inc(self, by: int) -> int:
        self.n = u32(self.n + by)
        print("by", by)
        return self.n
    @gl.public.write
    def spin(self):
        self.n = u32(1)
        while True:
            pass
"""


class Empty:
    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b""

    def balance(self, address: bytes) -> int:
        return 1000


class Node(LocalHost):
    """A node; `leader` is what it knows of nondeterministic blocks."""

    def __init__(self, code: bytes, call: bytes, leader: list[bytes] | None = None) -> None:
        super().__init__(Empty(), CONTRACT, call, 0)
        store_code(self, code)
        self.leader = leader
        self.disagreements: list[int] = []

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        return Answer(3) if self.leader is None else Answer(0, self.leader[request.call_no])

    def notify_nondet_disagreement(self, request: object) -> Answer:
        self.disagreements.append(request.call_no)  # type: ignore[attr-defined]
        return Answer()


def message(**changes: object) -> str:
    fields = {
        "contract_address": base64.b64encode(CONTRACT).decode(),
        "sender_address": base64.b64encode(SENDER).decode(),
        "origin_address": base64.b64encode(SENDER).decode(),
        "chain_id": "61999",
        "value": None,
        "is_init": False,
        "datetime": MOMENT,
        "$schema": "ignored",
    }
    return json.dumps(fields | changes)


def command(uri: str, *more: str, before: tuple[str, ...] = (), **changes: object) -> list[str]:
    program = [sys.executable, "-c", "from genvm_replay.cli.warm.client import main; main()"]
    data = '{"node_address": "0x1", "tx_id": "0x2"}'
    run = ["run", "--message", message(**changes), "--host", uri, "--host-data", data, "--cookie", "c"]
    return [*program, *before, *run, *more]


@pytest.fixture(params=["by itself", "warm"])
def process_env(environment: None, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of the processes that a test starts: each test runs by itself and through `genvm warm`."""
    warm = {"GENVM_WARM": request.getfixturevalue("warm_socket")} if request.param == "warm" else {}
    return os.environ | warm


@pytest.fixture(scope="module")
def warm_socket(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A process that `genvm run` starts from."""
    path = str(tmp_path_factory.mktemp("warm") / "w")
    words = [sys.executable, "-c", "from genvm_replay.cli.warm.client import main; main()"]
    words += ["warm", "--socket", path, "--cache", str(cache)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready: GENVM_WARM={path}\n"
        yield path
        process.terminate()
        assert process.wait(20) == 0
    assert not Path(path).exists()


Run = Callable[..., tuple[subprocess.CompletedProcess[str], Node]]


@pytest.fixture
def genvm(process_env: dict[str, str], tmp_path: Path) -> Run:
    """Run a contract's call over a Unix socket."""

    def run(code: bytes, call: bytes, *more: str, leader: list[bytes] | None = None, **changes: object):
        node = Node(code, call, leader)
        with BlockingHostServer(node, f"unix://{tmp_path}/host.sock") as server:
            words = command(server.uri, "--print=result", "--debug-mode", *more, **changes)
            done = subprocess.run(
                words, capture_output=True, text=True, env=process_env, timeout=60, check=False
            )
        return done, node

    return run


def test_a_python_contract(genvm: Run, tmp_path: Path, process_env: dict[str, str]) -> None:
    """Result, streams and state changes reach the node; the journal replays without it."""
    journal = tmp_path / "journal.db"
    done, node = genvm(COUNTER.encode(), call_object("inc", [5], {}), "--journal", str(journal))
    assert (done.returncode, done.stdout) == (0, 'by 5\nexecuted with `Return(")")`\n'), done.stderr
    assert node.result == b"\x00" + calldata.encode(5)
    assert node.written_pages()
    words = [sys.executable, "-m", "genvm_replay", "replay", "--all", "--db", str(journal), "--json"]
    replayed = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert (replayed.returncode, json.loads(replayed.stdout)["identical"]) == (0, True), replayed.stdout


def test_a_journal_that_can_not_be_written(genvm: Run, tmp_path: Path) -> None:
    """The result is handed over all the same; that it was not recorded is told, and by the exit code too."""
    (tmp_path / "file").write_text("")
    journal = tmp_path / "file" / "journal.db"
    done, node = genvm(COUNTER.encode(), call_object("inc", [5], {}), "--journal", str(journal))
    assert node.result == b"\x00" + calldata.encode(5)
    assert done.returncode == 1
    assert "the result was handed over, but not recorded" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("main", "line"),
    [
        ([{"Return": b"\xff"}], 'executed with `Return("\\x0b\\ff")`'),
        ([], 'executed with `Return("\\x00")`'),
        ([{"Rollback": 'say "no"'}], 'executed with `UserError("say \\"no\\"")`'),
        ([TRAP], 'executed with `VMError("wasm_trap UnreachableCodeReached")`'),
    ],
)
def test_ends_of_a_wasm_contract(genvm: Run, main: list[Value], line: str) -> None:
    """Each end has its line, and exit code 0."""
    done, node = genvm(Talk(main).code(), b"\x06")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == line
    assert node.result is not None


def test_official_archives_are_pinned(tmp_path: Path, process_env: dict[str, str]) -> None:
    """A run with an archive replays with that archive only, and is told so; one without it replays without."""
    tar = tarred({"runner.json": b'{"StartWasm": "m.wasm"}', "m.wasm": Talk([{"Return": 7}]).code()})
    runner = f"mine:{runner_hash(tar)}"
    code = zipped({"runner.json": json.dumps({"Depends": runner}).encode()})
    folder = tmp_path / "runners"
    path = folder / RunnerId.parse(runner).path
    path.parent.mkdir(parents=True)
    path.write_bytes(tar)
    config = tmp_path / "genvm.yaml"
    config.write_text(f"runners_dir: '{folder}'\n")
    journal = tmp_path / "journal.db"
    node = Node(code, b"\x06")
    with BlockingHostServer(node, f"unix://{tmp_path}/r.sock") as host:
        words = command(host.uri, "--journal", str(journal), before=("--config", str(config)))
        subprocess.run(words, env=process_env, timeout=60, check=True)
    assert node.result == b"\x00" + calldata.encode(7)
    replay = [sys.executable, "-m", "genvm_replay", "replay", "--all", "--db", str(journal)]
    without = subprocess.run(replay, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert (without.returncode, f"archive of {runner}" in without.stdout) == (3, True)
    replay += ["--runners", str(folder)]
    with_it = subprocess.run(replay, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert (with_it.returncode, "identical" in with_it.stdout) == (0, True), with_it.stdout


def test_a_version_that_is_not_admitted(genvm: Run) -> None:
    """The gate of the network's versions holds here."""
    done, _ = genvm(COUNTER.replace("v0.1.10", "v0.2.0").encode(), b"\x06")
    assert done.stdout == 'executed with `VMError("version_too_big")`\n'


def test_a_validator_that_disagrees(genvm: Run) -> None:
    """The node is told, and it is printed."""
    nondet: Value = {"RunNondet": {"data_leader": b"", "data_validator": b""}}
    code = Talk([nondet, {"Return": 1}], stage=[{"Return": False}]).code()
    done, node = genvm(code, b"\x06", leader=[b"\x00\x00"])
    assert done.stdout.endswith(
        'executed with `Return("\t")`\n'.replace("\t", "\\x09") + "nondet disagreement: 0\n"
    )
    assert node.disagreements == [0]
    done, node = genvm(code, b"\x06", "--sync", leader=[b"\x00\x00"])
    assert "disagreement" not in done.stdout
    assert node.disagreements == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_timeout(process_env: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    """The result is still handed over."""
    node = Node(COUNTER.encode(), call_object("spin", [], {}))
    with BlockingHostServer(node, f"unix://{tmp_path}/host.sock") as server:
        words = command(server.uri, "--print=result", "--debug-mode")
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=process_env) as process:
            deadline = time.monotonic() + 30
            while len(node.written_pages()) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(number)
            try:
                out, _ = process.communicate(timeout=30)
            finally:
                process.kill()
    assert (process.returncode, out) == (0, 'executed with `VMError("timeout")`\n')
    assert node.result is not None
    assert node.result[0] == 2


BAD: list[tuple[tuple[str, ...], dict[str, object], int]] = [
    ((), {"chain_id": "x"}, 1),
    ((), {"contract_address": "AAAA"}, 1),
    ((), {"value": -1}, 1),
    ((), {"is_init": None}, 1),
    ((), {"datetime": "never"}, 1),
    (("--permissions", "rr"), {}, 1),
    (("--host-data", "{}"), {}, 1),
    (("--print", "nothing"), {}, 2),
    (("--unknown",), {}, 2),
]


@pytest.mark.parametrize(("more", "changes", "code"), BAD)
def test_bad_arguments(
    process_env: dict[str, str], more: tuple[str, ...], changes: dict[str, object], code: int
) -> None:
    """Set-up failures are 1, usage errors 2; a line of JSON or of usage says what is wrong."""
    words = command("127.0.0.1:1", *more, **changes)
    done = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_no_host(process_env: dict[str, str]) -> None:
    """Nobody listens: exit code 1, soon."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        words = command(f"127.0.0.1:{free.getsockname()[1]}", before=("--log-fd", "1"))
        done = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["level"] == "error"


def test_modules_are_asked_over_a_web_socket(process_env: dict[str, str], tmp_path: Path) -> None:
    """Hello first, then requests; the answers reach the guest, the fuel the host; statistics at the end."""
    heard: list[Value] = []

    def module(connection: ServerConnection) -> None:
        for raw in connection:
            assert isinstance(raw, bytes)
            said = calldata.decode(raw)
            heard.append(said)
            if isinstance(said, dict) and "Prompt" in said:
                connection.send(calldata.encode({"Ok": {"data": "yes", "consumed_gen": 7}}))
            elif isinstance(said, dict) and "Request" in said:
                connection.send(calldata.encode({"UserError": {"causes": ["x"]}}))
            elif said == "GetStats":
                connection.send(calldata.encode({}))

    prompt: Value = {"ExecPrompt": {"prompt": "ok?", "images": []}}
    request: Value = {"WebRequest": {"method": "GET", "url": "http://x", "headers": {}}}
    code = Talk([{"RunNondet": {"data_leader": b"", "data_validator": b""}}], stage=[prompt, request]).code()
    with serve(module, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        config = tmp_path / "genvm.yaml"
        config.write_text(
            f"modules: {{llm: {{address: '${{where}}'}}, web: {{address: '${{where}}'}}}}\nwhere: '{address}'\n"
        )
        node = Node(code, b"\x06")
        with BlockingHostServer(node, f"unix://{tmp_path}/m.sock") as host:
            words = command(host.uri, before=("--config", str(config)))
            done = subprocess.run(words, capture_output=True, env=process_env, timeout=60, check=False)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert calldata.encode({"ok": "yes"}) in done.stdout
    assert calldata.encode({"error": {"causes": ["x"]}}) in done.stdout
    hello = hello_of("c", {"node_address": "0x1", "tx_id": "0x2"})
    assert hello["cookie"] == "c", "for the oldest modules"
    assert 0 <= hello["genvm_id"] < 2**53, "for those after them"
    payload = {"prompt": "ok?", "response_format": "text", "images": []}
    assert heard[:2] == [hello, {"Prompt": {"payload": payload, "remaining_fuel_as_gen": 2**53 - 1}}]
    assert heard.count("GetStats") == 2


def test_a_block_of_a_python_contract(process_env: dict[str, str], tmp_path: Path) -> None:
    """The leader's result reaches the node, a validator with other pages disagrees; both replay from the journal."""
    code = (Path(__file__).parent / "contracts" / "asking.py").read_bytes()
    journal, config, call = tmp_path / "journal.db", tmp_path / "genvm.yaml", call_object("ask", ["how?"], {})

    def transact(node: Node) -> str:
        with BlockingHostServer(node, f"unix://{tmp_path}/b.sock") as host:
            more = ("--print=result", "--debug-mode", "--journal", str(journal))
            words = command(host.uri, *more, before=("--config", str(config)))
            done = subprocess.run(
                words, capture_output=True, text=True, env=process_env, timeout=60, check=False
            )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with running_modules() as modules:
        config.write_text(
            f"modules: {{llm: {{address: '{modules.address}'}}, web: {{address: '{modules.address}'}}}}\n"
        )
        leader, validators = Node(code, call), []
        transact(leader)
        found = [posted.result for posted in leader.nondet_results]
        assert found == [b"\x00" + calldata.encode(["yes", "page http://a"])]
        for page in ("page http://a", "another"):
            modules.web = lambda _, page=page: {"Ok": {"text": page}}  # type: ignore[misc]
            validators.append(Node(code, call, found))
            assert transact(validators[-1]).endswith("disagreement: 0\n") is (page == "another")
    assert [node.disagreements for node in validators] == [[], [0]]
    assert leader.result == validators[0].result == validators[1].result
    words = [sys.executable, "-m", "genvm_replay", "replay", "--all", "--db", str(journal), "--json"]
    replayed = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert [json.loads(line)["identical"] for line in replayed.stdout.splitlines()] == [True] * 3


@pytest.mark.parametrize("requests", [0, 1, 5])
def test_a_host_that_goes_away(process_env: dict[str, str], tmp_path: Path, requests: int) -> None:
    """Exit code 1 and a line of log, at once: there is nobody left to tell the result."""
    path = str(tmp_path / "gone.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve_some() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                for _ in range(requests):
                    connection.recv(62)
                    connection.sendall(bytes(5))

        threading.Thread(target=serve_some, daemon=True).start()
        done = subprocess.run(
            command(f"unix://{path}"),
            capture_output=True,
            text=True,
            env=process_env,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["level"] == "error"


def test_a_module_that_is_not_there(process_env: dict[str, str], tmp_path: Path) -> None:
    """An internal error, handed over; the log and the guest's host stay whole."""
    prompt: Value = {"ExecPrompt": {"prompt": "ok?", "images": []}}
    code = Talk([{"RunNondet": {"data_leader": b"", "data_validator": b""}}], stage=[prompt]).code()
    config = tmp_path / "genvm.yaml"
    config.write_text("modules: {llm: {address: 'ws://127.0.0.1:1'}}\n")
    node = Node(code, b"\x06")
    with BlockingHostServer(node, f"unix://{tmp_path}/m.sock") as host:
        words = command(host.uri, "--print=result", before=("--config", str(config)))
        done = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, 'executed with `InternalError("")`\n')
    assert node.result is not None
    assert b"llm module failed: no answer from ws://127.0.0.1:1: " in node.result


def test_the_record_keeps_the_debug_mode(tmp_path: Path, process_env: dict[str, str]) -> None:
    """Without it `:test` is no runner: the run ends as `invalid_contract`, and so does its replay."""
    journal = tmp_path / "journal.db"
    node = Node(COUNTER.encode(), b"\x06")
    with BlockingHostServer(node, f"unix://{tmp_path}/d.sock") as host:
        words = command(host.uri, "--print=result", "--journal", str(journal))
        done = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert done.stdout == 'executed with `VMError("invalid_contract")`\n'
    words = [sys.executable, "-m", "genvm_replay", "replay", "--all", "--db", str(journal), "--json"]
    replayed = subprocess.run(words, capture_output=True, text=True, env=process_env, timeout=60, check=False)
    assert json.loads(replayed.stdout)["identical"] is True


TALKATIVE = """# v0.1.10
# { "Depends": "py-genlayer:test" }
from genlayer import *
import random

class C(gl.Contract):
    names: TreeMap[str, str]
    @gl.public.write
    def talk(self):
        for number in range(1100):
            print(random.randbytes(34_000).hex(), flush=True)
        while True:
            self.names.get(str(random.random()))
"""


class Watching(Node):
    """Kills the process that asks it for storage once its journal has a run."""

    def __init__(self, journal: Path, code: bytes, call: bytes) -> None:
        super().__init__(code, call)
        self.journal = journal
        self.process: subprocess.Popen[bytes] | None = None

    def storage_read(self, request: StorageRead) -> Answer:
        if self.process is not None and self.journal.exists():
            with open_database(self.journal, read_only=True) as store:
                if store.list_runs():
                    self.process.kill()
        return super().storage_read(request)


def test_a_long_run_that_is_killed(tmp_path: Path, environment: None) -> None:
    """What it had written by then is in the journal, marked, and is compared as far as it goes."""
    journal = tmp_path / "journal.db"
    node = Watching(journal, TALKATIVE.encode(), call_object("talk", [], {}))
    with BlockingHostServer(node, f"unix://{tmp_path}/k.sock") as host:
        words = command(host.uri, "--debug-mode", "--journal", str(journal))
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            node.process = process
            assert process.wait(120) == -signal.SIGKILL
    with open_database(journal) as store:
        (found,) = store.list_runs()
        assert (found.status, found.method) == ("interrupted", "talk")
        assert found.raw_bytes > CHECKPOINT_BYTES
    words = [sys.executable, "-m", "genvm_replay", "replay", "--all", "--db", str(journal), "--json"]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout)
    assert (told["identical"], told["prefix_only"], told["events"]) == (True, True, found.event_count)
