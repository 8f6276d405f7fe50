"""The configured backends, asked on behalf of scripts: each attempt is counted, paid for and written down."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...calldata import Value
from ..errors import ModuleError
from ..session import Session
from .answers import to_data
from .ask import Ask, Reply, bad_argument, read_ask
from .config import BackendConfig, LlmConfig, ModelConfig
from .costs import SessionLedger
from .providers import SHAPES
from .redaction import Redactor

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Asker:
    """Who asks: a session, its seed and its ledger."""

    session: Session
    seed: int
    ledger: SessionLedger


class Backends:
    """The backends of a module; an async context manager, which holds their connections."""

    def __init__(self, config: LlmConfig) -> None:
        self._backends = config.backends
        self._clean = Redactor(config.secrets()).clean
        self._http: aiohttp.ClientSession | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Backends:
        from .providers.call import open_http

        self._http = await self._stack.enter_async_context(open_http())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ask(self, asker: Asker, request: Any) -> dict[str, Any]:
        """Ask one model once.

        Args:
            request: as scripts write it: `provider` (the backend's name), `model`, `prompt`, `format`.

        Returns:
            `data`, `consumed_gen` (0: pricing in gen is the script's), `input_tokens`, `output_tokens`, `total_tokens`,
            `cost` in billionths, `truncated`.

        Raises:
            ModuleError: `BAD_ARGUMENT`, `BUDGET_EXCEEDED`, or what the provider's answer is lacking. Without any key.
        """
        name, backend, model_name, model = self._find(request)
        attempt: dict[str, Value] = {"backend": name, "provider": backend.provider, "model": model_name}
        attempt |= {"policy_seed": asker.seed, "error": "INTERRUPTED"}
        started = time.monotonic_ns()
        try:
            answer = await self._attempt(asker, backend, model, request, attempt)
            del attempt["error"]
            return answer
        except ModuleError as error:
            attempt["error"] = ": ".join(error.causes)
            status = error.ctx.get("status")
            if isinstance(status, int):
                attempt["status"] = status
            raise ModuleError(*error.causes, fatal=error.fatal, ctx=self._clean(error.ctx)) from None
        finally:
            attempt["duration_us"] = (time.monotonic_ns() - started) // 1000
            asker.session.attempts.append(self._clean(attempt))
            log.info(
                "%s %s: %s in %d us",
                name,
                model_name,
                attempt.get("error", "answered"),
                attempt["duration_us"],
            )

    def _find(self, request: Any) -> tuple[str, BackendConfig, str, ModelConfig]:
        if not isinstance(request, Mapping):
            raise bad_argument("request", "a table is wanted")
        name, model_name = request.get("provider"), request.get("model")
        backend = self._backends.get(name) if isinstance(name, str) else None
        if backend is None:
            raise bad_argument("provider", f"no backend has the name {name!r}")
        model = backend.models.get(model_name) if isinstance(model_name, str) else None
        if model is None:
            raise bad_argument("model", f"backend {name!r} has no model {model_name!r}")
        return str(name), backend, str(model_name), model

    async def _attempt(
        self,
        asker: Asker,
        backend: BackendConfig,
        model: ModelConfig,
        request: Any,
        attempt: dict[str, Value],
    ) -> dict[str, Any]:
        ask = read_ask(request["model"], request.get("prompt"), request.get("format"))
        if not model.supports_temperature:
            ask = replace(ask, temperature=None)
        with asker.ledger.attempt(model.prices, ask.usage_at_most()) as settle:
            reply = await self._reply(backend, model, ask)
            cost = settle(reply.usage)
        tokens = {"input_tokens": reply.usage.input_tokens, "output_tokens": reply.usage.output_tokens}
        attempt |= {"status": 200, **tokens, "cost": cost, "truncated": reply.truncated}
        if asker.session.hello.keep_raw:
            attempt["raw"] = reply.raw
        data = to_data(reply.content, ask.response_format)
        total = {"total_tokens": sum(tokens.values()), "cost": cost, "truncated": reply.truncated}
        return {"data": data, "consumed_gen": 0, **tokens, **total}

    async def _reply(self, backend: BackendConfig, model: ModelConfig, ask: Ask) -> Reply:
        from .providers.call import call

        if backend.script is not None:
            return backend.script.answer(ask)
        assert self._http is not None, "a Backends is an async context manager"
        shape = SHAPES[backend.provider]
        reply = await call(self._http, shape, backend.host, backend.key, ask, model.timeout_s)
        return replace(reply, raw=self._clean(reply.raw), content=self._clean(reply.content))
