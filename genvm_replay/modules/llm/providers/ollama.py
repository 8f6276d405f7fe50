"""Ollama's `generate` (spec/manager-modules.md 2.4). It asks for no key."""

from __future__ import annotations

from typing import Any

from ..ask import Ask, Reply
from ..costs import Usage
from .wire import WireRequest, content, count, encoded, find, given


def build_request(ask: Ask, key: str) -> WireRequest:
    """Images are plain Base64 beside the prompt."""
    options = given(temperature=ask.temperature, num_predict=ask.max_tokens, seed=ask.seed)
    body: dict[str, Any] = {
        "model": ask.model,
        "prompt": ask.user_message,
        "stream": False,
        "options": options,
    }
    if ask.system_message is not None:
        body["system"] = ask.system_message
    if ask.images:
        body["images"] = [encoded(image) for image in ask.images]
    if ask.response_format != "text":
        body["format"] = "json"
    return WireRequest("/api/generate", body)


def read_response(ask: Ask, document: Any) -> Reply:
    """`response`; a length that was reached is `done_reason`."""
    truncated = find(document, "/done_reason") == "length"
    usage = Usage(count(document, "/prompt_eval_count"), count(document, "/eval_count"))
    return Reply(content(find(document, "/response"), "/response", truncated=truncated), usage, truncated)
