"""The service as one aiohttp application: wires the parts, decides nothing (docs/manager.md)."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from . import push
from .auth import Doorkeeper
from .metrics import METRICS, Metrics
from .openapi import make_document
from .operation import JSON, Operation, operation
from .parts import MANAGER, Manager
from .refusals import Refusals
from .routes import OPERATIONS

BODY_BYTES_MAX: Final = 64 << 20
DOCUMENT: Final = web.AppKey("document", bytes)


def create_app(
    manager: Manager,
    *,
    doorkeeper: Doorkeeper,
    body_bytes_max: int = BODY_BYTES_MAX,
    plain_statuses: bool = False,
) -> web.Application:
    """Make the application.

    Args:
        body_bytes_max: largest body of a request.
        plain_statuses: failures are 500, or 404, as the documents say.
    """
    metrics = Metrics()
    refusals = Refusals(manager.discreet, plain=plain_statuses)
    app = web.Application(
        middlewares=[metrics.middleware, refusals.middleware, doorkeeper.middleware],
        client_max_size=body_bytes_max,
    )
    app[MANAGER], app[METRICS] = manager, metrics
    app[push.SOCKETS] = set()
    operations = [*OPERATIONS, *push.OPERATIONS, read_document]
    for one in operations:
        _add(app, one)
    app[DOCUMENT] = msgspec.json.encode(
        make_document(operations, asks_token=doorkeeper.asks_token, plain=plain_statuses)
    )
    app.on_shutdown.append(push.close_all)
    return app


@operation("GET", "/openapi.json", gives={JSON: {"type": "object"}})
async def read_document(manager: Manager, request: web.Request) -> web.Response:
    """This document."""
    return web.Response(body=request.app[DOCUMENT], content_type=JSON)


def _add(app: web.Application, one: Operation) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await one.handle(request)

    handle.operation_name = one.name  # type: ignore[attr-defined]
    path = one.path.replace("{id}", "{id:[1-9][0-9]{0,17}}").replace("{run}", "{run:[1-9][0-9]{0,9}}")
    for method in (one.method, *(["HEAD"] if one.method == "GET" else [])):  # RFC 9110, 9.1
        app.router.add_route(method, path, handle)
