"""How the service is: status, health, metrics (spec/manager-modules.md 6.3, 6.11)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from aiohttp import web

from ...errors import EnvironmentProblem
from ..metrics import CONTENT_TYPE, METRICS
from ..operation import operation
from ..parts import Manager
from ..results import RunStatus
from ..times import rfc3339

State = Literal["running", "stopped", "stopping"]


class PermitsStatus(msgspec.Struct):
    """Permits that are free now, and all there are."""

    current: int
    max: int


class Ended(msgspec.Struct):
    """When a run ended."""

    finished_at: str


class Execution(msgspec.Struct):
    """A run, in short; times are RFC 3339."""

    result: Ended | None
    version: str
    started_at: str | None
    strict_deadline: str | None


class Status(msgspec.Struct):
    """The modules, the permits, and each run that is going on or not yet acknowledged."""

    llm_module: State
    web_module: State
    permits: PermitsStatus
    executions: dict[str, Execution]


class Health(msgspec.Struct):
    """That the service is there."""

    status: Literal["ok"] = "ok"


@operation("GET", "/status")
async def status(manager: Manager) -> Status:
    """The modules, permits and runs."""
    return Status(
        llm_module=manager.modules.state("llm"),
        web_module=manager.modules.state("web"),
        permits=PermitsStatus(manager.runs.permits.current, manager.runs.permits.maximum),
        executions={str(run.run_id): execution(run) for run in manager.runs.executions()},
    )


@operation("GET", "/health", refuses=(503,))
async def health(manager: Manager) -> Health:
    """Whether the service takes work. Needs no token."""
    if manager.closing.is_set():
        raise EnvironmentProblem("manager_is_stopping: it takes no more work")
    return Health()


@operation("GET", "/metrics", gives={CONTENT_TYPE: {"type": "string"}})
async def metrics(manager: Manager, request: web.Request) -> web.Response:
    """Metrics for Prometheus."""
    text = request.app[METRICS].text(manager)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})


def execution(run: RunStatus) -> Execution:
    """A run as `/status` tells it."""
    return Execution(
        result=None if run.finished is None else Ended(rfc3339(run.finished.finished_at)),
        version=run.version,
        started_at=_time(run.started_at),
        strict_deadline=_time(run.strict_deadline),
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


OPERATIONS = (status, health, metrics)
