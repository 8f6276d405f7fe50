"""What the web module gives to scripts besides HTTP: `web.rs.render`, and its tables (spec/manager-modules.md 5.3)."""

from __future__ import annotations

import time
from typing import Any, Final

from ...calldata import Value
from ..errors import ModuleError
from ..http.policy import UrlPolicy, public
from ..lua.effects import Function
from ..lua.values import LuaValue, as_map, as_number, as_text, unexpected
from ..messages import MODES
from ..session import Session
from .config import WebConfig
from .render import Renderer, RenderOrder

NAME: Final = "__web.render"


def render_function(renderer: Renderer, *, name: str, wait_max_s: float) -> dict[str, Function]:
    """The function that renders a page, for a Lua pool whose sessions are owned by a `Session`.

    Args:
        name: of the renderer, for the attempts.
    """

    async def render(session: Session, arguments: list[LuaValue]) -> dict[str, LuaValue]:
        order = _order(arguments[-1] if arguments else None, wait_max_s)
        attempt: dict[str, Value] = {"renderer": name, "mode": order.mode, "url": public(order.url)}
        session.attempts.append(attempt)
        started = time.monotonic_ns()
        try:
            page = await renderer.render(order)
        except ModuleError as error:
            attempt["error"] = ": ".join(error.causes)
            raise
        finally:
            attempt["duration_us"] = (time.monotonic_ns() - started) // 1000
        attempt |= {"status": page.status, "size": len(page.content)}
        if page.refused is not None:
            attempt["refused"] = page.refused
        return {"status": page.status, "body": page.content, "refused": page.refused}

    return {NAME: render}


def _order(options: LuaValue, wait_max_s: float) -> RenderOrder:
    table = as_map(options, where="render")
    mode = as_text(table.get("mode"), where="render.mode")
    if mode not in MODES:
        raise unexpected(mode, f"one of {', '.join(MODES)}", "render.mode")
    wait_s = as_number(table.get("wait_after_loaded", 0), where="render.wait_after_loaded")
    url = as_text(table.get("url"), where="render.url")
    return RenderOrder(url, mode, min(max(wait_s, 0.0), wait_max_s))


def tables(config: WebConfig, policy: UrlPolicy) -> dict[str, LuaValue]:
    """The constant tables: `web.rs.config`, without what only the signer may know, and `web.rs.allowed_tld`."""
    document: dict[str, Any] = {
        **{key: value for key, value in config.document.items() if key != "signer_headers"},
        "always_allow_hosts": list(config.always_allow_hosts),
        "extra_tld": list(config.extra_tld),
        "webdriver_host": config.webdriver_host,
    }
    return {"__web.config": document, "__web.allowed_tld": dict.fromkeys(sorted(policy.domains), True)}
