"""Rendering by the deployed webdriver service, `GET /render` (spec/manager-modules.md 4.5, 4.6)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from yarl import URL

from ..errors import ModuleError
from ..http.client import HttpClient
from ..http.order import HttpOrder, HttpReply
from .render import Rendered, RenderOrder

PAUSES_S: Final = (0.5, 1.0, 2.0)
"""Between tries: what a service needs to start again. One try more than pauses."""
SLACK_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class WebdriverRenderer:
    """Renders by asking a service.

    A service that doesn't answer, or not with 200, is asked again: it may be starting. After the last try the error
    is one that a contract can catch, not the end of the run.
    """

    client: HttpClient
    host: str
    load_timeout_s: float = 30.0
    output_size_max: int = 5 << 20
    pauses_s: tuple[float, ...] = PAUSES_S

    async def render(self, order: RenderOrder) -> Rendered:
        query = {"url": order.url, "mode": order.mode, "waitAfterLoaded": f"{order.wait_s:g}"}
        url = str(URL(self.host.rstrip("/") + "/render").with_query(query))
        timeout_s = self.load_timeout_s + order.wait_s + SLACK_S
        http = HttpOrder("GET", url, body_size_max=self.output_size_max, timeout_s=timeout_s, unfiltered=True)
        for pause_s in self.pauses_s:
            try:
                return _rendered(await self._ask(http), order)
            except ModuleError:
                await asyncio.sleep(pause_s)
        try:
            return _rendered(await self._ask(http), order)
        except ModuleError as error:
            raise ModuleError(*error.causes, ctx={**error.ctx, "tries": len(self.pauses_s) + 1}) from error

    async def _ask(self, http: HttpOrder) -> HttpReply:
        reply = await self.client.request(http)
        if reply.status != 200:
            text = reply.body.decode("utf-8", "replace")
            raise ModuleError("STATUS_NOT_OK", ctx={"url": http.url, "status": reply.status, "body": text})
        return reply


def _rendered(reply: HttpReply, order: RenderOrder) -> Rendered:
    told = reply.headers.get("resulting-status", b"200")
    if not told.isdigit():
        raise ModuleError("READING_BODY", ctx={"resulting_status": told.decode("latin-1")})
    screenshot = order.mode == "screenshot"
    return Rendered(int(told[:3]), reply.body if screenshot else reply.body.decode("utf-8", "replace"))
