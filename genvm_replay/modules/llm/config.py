"""The configuration of the LLM module: the deployed keys (spec/manager-modules.md 3) and ours.

Ours: on a backend `priority`, `weight`, `timeout`, `answers`; on a model `timeout`, `price`,
`supports_temperature`; at the top `timeout`, `retries`, `load_balancing`, `policy_seed`, `budgets`.
docs/modules-llm.md lists all of them, which a test holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from ...errors import UsageError
from ..config import Section, ServiceConfig, expand, take_service
from .costs import BILLION, Prices
from .providers import PROVIDERS, SCRIPTED
from .providers.scripted import Script, read_script
from .templates import Template, take_templates

PORT: Final = 3031
TIMEOUT_SECONDS: Final = 180.0
KEYLESS: Final = ("ollama", SCRIPTED)
FROM_ENVIRONMENT: Final = re.compile(r"\$\{ENV\[[^\[\]]+\]\}")
BALANCING: Final = ("ordered", "weighted")
SEED_MAX: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model of a backend."""

    supports_json: bool
    supports_image: bool
    supports_temperature: bool
    use_max_completion_tokens: bool
    meta: Any
    timeout_s: float
    prices: Prices


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """A service, or a file of answers, with its models in the order of the file.

    Attributes:
        key: secret; empty where the provider asks for none.
        priority: higher is asked first.
        weight: its share among backends of its priority, where load is balanced by weight.
        script: the answers, of a scripted backend only.
    """

    provider: str
    host: str
    key: str = field(repr=False)
    priority: int
    weight: int
    models: Mapping[str, ModelConfig]
    script: Script | None = None


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How often all candidates are asked, and how long to wait between: `wait_s`, then twice that, to `wait_max_s`."""

    rounds: int
    wait_s: float
    wait_max_s: float


@dataclass(frozen=True, slots=True)
class LlmConfig:
    """What the LLM module is told.

    Attributes:
        policy_seed: of every session; None: a random one for each.
        budget_session, budget_day: billionths; None: no limit.
        warnings: what was left out, and why, for the log.
    """

    service: ServiceConfig
    backends: Mapping[str, BackendConfig]
    templates: Mapping[str, Template]
    retries: RetryConfig
    load_balancing: Literal["ordered", "weighted"]
    policy_seed: int | None
    budget_session: int | None
    budget_day: int | None
    warnings: tuple[str, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        """What must never be told."""
        return tuple(backend.key for backend in self.backends.values())


def load_llm_config(
    document: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    allow_empty_backends: bool = False,
    folder: Path | None = None,
) -> LlmConfig:
    """Read a configuration.

    Disabled backends and models are left out; so is, with a warning, a backend without models or with an empty key.

    Args:
        folder: where relative paths begin, and what `${exeDir}` is; by default the working folder.

    Raises:
        UsageError: with the path of the key; or no backend is left and `allow_empty_backends` is false.
    """
    folder = folder or Path.cwd()
    _refuse_written_keys(document)
    top = Section("", expand(dict(document), environment, exe_dir=folder))
    service = take_service(top, port=PORT)
    script = None if service.lua_script_path is None else folder / service.lua_script_path
    places = ";".join(str(folder / place) for place in service.lua_path.split(";") if place)
    service = replace(service, lua_script_path=script, lua_path=places)
    timeout_s = top.seconds("timeout", TIMEOUT_SECONDS)
    warnings: list[str] = []
    backends = {}
    for name, section in top.sections("backends"):
        backend = _backend(section, folder, timeout_s, warnings)
        if backend is not None:
            backends[name] = backend
    if not backends and not allow_empty_backends:
        told = "".join(f"\n  {warning}" for warning in warnings)
        raise UsageError(
            f"configuration: backends: none is left; allow empty backends if that is meant{told}"
        )
    retries, budgets = top.section("retries"), top.section("budgets")
    config = LlmConfig(
        service=service,
        backends=backends,
        templates=take_templates(top.section("prompt_templates")),
        retries=RetryConfig(
            rounds=retries.whole("rounds", 2, least=1, most=10),
            wait_s=retries.seconds("wait", 0.5, most=60),
            wait_max_s=retries.seconds("wait_max", 30.0, most=600),
        ),
        load_balancing=top.word("load_balancing", BALANCING, "ordered"),
        policy_seed=top.whole("policy_seed", None, most=SEED_MAX),
        budget_session=_billionths(budgets, "per_session"),
        budget_day=_billionths(budgets, "per_day"),
        warnings=tuple(warnings),
    )
    for section in (retries, budgets, top):
        section.end()
    return config


def _refuse_written_keys(document: Mapping[str, Any]) -> None:
    """A key in a file is copied with it, so it has to come from the environment."""
    backends = document.get("backends")
    for name, backend in backends.items() if isinstance(backends, dict) else ():
        key = backend.get("key") if isinstance(backend, dict) else None
        if (
            isinstance(key, str)
            and backend.get("provider") not in KEYLESS
            and not FROM_ENVIRONMENT.fullmatch(key)
        ):
            raise UsageError(
                f"configuration: backends.{name}.key: write ${{ENV[NAME]}} and set NAME in the environment; "
                "a key has no place in a file"
            )


def _backend(section: Section, folder: Path, timeout_s: float, warnings: list[str]) -> BackendConfig | None:
    enabled = section.switch("enabled", True)
    provider = section.word("provider", PROVIDERS)
    asks_key = provider not in KEYLESS or section.has("key")
    key = section.text("key", "")
    host = take_host(section) if provider != SCRIPTED or section.has("host") else ""
    timeout_s = section.seconds("timeout", timeout_s)
    priority = section.whole("priority", None, least=-1000, most=1000)
    weight = section.whole("weight", 1, least=1, most=1000)
    answers = section.text("answers") if provider == SCRIPTED else None
    meta = section.anything("meta")
    if priority is None:
        priority = meta.get("priority", 0) if isinstance(meta, dict) else 0
    read = {name: _model(inner, timeout_s) for name, inner in section.sections("models")}
    models = {name: model for name, model in read.items() if model is not None}
    section.end()
    if not key.isprintable() or not key.isascii():
        section.refuse("key", "a key is printable ASCII")
    if not isinstance(priority, int):
        section.refuse("meta.priority", "a whole number is wanted")
    reason = (
        "it has no model that is enabled"
        if not models
        else "its key is empty"
        if asks_key and not key
        else ""
    )
    if not enabled or reason:
        if enabled:
            warnings.append(f"{section.path} is left out: {reason}")
        return None
    script = read_script(folder / answers) if answers is not None else None
    return BackendConfig(provider, host, key, priority, weight, models, script)


def take_host(section: Section) -> str:
    """Take `host`, the URL of a service."""
    host: str = section.text("host")
    try:
        parts = urlsplit(host)
        good = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        credentials = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        good = credentials = False
    if credentials:
        section.refuse("host", "a URL without a user and a password is wanted")
    if not good:
        section.refuse("host", f"{host!r} is no URL such as https://api.example.com")
    return host


def _model(section: Section, timeout_s: float) -> ModelConfig | None:
    enabled = section.switch("enabled", True)
    price = section.section("price")
    model = ModelConfig(
        supports_json=section.switch("supports_json", False),
        supports_image=section.switch("supports_image", False),
        supports_temperature=section.switch("supports_temperature", True),
        use_max_completion_tokens=section.switch("use_max_completion_tokens", False),
        meta=section.anything("meta"),
        timeout_s=section.seconds("timeout", timeout_s),
        prices=Prices(price.decimal("input", Prices().input), price.decimal("output", Prices().output)),
    )
    price.end()
    section.end()
    return model if enabled else None


def _billionths(section: Section, key: str) -> int | None:
    limit = section.decimal(key, None)
    return None if limit is None else int(limit * BILLION)
