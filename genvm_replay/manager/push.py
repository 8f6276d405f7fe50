"""Events as they happen, over a WebSocket: JSON text frames, so that nobody needs to poll.

A reader that does not keep up loses output, never a beginning or an end, and is told how much (`lost`). One that takes
nothing for SEND_SECONDS_MAX is hung up on.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any, Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from msgspec import UNSET, Meta, UnsetType

from .events import RunEvent
from .metrics import METRICS
from .operation import JSON, answer, operation
from .parts import Manager
from .refusals import Busy, NotThere
from .routes.genvm import ID_MAX

SOCKETS_MAX: Final = 256
HEARTBEAT_SECONDS: Final = 20.0
SEND_SECONDS_MAX: Final = 30.0
MESSAGE_BYTES_MAX: Final = 1 << 10  # clients have nothing to say
SOCKETS: Final = web.AppKey("sockets", set)
EVENTS: Final = ("queued", "started", "output", "finished", "lost")


class EventsOf(msgspec.Struct):
    """Whose events."""

    run: Annotated[int, Meta(ge=1, le=ID_MAX, description="Of this run only; else of all.")] | UnsetType = (
        UNSET
    )


class SocketAbout(msgspec.Struct):
    """What the WebSocket tells: JSON text frames with `event`, one of `events`, and `run`."""

    events: list[str]
    heartbeat_seconds: float


@operation("GET", "/ws", gives={JSON: SocketAbout}, refuses=(404, 429))
async def push_events(manager: Manager, query: EventsOf, request: web.Request) -> web.StreamResponse:
    """Events of runs over a WebSocket; without `Upgrade: websocket`, what it would tell."""
    run_id = None if query.run is UNSET else query.run
    if run_id is not None and manager.runs.status(run_id) is None:
        raise NotThere(f"there is no run {run_id}")
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=MESSAGE_BYTES_MAX)
    if request.method != "GET" or not socket.can_prepare(request).ok:
        return answer(SocketAbout(list(EVENTS), HEARTBEAT_SECONDS))
    if len(request.app[SOCKETS]) >= SOCKETS_MAX:
        raise Busy(f"{SOCKETS_MAX} WebSockets are open already")
    await socket.prepare(request)
    request.app[SOCKETS].add(socket)
    try:
        with request.app[METRICS].sockets.track_inprogress():
            await _serve(manager, socket, run_id)
    finally:
        request.app[SOCKETS].discard(socket)
    return socket


async def close_all(app: web.Application) -> None:
    """Tell all readers that the service ends."""
    closing = (socket.close(code=WSCloseCode.GOING_AWAY, message=b"shutting_down") for socket in app[SOCKETS])
    await asyncio.gather(*closing, return_exceptions=True)


async def _serve(manager: Manager, socket: web.WebSocketResponse, run_id: int | None) -> None:
    """Send until either side has enough."""
    sending = asyncio.create_task(_send(manager, socket, run_id))
    listening = asyncio.create_task(_listen(socket))
    try:
        await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, listening):
            task.cancel()
        await asyncio.gather(sending, listening, return_exceptions=True)
        await socket.close()


async def _send(manager: Manager, socket: web.WebSocketResponse, run_id: int | None) -> None:
    """Send events until the run has ended, or the service does."""
    async with aclosing(manager.runs.subscribe(run_id)) as events:
        run = None if run_id is None else manager.runs.status(run_id)
        if run is not None and run.finished is not None:
            end = asdict(run.finished)
            told = {name: end[name] for name in ("cause", "exit_code", "error")}
            await _tell(socket, event_json(manager, RunEvent(run.run_id, "finished", told)))
            return
        async for event in events:
            if event.dropped:
                await _tell(socket, {"event": "lost", "run": event.run_id, "count": event.dropped})
            await _tell(socket, event_json(manager, event))
            if run_id is not None and event.kind == "finished":
                return


async def _tell(socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await socket.send_str(msgspec.json.encode(told).decode())


async def _listen(socket: web.WebSocketResponse) -> None:
    """Read until the client hangs up; what it says means nothing."""
    async for message in socket:
        if message.type is WSMsgType.ERROR:
            return


def event_json(manager: Manager, event: RunEvent) -> dict[str, Any]:
    """An event as it is told."""
    told = {"event": event.kind, "run": event.run_id, **event.data}
    if told.get("error") is not None:
        told["error"] = manager.discreet(told["error"])
    return told


OPERATIONS = (push_events,)
