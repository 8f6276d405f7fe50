"""Google's `generateContent` (spec/manager-modules.md 2.4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..ask import Ask, Reply
from ..costs import Usage
from .wire import WireRequest, content, count, encoded, find, given

PARTS = "/candidates/0/content/parts"
OUTPUT = ("/usageMetadata/candidatesTokenCount", "/usageMetadata/thoughtsTokenCount")  # both are billed


def build_request(ask: Ask, key: str) -> WireRequest:
    """The images come first, the text after them; the key goes into a header, not into the URL."""
    media = "text/plain" if ask.response_format == "text" else "application/json"
    config = given(temperature=ask.temperature, maxOutputTokens=ask.max_tokens, seed=ask.seed)
    config["responseMimeType"] = media
    parts: list[dict[str, Any]] = [
        {"inline_data": {"mime_type": image.media_type, "data": encoded(image)}} for image in ask.images
    ]
    parts.append({"text": ask.user_message})
    body: dict[str, Any] = {"generationConfig": config, "contents": [{"role": "user", "parts": parts}]}
    if ask.system_message is not None:
        body["system_instruction"] = {"parts": [{"text": ask.system_message}]}
    path = f"/v1beta/models/{quote(ask.model, safe='')}:generateContent"
    return WireRequest(path, body, {"x-goog-api-key": key})


def read_response(ask: Ask, document: Any) -> Reply:
    """The first part that is no thought of the first candidate; a length that was reached is `finishReason`."""
    truncated = find(document, "/candidates/0/finishReason") == "MAX_TOKENS"
    usage = Usage(count(document, "/usageMetadata/promptTokenCount"), count(document, *OUTPUT))
    parts = find(document, PARTS)
    texts = (
        (find(part, "/text") for part in parts if not find(part, "/thought"))
        if isinstance(parts, list)
        else ()
    )
    found = next((text for text in texts if isinstance(text, str)), None)
    return Reply(content(found, f"{PARTS}/0/text", truncated=truncated), usage, truncated)
