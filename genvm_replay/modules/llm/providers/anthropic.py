"""Anthropic's messages (spec/manager-modules.md 2.4). Maps and booleans are asked for as the input of a forced tool."""

from __future__ import annotations

from typing import Any, Final

from ..ask import Ask, Reply
from ..costs import Usage
from .wire import WireRequest, content, count, encoded, find, given

TOOL: Final = "json_out"
BOOL_TOKENS_MAX: Final = 200
VERDICT: Final = {"reason": {"type": "string"}, "result": {"type": "boolean"}}
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "json": {"type": "object", "additionalProperties": True},
    "bool": {"type": "object", "properties": VERDICT, "required": ["reason", "result"]},
}
USED: Final = ("/usage/input_tokens", "/usage/cache_creation_input_tokens", "/usage/cache_read_input_tokens")


def build_request(ask: Ask, key: str) -> WireRequest:
    """The images come first, the text after them; a boolean is asked for without images."""
    images = () if ask.response_format == "bool" else ask.images
    limit = min(ask.max_tokens, BOOL_TOKENS_MAX) if ask.response_format == "bool" else ask.max_tokens
    parts: list[dict[str, Any]] = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": image.media_type, "data": encoded(image)},
        }
        for image in images
    ]
    parts.append({"type": "text", "text": ask.user_message})
    body: dict[str, Any] = {"model": ask.model, "max_tokens": limit, **given(temperature=ask.temperature)}
    body |= {"stream": False, "messages": [{"role": "user", "content": parts}]}
    if ask.system_message is not None:
        body["system"] = ask.system_message
    if ask.response_format != "text":
        schema = SCHEMAS[ask.response_format]
        body["tools"] = [{"name": TOOL, "description": "Gives the answer.", "input_schema": schema}]
        body["tool_choice"] = {"type": "tool", "name": TOOL}
    return WireRequest("/v1/messages", body, {"x-api-key": key, "anthropic-version": "2023-06-01"})


def read_response(ask: Ask, document: Any) -> Reply:
    """The tool's input, else the first text, which compatible services give instead; the length is `stop_reason`."""
    truncated = find(document, "/stop_reason") == "max_tokens"
    usage = Usage(count(document, *USED), count(document, "/usage/output_tokens"))
    blocks = find(document, "/content")
    blocks = blocks if isinstance(blocks, list) else []
    inputs = [find(block, "/input") for block in blocks if find(block, "/type") == "tool_use"]
    texts = [find(block, "/text") for block in blocks if find(block, "/type") == "text"]
    found = (inputs if ask.response_format != "text" else []) + texts
    return Reply(content(next(iter(found), None), "/content/0", truncated=truncated), usage, truncated)
