"""OpenAI's chat completions, which many services speak too (spec/manager-modules.md 2.4)."""

from __future__ import annotations

from typing import Any

from ..ask import Ask, Reply
from ..costs import Usage
from .wire import WireRequest, content, count, data_uri, find, given

ANSWER = "/choices/0/message/content"


def build_request(ask: Ask, key: str) -> WireRequest:
    """The text comes first, the images after it as `data:` URIs."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": ask.user_message}]
    parts += ({"type": "image_url", "image_url": {"url": data_uri(image)}} for image in ask.images)
    messages: list[dict[str, Any]] = [{"role": "user", "content": parts}]
    if ask.system_message is not None:
        messages.insert(0, {"role": "system", "content": ask.system_message})
    limit = "max_completion_tokens" if ask.use_max_completion_tokens else "max_tokens"
    body: dict[str, Any] = {"model": ask.model, "messages": messages, "stream": False}
    body |= given(temperature=ask.temperature, seed=ask.seed) | {limit: ask.max_tokens}
    if ask.response_format != "text":
        body["response_format"] = {"type": "json_object"}
    return WireRequest("/v1/chat/completions", body, {"Authorization": f"Bearer {key}"})


def read_response(ask: Ask, document: Any) -> Reply:
    """The first choice; a length that was reached is `finish_reason`."""
    truncated = find(document, "/choices/0/finish_reason") == "length"
    usage = Usage(count(document, "/usage/prompt_tokens"), count(document, "/usage/completion_tokens"))
    return Reply(content(find(document, ANSWER), ANSWER, truncated=truncated), usage, truncated)
