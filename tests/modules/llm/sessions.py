"""Configurations and sessions for tests."""

from __future__ import annotations

from typing import Any

from genvm_replay.modules.llm.config import LlmConfig, load_llm_config
from genvm_replay.modules.messages import Hello
from genvm_replay.modules.session import Session

KEY = "sk-very-secret/+"
HOST_DATA = {"node_address": "0x01", "tx_id": "0x02"}


def session(*, keep_raw: bool = False) -> Session:
    """A session of an executor that asks for attempts."""
    return Session(Hello("1", HOST_DATA, {"genvm_id": 1, "host_data": HOST_DATA}, True, keep_raw))


def backend(host: str, /, models: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An OpenAI-compatible backend whose model can do everything."""
    models = models or {"m": {"supports_json": True, "supports_image": True}}
    return {"host": host, "provider": "openai-compatible", "key": "${ENV[KEY]}", "models": models, **more}


def config(backends: dict[str, Any], **more: Any) -> LlmConfig:
    """A configuration that waits briefly."""
    document = {"backends": backends, "timeout": 20, "retries": {"wait": "1ms"}, "vm_count": 1, **more}
    return load_llm_config(document, {"KEY": KEY})
