"""Load on the manager: transactions a second through the whole service, against the bare executor, in one run.

Both do the same small deterministic contract on the same hosts, which this process serves; rounds take turns, and the
medians are compared. The bare executor is `genvm run` started from `genvm warm`, a process a transaction, as many at
once as the service has permits; also shown: the same without the client's own process, which no node can do. The bare
executor records nothing; the service records everything.

Afterwards nothing may be lost: every run that was accepted has a result or a documented error, every result that the
service called recorded verifies and replays. `--kill` ends a worker, the launcher, a module or the
service itself in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402

from genvm_replay.executor.python_runtime.cache import default_cache  # noqa: E402
from genvm_replay.executor.python_runtime.runtime import PythonRuntime  # noqa: E402
from genvm_replay.forking.link import ANSWER, HEADER, SOCKET_VARIABLE, TAKEN, Request, release  # noqa: E402
from genvm_replay.host_bridge.local_host import LocalHost  # noqa: E402
from genvm_replay.host_bridge.server import HostServer  # noqa: E402
from genvm_replay.journal.database import open_database  # noqa: E402
from genvm_replay.replay.local_node import call_object, store_code  # noqa: E402
from genvm_replay.replay.reexecute import reexecute  # noqa: E402
from genvm_replay.replay.workbench import Workbench  # noqa: E402

TARGET = 0.6
CORES = 2
KILLED = 5  # workers, half a second apart
MOMENT = "2026-01-01T00:00:00Z"
CONTRACT = b"c" * 20
RESULT = b"\x00\x09"
CODE = b"""# { "Depends": "py-genlayer:test" }
from genlayer import *

class C(gl.Contract):
    n: u32
    @gl.public.write
    def inc(self, by: int) -> int:
        self.n = u32(self.n + by)
        return self.n
"""
GENVM = [sys.executable, "-c", "from genvm_replay.cli.warm.client import main; main()"]
ADDRESS = base64.b64encode(CONTRACT).decode()
MESSAGE: dict[str, Any] = {
    "contract_address": ADDRESS,
    "sender_address": ADDRESS,
    "origin_address": ADDRESS,
    "chain_id": "1",
    "is_init": False,
    "datetime": MOMENT,
}
NUMBERS = count(1)


class Empty:
    """Committed state without anything."""

    def read_page(self, _address: bytes, _slot: bytes, _page: int) -> bytes:
        """Nothing was written."""
        return b""

    def balance(self, _address: bytes) -> int:
        """Nobody owns anything."""
        return 0


class Gone(Exception):
    """The service does not answer."""


class Way(Protocol):
    """A way to have one transaction done."""

    async def do(self, uri: str, number: int) -> str:
        """Have it done by the host at `uri`; a word for how it ended, `done` if it did."""


@asynccontextmanager
async def node(folder: str) -> AsyncIterator[tuple[LocalHost, str, int]]:
    """A host for one transaction."""
    number = next(NUMBERS)
    host = LocalHost(Empty(), CONTRACT, call_object("inc", [1], {}), 0)
    store_code(host, CODE)
    async with HostServer(host, f"unix://{folder}/{number}", on_end=lambda _report: None) as server:
        yield host, server.uri, number
    with suppress(FileNotFoundError):
        os.unlink(f"{folder}/{number}")


async def load(way: Way, folder: str, clients: int, seconds: float) -> Counter[str]:
    """Let so many clients work for a time; how their transactions ended."""
    ends: Counter[str] = Counter()
    until = time.monotonic() + seconds

    async def client() -> None:
        while time.monotonic() < until:
            async with node(folder) as (host, uri, number):
                end = await way.do(uri, number)
                if end == "done" and host.result != RESULT:
                    end = "wrong result"
                ends[end if time.monotonic() <= until or end != "done" else "done late"] += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return ends


class Processes:
    """`genvm run`, a process each."""

    def __init__(self, warm: str, permits: int) -> None:
        self._environment = os.environ | {SOCKET_VARIABLE: warm, "PYTHONPATH": str(ROOT)}
        self._permits = asyncio.Semaphore(permits)

    async def do(self, uri: str, number: int) -> str:
        """One process."""
        async with self._permits:
            words = [*GENVM, *command_line(uri, number)]
            silence = asyncio.subprocess.DEVNULL
            done = await asyncio.create_subprocess_exec(
                *words, env=self._environment, stdin=silence, stdout=silence, stderr=silence
            )
            return "done" if await done.wait() == 0 else "failed"


class Links:
    """The same without the client's process."""

    def __init__(self, warm: str, permits: int) -> None:
        self._warm = warm
        self._permits = asyncio.Semaphore(permits)
        self._release = release()
        self._silence = os.open(os.devnull, os.O_RDWR)

    async def do(self, uri: str, number: int) -> str:
        """One connection to the warm process."""
        async with self._permits:
            request = Request(
                self._release, "/", [0, 1, 2], command_line(uri, number), dict(os.environ)
            ).encode()
            reader, writer = await asyncio.open_unix_connection(self._warm)
            link = writer.get_extra_info("socket")._sock
            link.setblocking(True)
            import socket

            socket.send_fds(link, [HEADER.pack(len(request))], [self._silence] * 3)
            link.setblocking(False)
            writer.write(request)
            answer = await reader.readexactly(len(TAKEN) + ANSWER.size)
            writer.close()
            return "done" if ANSWER.unpack(answer[len(TAKEN) :])[0] == 0 else "failed"


def command_line(uri: str, number: int) -> list[str]:
    """The words of `genvm run`."""
    data = json.dumps({"node_address": "a", "tx_id": str(number)})
    return [
        "run",
        "--debug-mode",
        "--sync",
        "--host",
        uri,
        "--message",
        json.dumps(MESSAGE),
        "--host-data",
        data,
    ]


class Service:
    """The manager over HTTP: started, watched by its WebSocket, asked by many clients."""

    def __init__(self, journal: str, permits: int) -> None:
        self._words = [
            "serve",
            "--db",
            journal,
            "--port",
            "0",
            "--permits",
            str(permits),
            "--log-level",
            "error",
        ]
        self.accepted: dict[int, int] = {}  # id of a run -> number of its transaction
        self.ends: dict[int, dict[str, Any]] = {}
        self.ready_s = 0.0
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def __aenter__(self) -> Service:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self.process.terminate()
        await self.process.wait()

    async def start(self) -> None:
        """Start the process, or start it again."""
        begun = time.perf_counter()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "genvm_replay", *self._words, env=environment, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.address = json.loads(await self.process.stdout.readline())["address"]
        self.ready_s = time.perf_counter() - begun
        self._events = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with suppress(aiohttp.ClientError):
            async with self._session.ws_connect(f"{self.address}/ws") as events:
                async for message in events:
                    event = json.loads(message.data)
                    if event["event"] == "finished" and event["run"] in self._waiting:
                        self._waiting.pop(event["run"]).set_result(None)
        for waiting in self._waiting.values():
            waiting.cancel()
        self._waiting.clear()

    async def do(self, uri: str, number: int) -> str:
        """Order a run, wait for its end, fetch its result."""
        order = {
            "major": 0,
            "message": MESSAGE,
            "is_sync": True,
            "capture_output": True,
            "host_data": json.dumps({"node_address": "a", "tx_id": str(number)}),
            "timestamp": MOMENT,
            "host": uri,
            "extra_args": ["--debug-mode"],
        }
        try:
            answer = await self._ask("POST", "/genvm/run", json=order)
            if "id" not in answer:
                return str(answer.get("error"))[:60]
            run_id = answer["id"]
            self.accepted[run_id] = number
            waiting = self._waiting[run_id] = asyncio.get_running_loop().create_future()
            end = await self._end(run_id)
            if end is None:
                await waiting
                end = await self._end(run_id)
            self._waiting.pop(run_id, None)
            assert end is not None
            self.ends[run_id] = end
            return "done" if end["error"] is None else str(end["error"]).partition(":")[0]
        except (aiohttp.ClientError, asyncio.CancelledError, Gone):
            await asyncio.sleep(0.1)  # it is being started again
            return "no answer"

    async def _end(self, run_id: int) -> dict[str, Any] | None:
        answer = await self._ask("GET", f"/genvm/{run_id}")
        if answer.get("unknown"):
            return {"error": "unknown", "journal_run": None}
        return answer["status"]

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        async with self._session.request(method, self.address + path, **more) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def collect(self) -> None:
        """Fetch the end of every run that was accepted and has not been seen to end."""
        for run_id in self.accepted:
            if run_id not in self.ends:
                answer = await self._ask("GET", f"/genvm/{run_id}?wait=60s")
                self.ends[run_id] = answer["status"] or {"error": "unknown", "journal_run": None}


async def kill(what: str, service: Service, after_s: float) -> None:
    """End a process of the service with SIGKILL, in the middle."""
    if what == "module":
        order = {"module_type": "web", "config": {"bind_address": "127.0.0.1:0"}}
        print("module:", await service._ask("POST", "/module/start", json=order))
    await asyncio.sleep(after_s)
    pid = service.process.pid
    if what == "manager":
        service.process.kill()
        await service.process.wait()
        await service.start()
        return
    if what == "launcher":
        os.kill(next(iter(children(pid))), signal.SIGKILL)
        return
    for _ in range(KILLED if what == "worker" else 1):
        await asyncio.sleep(0.5)
        victim = None
        while victim is None:
            victim = next(found(pid, what), None)
            await asyncio.sleep(0)
        os.kill(victim, signal.SIGKILL)
    if what == "module":
        await asyncio.sleep(0.5)
        print("module:", (await service._ask("GET", "/status"))["web_module"])


def found(manager: int, what: str) -> Any:
    """Processes of the launcher: executors, or modules."""
    for launcher in children(manager):
        for child in children(launcher):
            words = b""  # as of one that has ended
            with suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_bytes()
            if words and (b"modules" in words) == (what == "module"):
                yield child


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    with suppress(OSError):
        lists = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(word) for text in lists for word in text.split()]
    return []


def check(journal: str, service: Service, replays: int) -> list[str]:
    """What was lost, or does not verify or replay."""
    wrong = [f"run {run_id} is lost" for run_id in service.accepted if run_id not in service.ends]
    wrong += [f"run {run_id} is unknown" for run_id, end in service.ends.items() if end["error"] == "unknown"]
    recorded = [end["journal_run"] for end in service.ends.values() if end["journal_run"] is not None]
    runtime = PythonRuntime(Path(os.environ.get("GENVM_REPLAY_CACHE") or default_cache(os.environ)))
    with open_database(journal) as store:
        bench = Workbench(store, lambda: runtime)
        step = max(1, len(recorded) // replays) if replays else 1
        for number in recorded[::step]:
            report = reexecute(store.load_run(number), bench)
            if not report.identical:
                wrong.append(f"run {number} does not replay: {report.divergence}")
    print(
        f"checked: {len(service.accepted)} accepted, {len(recorded)} recorded, {len(recorded[::step])} replayed"
    )
    return wrong


def rate(ends: Counter[str], seconds: float) -> float:
    """Transactions a second."""
    return ends["done"] / seconds


@asynccontextmanager
async def warm_process(folder: str) -> AsyncIterator[str]:
    """A process that `genvm run` can start from; gives its socket."""
    words = [*GENVM, "warm", "--socket", f"{folder}/warm"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*words, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield f"{folder}/warm"
    finally:
        process.terminate()
        await process.wait()


async def measure(arguments: argparse.Namespace, folder: str) -> list[str]:
    """Rounds that take turns, and what went wrong."""
    journal = f"{folder}/journal.db"
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(Service(journal, arguments.permits))
        warm = await stack.enter_async_context(warm_process(folder))
        print(f"start to ready: {service.ready_s:.2f} s")
        if arguments.kill:
            killing = asyncio.create_task(kill(arguments.kill, service, arguments.seconds / 2))
            ends = await load(service, folder, arguments.clients, arguments.seconds)
            await killing
            print(f"ends with a killed {arguments.kill}: {dict(ends)}")
            await service.collect()
            return await asyncio.to_thread(check, journal, service, arguments.replays)
        ways: dict[str, Way] = {
            "genvm run, warm": Processes(warm, arguments.permits),
            "forks alone": Links(warm, arguments.permits),
            "service": service,
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            await load(way, folder, 4, 1)
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                clients = arguments.clients if way is service else 2 * arguments.permits
                begun = time.monotonic()
                ends = await load(way, folder, clients, arguments.seconds)
                rates[name].append((ends["done"] + ends["done late"]) / (time.monotonic() - begun))
                bad = {word: number for word, number in ends.items() if not word.startswith("done")}
                print(f"{name:18} {rates[name][-1]:7.1f} tx/s {bad or ''}", flush=True)
        medians = {name: statistics.median(found) for name, found in rates.items()}
        for name, median in medians.items():
            ratio = medians["service"] / median
            print(f"{name:18} median {median:7.1f} tx/s; the service has {ratio:.2f} of it")
        await service.collect()
        wrong = await asyncio.to_thread(check, journal, service, arguments.replays)
        if medians["service"] < TARGET * medians["genvm run, warm"]:
            wrong.append(f"the service has less than {TARGET} of the bare executor's rate")
        return wrong


def main() -> int:
    """Print the rates; 1 if anything is lost, or the share is below the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200, help="of the service, at once")
    parser.add_argument("--seconds", type=float, default=20, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    parser.add_argument("--permits", type=int, default=4, help="transactions at once, everywhere")
    parser.add_argument("--replays", type=int, default=0, help="of so many runs; 0: of all")
    parser.add_argument(
        "--kill", choices=["worker", "launcher", "module", "manager"], help="what to end in the middle"
    )
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as folder:
        wrong = asyncio.run(measure(arguments, folder))
    for line in wrong[:20]:
        print("WRONG:", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
