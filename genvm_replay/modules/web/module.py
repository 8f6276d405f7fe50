"""The web module: a script's functions between an executor and the network (spec/manager-modules.md 4, 5.2)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp.abc import AbstractResolver

from ...calldata import Value
from ...errors import UsageError
from ..errors import ModuleError
from ..http.client import HttpClient
from ..http.functions import functions_for, location
from ..http.policy import url_policy
from ..http.resolver import ThreadResolver
from ..http.signer import Signer
from ..lua.limits import LuaLimits
from ..lua.pool import LuaPool, LuaSession
from ..lua.values import LuaValue, as_bytes, as_integer, as_map, as_text
from ..messages import Message, Render, Request
from ..session import Session
from .browser import Browser
from .config import WebConfig, config_from_file
from .functions import render_function, tables
from .process import find_browser
from .render import BrowserRenderer, Renderer
from .scripted import ScriptedPages, read_scripted_pages
from .webdriver import WebdriverRenderer

log: Final = logging.getLogger(__name__)
FOLDER: Final = Path(__file__).parent
SCRIPT: Final = FOLDER / "web.lua"
REQUIRED: Final = ("Render", "Request")


def module_from_config(path: Path, environment: Mapping[str, str]) -> WebModule:
    """The module that a configuration file describes.

    Raises:
        UsageError: what is wrong with the file, by key.
    """
    return WebModule(config_from_file(path, environment))


class WebModule:
    """Answers requests and renders pages. To be entered before use; a browser is started when a page is wanted.

    Raises:
        UsageError: on entering: the script, or the file of scripted pages, can't be used.
    """

    name = "web"

    def __init__(self, config: WebConfig, *, resolver: AbstractResolver | None = None) -> None:
        """
        Args:
            resolver: looks up names; by default as the system does. Closed with the module.
        """
        self.config = config
        self._resolver = resolver or ThreadResolver()
        self._stack = AsyncExitStack()
        self._counts = {"renders": 0, "requests": 0, "errors": 0}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._resolver.close)
            self._pool = await stack.enter_async_context(await self._wire(stack))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def _wire(self, stack: AsyncExitStack) -> LuaPool:
        """Put the parts together; what has to be closed goes on the stack."""
        config, service = self.config, self.config.service
        policy = url_policy(extra_domains=config.extra_tld, allow_hosts=config.always_allow_hosts)
        client: HttpClient | ScriptedPages
        renderer: Renderer
        http = HttpClient(policy, allow_private=config.allow_private, resolver=self._resolver)
        client = await stack.enter_async_context(http)
        if config.scripted_pages is not None:
            client = renderer = read_scripted_pages(config.scripted_pages)
            name = "scripted"
        elif config.webdriver_host is not None:
            limits = config.render
            renderer = WebdriverRenderer(
                http, config.webdriver_host, limits.load_timeout_s, limits.output_size_max
            )
            name = "webdriver"
        else:
            _warn_without(config.browser.path)
            browser = await stack.enter_async_context(Browser(config.browser))
            renderer = BrowserRenderer(browser, policy, config.render, config.allow_private, self._resolver)
            name = "browser"
        operator_hosts = frozenset(filter(None, [location(config.webdriver_host or "")]))
        signer = Signer(service.signer_url, service.signer_headers)
        request = functions_for(client, signer, limits=config.requests, operator_hosts=operator_hosts)
        render = render_function(renderer, name=name, wait_max_s=config.wait_max_s)
        return LuaPool(
            service.lua_script_path or SCRIPT,
            libraries=[FOLDER, *(Path(place) for place in service.lua_path.split(";") if place)],
            functions={**request, **render},
            tables=tables(config, policy),
            required=REQUIRED,
            limits=LuaLimits(),
            workers_max=service.vm_count_max,
            workers_ready=service.vm_count,
        )

    @asynccontextmanager
    async def session(self, session: Session) -> AsyncIterator[_WebSession]:
        """What answers one connection."""
        ctx = {**session.hello.fields, "__ctx_dflt": {}, "__ctx_web": {}}
        async with self._pool.session(ctx, session) as lua:
            yield _WebSession(lua, self._counts)

    def stats(self) -> dict[str, Any]:
        """Renders, requests and errors since the start, and what the pool of scripts counts."""
        return {**self._counts, "scripts": self._pool.stats()}


@dataclass(frozen=True, slots=True)
class _WebSession:
    """One connection: its messages become calls of the script."""

    lua: LuaSession
    counts: dict[str, int]

    async def answer(self, message: Message) -> Value:
        """Answer one message (spec/manager-modules.md 1.3).

        Raises:
            ModuleError: what the script threw; `UNKNOWN_MESSAGE` for a prompt, `SCRIPT_RESULT` for a result of
                another form than spec 5.2 says; both fatal.
        """
        try:
            if isinstance(message, Render):
                self.counts["renders"] += 1
                return await self._render(message)
            if isinstance(message, Request):
                self.counts["requests"] += 1
                return {"response": _response(await self._request(message))}
            raise ModuleError("UNKNOWN_MESSAGE", fatal=True, ctx={"message": type(message).__name__})
        except Exception:
            self.counts["errors"] += 1
            raise

    async def _render(self, message: Render) -> Value:
        payload: dict[str, LuaValue] = {
            "mode": message.mode,
            "url": message.url,
            "wait_after_loaded": message.wait_ms / 1000,
        }
        result = as_map(await self.lua.call("Render", payload), where="Render")
        if "response" in result:
            return {"response": _response(result["response"])}
        if "image" in result:
            return {"image": as_bytes(result["image"], where="Render.image")}
        return {"text": as_text(result.get("text"), where="Render.text")}

    async def _request(self, message: Request) -> LuaValue:
        payload: dict[str, LuaValue] = {
            "method": message.method,
            "url": message.url,
            "headers": dict(message.headers),
            "body": message.body,
            "sign": message.sign,
        }
        return await self.lua.call("Request", payload)


def _warn_without(path: str | None) -> None:
    try:
        find_browser(path)
    except UsageError as error:
        log.warning("pages can't be rendered: %s", error)


def _response(result: LuaValue) -> Value:
    table = as_map(result, where="response")
    headers = as_map(table.get("headers"), where="response.headers")
    return {
        "status": as_integer(table.get("status"), where="response.status"),
        "headers": {
            name: as_bytes(value, where=f"response.headers.{name}") for name, value in headers.items()
        },
        "body": as_bytes(table.get("body"), where="response.body"),
    }
