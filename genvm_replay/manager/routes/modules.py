"""The modules: start, stop, and whether models answer (spec/manager-modules.md 6.3)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ...errors import UsageError
from ..operation import operation
from ..order_schema import BASE64
from ..parts import Manager
from ..refusals import Conflict, TookTooLong

ModuleType = Annotated[
    str,
    Meta(pattern="^([Ll][Ll][Mm]|[Ww][Ee][Bb])$", description="`llm` or `web`, in capitals or not."),
]


class ModuleStart(msgspec.Struct):
    """Which module, and its configuration; `null`: that of its file."""

    module_type: ModuleType
    config: dict[str, Any] | None = None
    allow_empty_backends: bool = False


class ModuleStop(msgspec.Struct):
    """Which module."""

    module_type: ModuleType


class ModuleStarted(msgspec.Struct):
    """It listens."""

    result: Literal["module_started"] = "module_started"


class ModuleStopped(msgspec.Struct):
    """It has ended, or there was none."""

    result: Literal["module_stopped", "module_not_running"]


@operation(
    "POST",
    "/module/start",
    example={"module_type": "llm", "config": {"bind_address": "127.0.0.1:3031", "backends": {}}},
    refuses=(409, 415),
)
async def start_module(manager: Manager, body: ModuleStart) -> ModuleStarted:
    """Start a module.

    409 where it runs already or does not start: `module_already_running`, `module_failed_to_start`."""
    await manager.modules.start(body.module_type.lower(), body.config, body.allow_empty_backends)
    return ModuleStarted()


@operation("POST", "/module/stop", example={"module_type": "llm"}, refuses=(415,))
async def stop_module(manager: Manager, body: ModuleStop) -> ModuleStopped:
    """Stop a module; answers when its port is free."""
    kind = body.module_type.lower()
    if manager.modules.state(kind) == "stopped":
        return ModuleStopped("module_not_running")
    await manager.modules.stop(kind)
    return ModuleStopped("module_stopped")


@operation(
    "POST",
    "/module/restart",
    example={"module_type": "llm", "config": {"bind_address": "127.0.0.1:3031", "backends": {}}},
    refuses=(409, 415),
)
async def restart_module(manager: Manager, body: ModuleStart) -> ModuleStarted:
    """Stop a module if it runs, and start it."""
    kind = body.module_type.lower()
    await manager.modules.stop(kind)
    await manager.modules.start(kind, body.config, body.allow_empty_backends)
    return ModuleStarted()


CHECKS_MAX = 16
SAFE = (1 << 53) - 1
CHECK_SECONDS_MAX = 300.0
Image = Annotated[str, Meta(pattern=f"^{BASE64}$", extra_json_schema={"contentEncoding": "base64"})]


class LlmProvider(msgspec.Struct):
    """A model at a provider; `key` may be `${ENV[NAME]}`."""

    host: str
    provider: str
    model: str
    key: str


class TestPrompt(msgspec.Struct):
    """What to ask."""

    user_message: str
    system_message: str | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] = 0.0
    images: Annotated[list[Image], Meta(max_length=2)] = []
    max_tokens: Annotated[int, Meta(ge=1, le=1 << 20)] = 200
    use_max_completion_tokens: bool = False
    seed: Annotated[int, Meta(ge=-SAFE, le=SAFE)] | None = None


class LlmCheck(msgspec.Struct):
    """Each configuration is asked each prompt."""

    configs: Annotated[list[LlmProvider], Meta(max_length=CHECKS_MAX)]
    test_prompts: Annotated[list[TestPrompt], Meta(max_length=CHECKS_MAX)]


class LlmChecked(msgspec.Struct):
    """Whether one configuration answered one prompt."""

    config_index: int
    prompt_index: int
    available: bool
    error: Any
    response: str | None


@operation("POST", "/llm/check", refuses=(409, 415, 504))
async def check_llm(manager: Manager, body: LlmCheck) -> list[LlmChecked]:
    """Ask providers test prompts, each configuration each prompt. The module need not run."""
    configs = [msgspec.to_builtins(one) for one in body.configs]
    prompts = [msgspec.to_builtins(one) for one in body.test_prompts]
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            found = await manager.llm_check(configs, prompts, manager.environment.shared())
    except UsageError as error:
        raise Conflict(str(error)) from error
    except TimeoutError as error:
        raise TookTooLong(f"the providers took more than {CHECK_SECONDS_MAX:.0f} s") from error
    return msgspec.convert([dict(one) for one in found], list[LlmChecked])


OPERATIONS = (start_module, stop_module, restart_module, check_llm)
