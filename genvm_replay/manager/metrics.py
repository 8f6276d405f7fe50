"""Metrics of the service, in the text form of Prometheus. A registry a service, nothing global."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from .parts import Manager

LOG: Final = logging.getLogger(__name__)
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)  # seconds
GAUGES: Final[dict[str, tuple[str, Callable[[Manager], float]]]] = {
    "permits_free": ("Permits that no run holds.", lambda it: it.runs.permits.current),
    "permits": ("All permits.", lambda it: it.runs.permits.maximum),
    "runs_going_on": (
        "Runs that have not ended.",
        lambda it: sum(run.finished is None for run in it.runs.executions()),
    ),
    "runs_kept": ("Runs that are not acknowledged yet.", lambda it: len(it.runs.executions())),
    "runs_queued": ("Runs that wait for permits.", lambda it: it.runs.queued),
    "jobs_running": ("Replays, reports and the like that are going on.", lambda it: it.jobs.running),
    "jobs_waiting": ("Replays, reports and the like that wait.", lambda it: it.jobs.waiting),
    "llm_module_up": ("Whether the LLM module runs.", lambda it: it.modules.state("llm") == "running"),
    "web_module_up": ("Whether the web module runs.", lambda it: it.modules.state("web") == "running"),
}


class Metrics:
    """Counts what happens; looks at the rest when it is asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "genvm_replay_http_requests",
            "Answered requests.",
            ["operation", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "genvm_replay_http_request_seconds",
            "Time to answer.",
            ["operation"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._ended = Counter(
            "genvm_replay_runs_ended", "Runs, by how they ended.", ["cause"], registry=self._registry
        )
        self._counted: dict[str, int] = {}
        self.sockets = Gauge("genvm_replay_websockets", "Open WebSockets.", registry=self._registry)
        self._gauges = {
            name: Gauge(f"genvm_replay_{name}", about, registry=self._registry)
            for name, (about, _) in GAUGES.items()
        }

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request. The label is the operation's name, so that there are no more labels than operations."""
        name = getattr(request.match_info.handler, "operation_name", "other")
        began = time.perf_counter()
        response = await handler(request)
        took = time.perf_counter() - began
        LOG.debug("%s %s: %d, %.1f ms", request.method, request.path, response.status, took * 1000)
        self._seconds.labels(name).observe(took)
        self._requests.labels(name, response.status).inc()
        return response

    def text(self, manager: Manager) -> bytes:
        """What Prometheus reads."""
        for name, (_, look) in GAUGES.items():
            self._gauges[name].set(look(manager))
        for cause, count in manager.runs.ended.items():
            self._ended.labels(cause).inc(count - self._counted.get(cause, 0))
            self._counted[cause] = count
        return generate_latest(self._registry)


METRICS: Final = web.AppKey("metrics", Metrics)
