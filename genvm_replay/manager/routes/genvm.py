"""Runs: started, watched, stopped, acknowledged (spec/manager-modules.md 6.3, 6.4, 6.8)."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing, suppress
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from ..operation import BINARY, operation, read_bytes
from ..order_schema import ORDER_BODY
from ..orders import read_order
from ..parts import Manager
from ..refusals import Conflict, NotThere
from ..results import Finished, RunStatus
from ..times import milliseconds

WAIT_SECONDS_MAX = 120.0
ARTIFACT_BYTES_MAX = 256 << 10
ID_MAX = 10**18 - 1
WAIT = re.compile("([0-9]{1,6})(ms|s)")
UNITS = {"ms": 0.001, "s": 1.0}


class RunId(msgspec.Struct):
    """Which run."""

    id: Annotated[int, Meta(ge=1, le=ID_MAX)]


class Wait(msgspec.Struct):
    """Wait for the end of the run, so long at most; longer than 120 s counts as 120 s."""

    wait: Annotated[
        str, Meta(pattern="^[0-9]{1,6}(ms|s)$", description="How long to wait for the end, such as `30s`.")
    ] = "0s"


class StopWait(msgspec.Struct):
    """How gently to stop."""

    wait_timeout_ms: Annotated[
        int, Meta(ge=0, le=600_000, description="After so long the run is killed.")
    ] = 30_000


class Piece(msgspec.Struct):
    """A piece of captured output."""

    field: Annotated[
        Literal["stdout", "stderr", "genvm_log"],
        Meta(description="Which output; the log has a JSON object a line."),
    ]
    offset: Annotated[int, Meta(ge=0, le=(1 << 53) - 1, description="First byte.")] = 0
    max_len: Annotated[int, Meta(ge=1, le=ARTIFACT_BYTES_MAX, description="At most so many.")] = (
        ARTIFACT_BYTES_MAX
    )


class Started(msgspec.Struct):
    """The run has begun."""

    id: int
    result: Literal["started"] = "started"


class RunEnd(msgspec.Struct):
    """How a run ended.

    `cause` is `exited`, `cancelled`, `deadline`, `shutdown` or `lost`; `finished_at` is in milliseconds since 1970;
    `journal_run` is its number in `/journal/runs`, where it was recorded.
    """

    finished_at: int
    stdout: str
    stderr: str
    genvm_log: list[Any]
    cause: str
    exit_code: int | None
    error: str | None
    journal_run: int | None


class RunAnswer(msgspec.Struct, omit_defaults=True):
    """How a run is: `status` is null while it goes on. Of one that is not known, `unknown` is true."""

    genvm_id: int
    status: RunEnd | None
    unknown: bool = False


class RunStopped(msgspec.Struct, omit_defaults=True):
    """It has ended; or why not."""

    genvm_id: int
    result: str | None = None
    error: str | None = None


class Acknowledged(msgspec.Struct):
    """It is forgotten."""

    genvm_id: int
    result: Literal["acknowledged"] = "acknowledged"


@operation("POST", "/genvm/run", takes=ORDER_BODY, refuses=(409, 429, 503))
async def start_run(manager: Manager, request: web.Request) -> Started:
    """Start a run. Waits for its permits, so the answer may take as long as the runs before.

    The body is JSON, or a calldata map with the same names, and `calldata` and `code` beside them."""
    return Started(await manager.runs.start(read_order(await read_bytes(request))))


@operation("GET", "/genvm/{id}")
async def read_run(manager: Manager, path: RunId, query: Wait) -> RunAnswer:
    """How a run is. Its result stays until it is acknowledged, or for as long as results are kept."""
    run = await _ended(manager, path.id, _seconds(query.wait))
    if run is None:
        return RunAnswer(path.id, None, unknown=True)
    return RunAnswer(path.id, None if run.finished is None else run_end(manager, run.finished))


@operation("DELETE", "/genvm/{id}")
async def stop_run(manager: Manager, path: RunId, query: StopWait) -> RunStopped:
    """Stop a run and forget it; it is killed if it has not ended in time. Answers when its process is gone."""
    if manager.runs.status(path.id) is None:
        return RunStopped(path.id, error="there is no such run")
    await manager.runs.cancel(path.id, query.wait_timeout_ms / 1000)
    manager.runs.acknowledge(path.id)
    return RunStopped(path.id, result="shutdown_completed")


@operation("POST", "/genvm/{id}/ack", refuses=(409,))
async def acknowledge_run(manager: Manager, path: RunId) -> Acknowledged:
    """Forget the result of a run that has ended."""
    if _known(manager, path.id).finished is None:
        raise Conflict(f"run {path.id} has not ended")
    manager.runs.acknowledge(path.id)
    return Acknowledged(path.id)


@operation(
    "GET", "/genvm/{id}/artifact", gives={BINARY: {"type": "string", "format": "binary"}}, refuses=(409,)
)
async def read_artifact(manager: Manager, path: RunId, query: Piece) -> web.Response:
    """A piece of the captured output of a run that has ended; `X-Artifact-Size` has the size of all."""
    finished = _known(manager, path.id).finished
    if finished is None:
        raise Conflict(f"run {path.id} has not ended")
    data = artifact(finished, query.field)
    piece = data[query.offset : query.offset + query.max_len]
    return web.Response(body=piece, content_type=BINARY, headers={"X-Artifact-Size": str(len(data))})


def run_end(manager: Manager, finished: Finished) -> RunEnd:
    """How a run ended, as it is told."""
    return RunEnd(
        finished_at=milliseconds(finished.finished_at),
        stdout=finished.stdout,
        stderr=finished.stderr,
        genvm_log=list(finished.genvm_log),
        cause=finished.cause,
        exit_code=finished.exit_code,
        error=None if finished.error is None else manager.discreet(finished.error),
        journal_run=finished.recorded_id,
    )


def artifact(finished: Finished, field: str) -> bytes:
    """One of the outputs as bytes."""
    if field == "genvm_log":
        return b"".join(msgspec.json.encode(line) + b"\n" for line in finished.genvm_log)
    return str(getattr(finished, field)).encode()


async def _ended(manager: Manager, run_id: int, seconds: float) -> RunStatus | None:
    """The status of a run once it has ended, or after so many seconds."""
    async with aclosing(manager.runs.subscribe(run_id)) as events:
        run = manager.runs.status(run_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while run is not None and run.finished is None:
                    if await anext(events, None) is None:
                        break
                    run = manager.runs.status(run_id)
    return run


def _known(manager: Manager, run_id: int) -> RunStatus:
    found = manager.runs.status(run_id)
    if found is None:
        raise NotThere(f"there is no run {run_id}")
    return found


def _seconds(text: str) -> float:
    found = WAIT.fullmatch(text)
    assert found is not None
    return min(int(found[1]) * UNITS[found[2]], WAIT_SECONDS_MAX)


OPERATIONS = (start_run, read_run, stop_run, acknowledge_run, read_artifact)
