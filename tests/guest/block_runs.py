"""Run Python contracts with nondeterministic blocks in the real VM, with real modules over WebSocket, and replay them.

A run is recorded, and then re-executed from the record alone: the roots must be the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

from websockets.sync.server import ServerConnection, serve

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.executor.effects import Live, Recording, Replaying, Streams
from genvm_replay.executor.engine import Build
from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.executor.machine import Machine
from genvm_replay.executor.moment import clock_ns
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.executor.rights import Rights
from genvm_replay.executor.transaction import RunReport, run_transaction
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.module_client import ModuleClient
from genvm_replay.journal.events import Answer, Event, GetLeaderNondetResult
from genvm_replay.journal.recorder import FinishedRun, RunRecorder
from genvm_replay.journal.run import Limits, Message, RunHeader
from genvm_replay.replay.local_node import call_object, store_code
from genvm_replay.replay.workbench import footer_of

HEADER = '# v0.1.10\n# { "Depends": "py-genlayer:test" }\nfrom genlayer import *\n'
CONTRACT, SENDER = b"c" * 20, b"s" * 20
MESSAGE = Message(CONTRACT, SENDER, SENDER, "61999", 0, False, "2026-01-02T03:04:05.000006Z")
LIMITS = Limits(1 << 30, None, 60_000)


def contract(*bodies: str, before: str = "") -> str:
    """A contract with methods `run0`, `run1` ... of these bodies, or `run` if there is one; `before` is above it."""
    names = ["run"] if len(bodies) == 1 else [f"run{number}" for number in range(len(bodies))]
    methods = "\n".join(
        f"    @gl.public.write\n    def {name}(self, *args):\n{indent(body.strip(), ' ' * 8)}\n"
        for name, body in zip(names, bodies, strict=True)
    )
    return f"{before}\nclass C(gl.Contract):\n    n: u32\n    m: TreeMap[str, u32]\n\n{methods}"


def rows(table: Sequence[tuple[Any, ...]], *columns: int) -> list[tuple[Any, ...]]:
    """For each row of a table the name of its method in `contract`, and these columns."""
    return [(f"run{number}", *(row[column] for column in columns)) for number, row in enumerate(table)]


Script = Callable[[Any], Value]


class Modules:
    """Both modules on one WebSocket; `web` and `llm` answer, `heard` is what they were asked."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.web: Script = lambda asked: {"Ok": {"text": f"page {asked['Render']['url']}"}}
        self.llm: Script = lambda asked: {"Ok": {"data": "yes", "consumed_gen": 1}}
        self.address = ""

    def serve(self, connection: ServerConnection) -> None:
        next(connection_messages := iter(connection))  # the hello
        for raw in connection_messages:
            asked = calldata.decode(raw if isinstance(raw, bytes) else raw.encode())
            if asked == "GetStats":
                connection.send(calldata.encode({}))
                continue
            self.heard.append(asked)
            answer = self.llm if {"Prompt", "PromptTemplate"} & asked.keys() else self.web  # type: ignore[operator, union-attr]
            connection.send(calldata.encode(answer(asked)))


@contextmanager
def running_modules() -> Iterator[Modules]:
    """Modules on a free port."""
    modules = Modules()
    with serve(modules.serve, "127.0.0.1", 0) as server:
        modules.address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield modules
        server.shutdown()


class Empty:
    """Committed state of which the contract is no part yet; everybody has 100."""

    def read_page(self, address: bytes, slot: bytes, page: int) -> bytes:
        return b""

    def balance(self, address: bytes) -> int:
        return 100


class Node(LocalHost):
    """A node. `leader`: what it knows of the leader's blocks, for a validator; without any, we lead."""

    def __init__(self, code: bytes, call: bytes, leader: Mapping[int, bytes] | None) -> None:
        super().__init__(Empty(), CONTRACT, call, 0)
        store_code(self, code)
        self._leader = leader

    def get_leader_nondet_result(self, request: GetLeaderNondetResult) -> Answer:
        return Answer(3) if self._leader is None else Answer(0, self._leader[request.call_no])


@dataclass
class Ran:
    """What one run did."""

    report: RunReport
    streams: Streams
    node: Node
    finished: FinishedRun
    heard: list[Any] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """What the contract returned; fails the test if it did not return."""
        assert self.report.outcome.kind == "return", (self.report.outcome, self.err)
        return calldata.decode(self.report.outcome.payload)

    @property
    def failure(self) -> tuple[str, str]:
        """Kind and message of a failure."""
        assert self.report.outcome.kind != "return", self.value
        return self.report.outcome.kind, self.report.outcome.payload.decode()

    @property
    def out(self) -> str:
        return self.streams.stdout.decode()

    @property
    def err(self) -> str:
        return self.streams.stderr.decode()

    @property
    def agrees(self) -> bool:
        """Whether the validators agreed with every block."""
        return self.report.disagreement is None

    @property
    def results(self) -> dict[int, bytes]:
        """What the leader posted, by block."""
        return {posted.call_no: posted.result for posted in self.node.nondet_results}

    def lines(self) -> dict[str, list[Event]]:
        run = self.finished.open()
        return {line.name: list(run.read_line(line.name)) for line in run.lines()}


@dataclass
class Bench:
    """Runtime, guest thread and modules of a test session."""

    cache: Path
    runtime: PythonRuntime
    modules: Modules
    thread: GuestThread = field(default_factory=GuestThread)

    def run(
        self,
        source: str,
        method: str = "run",
        *args: Value,
        leader: Mapping[int, bytes] | None = None,
        sync: bool = False,
        builds: tuple[Build, ...] = (Build.FAST,),
    ) -> Ran:
        """Run a method of a contract whose storage is empty, record it, replay it on these builds."""
        self.modules.heard.clear()
        node = Node((HEADER + source).encode(), call_object(method, args, {}), leader)
        streams, role = Streams(), "sync" if sync else "leader"
        header = RunHeader(b"t" * 32, role, None, MESSAGE, "rwscn", self.runtime.pins, LIMITS)  # type: ignore[arg-type]
        recorder = RunRecorder(header)
        client = ModuleClient(dict.fromkeys(("web", "llm"), self.modules.address), {"cookie": "c"})
        live = Live(node, clock_ns(MESSAGE), streams, client)
        report = self.execute(header, Recording(live, recorder), Build.EPOCH)
        client.finish()
        finished = recorder.finish(footer_of(report))
        for build in builds:
            self.replay(finished, build)
        return Ran(report, streams, node, finished, list(self.modules.heard))

    def validate(self, source: str, method: str = "run", *args: Value, **options: Any) -> tuple[Ran, Ran]:
        """Run as the leader, then as a validator of what that found."""
        led = self.run(source, method, *args)
        return led, self.run(source, method, *args, leader=led.results, **options)

    def replay(self, finished: FinishedRun, build: Build, runtime: PythonRuntime | None = None) -> None:
        """Re-execute from the record alone; every request, the footer and the root must be the same."""
        stored, header = finished.open(), finished.header
        recorder = RunRecorder(header)
        replaying = Replaying(stored.read_line)
        report = self.execute(
            header, Recording(replaying, recorder), build, image=stored.footer.image, runtime=runtime
        )
        replaying.finish(line.name for line in stored.lines())
        assert recorder.finish(footer_of(report)).root == finished.root

    def execute(
        self,
        header: RunHeader,
        door: Any,
        build: Build,
        *,
        image: str | None = None,
        runtime: PythonRuntime | None = None,
    ) -> RunReport:
        machine = Machine(runtime or self.runtime, build, header.limits, image=image)
        rights = Rights.from_letters(header.permissions)
        return self.thread.run(
            lambda: run_transaction(MESSAGE, rights, door, machine, sync=header.role == "sync"),
            interrupt=machine.interrupt,
            time_left_s=machine.time_left_s,
        )
