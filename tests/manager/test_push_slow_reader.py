"""A reader of events that does not keep up: nobody waits for it, and it learns what it missed."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from genvm_replay.manager import push
from genvm_replay.manager.events import QUEUED_MAX, EventBoard, RunEvent
from genvm_replay.manager.metrics import METRICS, Metrics
from genvm_replay.manager.parts import MANAGER

OUTPUTS = 4 * QUEUED_MAX
TEXT = "x" * 16_384  # more than sockets hold on the way: the sender has to wait


def service(board: EventBoard) -> web.Application:
    """The WebSocket alone, on a real board of events."""
    app = web.Application()
    app[MANAGER] = SimpleNamespace(runs=SimpleNamespace(subscribe=board.subscribe))  # type: ignore[misc]
    app[METRICS] = Metrics()
    app[push.SOCKETS] = set()
    app.router.add_route("GET", "/ws", push.push_events.handle)
    return app


def test_what_was_lost_is_told_and_the_end_is_not_lost():
    """All output was either delivered or counted as lost; the end of the run came, and came last."""

    async def scenario() -> list[dict]:
        board, found = EventBoard(), []
        async with (
            TestServer(service(board)) as server,
            ClientSession() as session,
            session.ws_connect(server.make_url("/ws")) as socket,
        ):
            while not board.watched(1):
                await asyncio.sleep(0)
            board.tell(RunEvent(1, "started"))
            for number in range(OUTPUTS):
                board.tell(RunEvent(1, "output", {"stream": "stdout", "text": TEXT}))
                if number % 100 == 0:
                    await asyncio.sleep(0)
            board.tell(RunEvent(1, "finished", {"cause": "exited"}))
            while not found or found[-1]["event"] != "finished":
                found.append(json.loads((await socket.receive()).data))
        return found

    events = asyncio.run(scenario())
    assert events[0] == {"event": "started", "run": 1}
    lost = sum(one["count"] for one in events if one["event"] == "lost")
    outputs = sum(one["event"] == "output" for one in events)
    assert lost > 0
    assert outputs + lost == OUTPUTS
    assert events[-1] == {"event": "finished", "run": 1, "cause": "exited"}


def test_a_reader_that_has_gone_is_forgotten():
    """The board keeps no events for nobody."""

    async def scenario() -> None:
        board = EventBoard()
        async with TestServer(service(board)) as server, ClientSession() as session:
            async with session.ws_connect(server.make_url("/ws")):
                while not board.watched(1):
                    await asyncio.sleep(0)
            while board.watched(1):
                await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 30))
