"""The LLM module: a script in Lua decides, backends answer (spec/manager-modules.md 1.1, 5.2)."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ...calldata import Value
from ...errors import PeerProtocolError
from ..config import read_config_file
from ..http.client import HttpClient
from ..http.functions import functions_for
from ..http.signer import Signer
from ..lua.limits import LuaLimits
from ..lua.pool import LIBRARIES, LuaPool, LuaSession
from ..messages import Message, Prompt, PromptTemplate
from ..session import Answering, Session
from .backends import Asker, Backends
from .config import LlmConfig, load_llm_config
from .costs import Ledger
from .crossing import read_result
from .images import read_images
from .tables import tables

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent
DAY_SECONDS: Final = 86_400
REQUEST_MS_MAX: Final = 570_000
"""Our executor gives a module up after ten minutes (docs/compatibility.md 4); before that it is told why."""
SessionFunction: TypeAlias = Callable[[Session, list[Any]], Awaitable[Any]]
TEXT_TEMPLATES: Final = ("EqNonComparativeLeader",)


def module_from_config(
    path: Path, environment: Mapping[str, str], *, allow_empty_backends: bool = False
) -> LlmModule:
    """The module of a configuration file.

    Raises:
        UsageError: the configuration is off; with the path of the key.
    """
    folder = path.resolve().parent
    document = read_config_file(path)
    config = load_llm_config(document, environment, allow_empty_backends=allow_empty_backends, folder=folder)
    return LlmModule(config)


class LlmModule:
    """Answers prompts; an async context manager."""

    name = "llm"

    def __init__(self, config: LlmConfig) -> None:
        self.config = config
        self._backends = Backends(config)
        self._ledger = Ledger(
            config.budget_day, config.budget_session, lambda: int(time.time()) // DAY_SECONDS
        )
        self._http = HttpClient(None)  # for scripts, which are the operator's: they may ask whom they want
        signer = Signer(config.service.signer_url, config.service.signer_headers)
        request = functions_for(self._http, signer)
        self._pool = LuaPool(
            config.service.lua_script_path or HERE / "llm.lua",
            libraries=[HERE, LIBRARIES, *map(Path, filter(None, config.service.lua_path.split(";")))],
            functions={
                "__llm.exec_prompt_in_provider": _exec_prompt_in_provider,
                **{name: _for_owner(function) for name, function in request.items()},
            },
            tables=tables(config),
            required=["ExecPrompt", "ExecPromptTemplate"],
            limits=LuaLimits(total_ms=REQUEST_MS_MAX),
            workers_max=config.service.vm_count_max,
            workers_ready=config.service.vm_count,
        )
        self._stack = AsyncExitStack()
        self._sessions = 0
        self._requests = 0

    async def __aenter__(self) -> LlmModule:
        for warning in self.config.warnings:
            log.warning("%s", warning)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._backends)
            await stack.enter_async_context(self._http)
            await stack.enter_async_context(self._pool)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def session(self, session: Session) -> AbstractAsyncContextManager[Answering]:
        """What answers one connection: one Lua VM of its own, one seed, one ledger."""
        return self._session(session)

    @asynccontextmanager
    async def _session(self, session: Session) -> AsyncIterator[Answering]:
        seed = self.config.policy_seed
        asker = Asker(session, secrets.randbits(32) if seed is None else seed, self._ledger.session())
        owner = _Owner(self._backends, asker)
        ctx = {**session.hello.fields, "policy_seed": asker.seed, "__ctx_dflt": {}, "__ctx_llm": {}}
        self._sessions += 1
        async with self._pool.session(ctx, owner) as lua:
            yield _Conversation(lua, owner, self._count)

    def _count(self) -> None:
        self._requests += 1

    def stats(self) -> dict[str, Any]:
        """Sessions, requests, attempts, tokens, costs (billionths) since the start; what is spent today; the pool."""
        return {
            "sessions": self._sessions,
            "requests": self._requests,
            **asdict(self._ledger.totals),
            "cost_today": self._ledger.day().spent,
            "lua": self._pool.stats(),
        }


class _Owner:
    """What functions of the service know of the session that calls them."""

    def __init__(self, backends: Backends, asker: Asker) -> None:
        self.backends = backends
        self.asker = asker
        self.answers: list[Value] = []
        """What the models answered for the request under way, the latest first."""


async def _exec_prompt_in_provider(owner: _Owner, arguments: list[Any]) -> dict[str, Any]:
    """`exec_prompt_in_provider(ctx, {provider, model, prompt, format})` (spec/manager-modules.md 5.3)."""
    answer = await owner.backends.ask(owner.asker, arguments[1] if len(arguments) > 1 else None)
    owner.answers.insert(0, answer["data"])
    return answer


def _for_owner(function: SessionFunction) -> Callable[[_Owner, list[Any]], Awaitable[Any]]:
    return lambda owner, arguments: function(owner.asker.session, arguments)


class _Conversation:
    """One connection."""

    def __init__(self, lua: LuaSession, owner: _Owner, count: Callable[[], None]) -> None:
        self._lua = lua
        self._owner = owner
        self._count = count

    async def answer(self, message: Message) -> Value:
        """Answer a prompt by the script.

        Raises:
            ModuleError: what the script raised, or of the images.
        """
        match message:
            case Prompt(prompt, response_format, images, gen):
                read_images(images)
                payload = {"prompt": prompt, "response_format": response_format, "images": list(images)}
                return await self._run("ExecPrompt", payload, gen, response_format)
            case PromptTemplate(template, variables, gen):
                kind: Literal["text", "bool"] = "text" if template in TEXT_TEMPLATES else "bool"
                return await self._run("ExecPromptTemplate", {"template": template, **variables}, gen, kind)
        raise PeerProtocolError(f"the LLM module does not answer {type(message).__name__}")

    async def _run(self, function: str, payload: dict[str, Any], gen: int, kind: Any) -> dict[str, Value]:
        self._owner.answers.clear()
        self._count()
        result = await self._lua.call(function, payload, gen)
        return read_result(result, self._owner.answers, kind)
