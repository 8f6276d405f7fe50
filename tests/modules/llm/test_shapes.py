"""What goes over the wire to each provider, and what is read of its answer (spec/manager-modules.md 2.4)."""

from __future__ import annotations

import base64
import json

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.ask import Ask
from genvm_replay.modules.llm.costs import Usage
from genvm_replay.modules.llm.images import Image
from genvm_replay.modules.llm.providers import SHAPES

PNG, JPEG = Image("image/png", b"png"), Image("image/jpeg", b"jpeg")
B64 = {image: base64.b64encode(image.data).decode() for image in (PNG, JPEG)}
PLAIN = Ask("m/1", "Hi")
FULL = Ask("m/1", "Hi", "json", "Be", 0.5, (PNG, JPEG), 50, True, 7)
BOOL = Ask("m/1", "Hi", "bool", "Be", 0, (PNG,), 5000)


def built(provider, ask):
    return SHAPES[provider].build_request(ask, "sk-1")


def test_openai():
    """Text, then images as `data:` URIs; the name of the limit follows the model."""
    request = built("openai-compatible", FULL)
    assert (request.path, request.headers) == ("/v1/chat/completions", {"Authorization": "Bearer sk-1"})
    assert request.body == {
        "model": "m/1",
        "messages": [
            {"role": "system", "content": "Be"},
            {"role": "user", "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B64[PNG]}"}},
                {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{B64[JPEG]}"}},
            ]},
        ],
        "stream": False, "temperature": 0.5, "max_completion_tokens": 50, "seed": 7,
        "response_format": {"type": "json_object"},
    }  # fmt: skip
    body = built("openai-compatible", PLAIN).body
    assert (body["max_tokens"], body["temperature"], len(body["messages"])) == (1000, 0.7, 1)
    assert not {"seed", "response_format", "max_completion_tokens"} & set(body)


def test_ollama():
    """Images beside the prompt, no header with a key."""
    request = built("ollama", FULL)
    assert (request.path, request.headers) == ("/api/generate", {})
    assert request.body == {
        "model": "m/1", "prompt": "Hi", "system": "Be", "stream": False, "images": [B64[PNG], B64[JPEG]],
        "options": {"temperature": 0.5, "num_predict": 50, "seed": 7}, "format": "json",
    }  # fmt: skip
    assert set(built("ollama", PLAIN).body) == {"model", "prompt", "stream", "options"}


def test_google():
    """Images, then text; the key in a header; the model quoted in the path."""
    request = built("google", FULL)
    assert request.path == "/v1beta/models/m%2F1:generateContent"
    assert request.headers == {"x-goog-api-key": "sk-1"}
    assert request.body == {
        "generationConfig": {"responseMimeType": "application/json", "temperature": 0.5, "maxOutputTokens": 50, "seed": 7},
        "system_instruction": {"parts": [{"text": "Be"}]},
        "contents": [{"role": "user", "parts": [
            {"inline_data": {"mime_type": "image/png", "data": B64[PNG]}},
            {"inline_data": {"mime_type": "image/jpeg", "data": B64[JPEG]}},
            {"text": "Hi"},
        ]}],
    }  # fmt: skip
    assert built("google", PLAIN).body["generationConfig"]["responseMimeType"] == "text/plain"


def test_anthropic():
    """Images, then text; a map is the input of a forced tool; a boolean goes without images and with few tokens."""
    request = built("anthropic", FULL)
    assert request.path == "/v1/messages"
    assert request.headers == {"x-api-key": "sk-1", "anthropic-version": "2023-06-01"}
    body = dict(request.body)
    [tool] = body.pop("tools")
    assert (tool["name"], tool["input_schema"]) == (
        "json_out",
        {"type": "object", "additionalProperties": True},
    )
    assert body == {
        "model": "m/1", "max_tokens": 50, "temperature": 0.5, "system": "Be", "stream": False,
        "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": B64[PNG]}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": B64[JPEG]}},
            {"type": "text", "text": "Hi"},
        ]}],
        "tool_choice": {"type": "tool", "name": "json_out"},
    }  # fmt: skip
    body = built("anthropic", BOOL).body
    assert (body["max_tokens"], body["messages"][0]["content"]) == (200, [{"type": "text", "text": "Hi"}])
    assert body["tools"][0]["input_schema"]["required"] == ["reason", "result"]
    assert not {"tools", "tool_choice", "system"} & set(built("anthropic", PLAIN).body)


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("ask", [PLAIN, FULL, BOOL])
def test_a_key_is_in_headers_only(provider, ask):
    """Paths and bodies reach logs, errors and attempts."""
    request = built(provider, ask)
    assert "sk-1" not in request.path + json.dumps(request.body) + repr(request)


@pytest.mark.parametrize("provider", SHAPES)
def test_a_temperature_may_be_left_out(provider):
    """Newer models refuse one."""
    cool, without = (json.dumps(built(provider, Ask("m", "Hi", temperature=t)).body) for t in (0, None))
    assert "temperature" in cool
    assert "temperature" not in without


def openai(content="A", **choice):
    choice = {"message": {"content": content}, **choice}
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}


def google(parts, **candidate):
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 12}
    return {"candidates": [{"content": {"parts": parts}, **candidate}], "usageMetadata": usage}


def anthropic(*blocks, **more):
    return {"content": list(blocks), "usage": {"input_tokens": 3, "output_tokens": 4}, **more}


TOOL = {"type": "tool_use", "name": "json_out", "input": {"a": 1}}
ANSWERS = [
    ("openai-compatible", PLAIN, openai(), "A", Usage(3, 4), False),
    ("openai-compatible", PLAIN, openai("A", finish_reason="length"), "A", Usage(3, 4), True),
    ("openai-compatible", PLAIN, openai(None, finish_reason="length"), None, Usage(3, 4), True),
    ("openai-compatible", PLAIN, {**openai(), "usage": {"prompt_tokens": "3"}}, "A", Usage(), False),
    ("ollama", PLAIN, {"response": "A", "prompt_eval_count": 3, "eval_count": 4}, "A", Usage(3, 4), False),
    ("ollama", PLAIN, {"response": "A", "done_reason": "length"}, "A", Usage(), True),
    ("google", PLAIN, google([{"text": "A"}]), "A", Usage(3, 9), False),
    ("google", PLAIN, google([{"text": "hm", "thought": True}, {"text": "A"}]), "A", Usage(3, 9), False),
    ("google", PLAIN, google(None, finishReason="MAX_TOKENS"), None, Usage(3, 9), True),
    ("anthropic", PLAIN, anthropic({"type": "text", "text": "A"}), "A", Usage(3, 4), False),
    ("anthropic", FULL, anthropic({"type": "text", "text": "I will"}, TOOL), {"a": 1}, Usage(3, 4), False),
    ("anthropic", FULL, anthropic({"type": "text", "text": '{"a": 1}'}), '{"a": 1}', Usage(3, 4), False),
    ("anthropic", BOOL, anthropic(stop_reason="max_tokens"), None, Usage(3, 4), True),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "ask", "document", "content", "usage", "truncated"), ANSWERS)
def test_answers_are_read(provider, ask, document, content, usage, truncated):
    """Content, tokens, and whether a limit on length ended it."""
    reply = SHAPES[provider].read_response(ask, document)
    assert (reply.content, reply.usage, reply.truncated) == (content, usage, truncated)


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("document", [None, [], {}, 1, {"choices": []}, openai(None), {"content": [1, None]}, {"candidates": {}}, google([]), google([None, {}]), {"response": 7}])  # fmt: skip
def test_a_body_without_an_answer_is_a_coded_error(provider, document):
    """The peers give no code here."""
    with pytest.raises(ModuleError) as caught:
        SHAPES[provider].read_response(PLAIN, document)
    assert (caught.value.causes, caught.value.fatal) == (("DESERIALIZING",), True)
    assert caught.value.ctx["path"].startswith("/")


@pytest.mark.parametrize(
    ("told", "counted"), [(3, 3), (10**12, 10**12), (10**12 + 1, 0), (10**400, 0), (-1, 0), (True, 0)]
)
def test_a_count_of_tokens_that_nobody_can_believe_is_none(told, counted):
    """It would use up a budget for ever, and no database has room for it."""
    document = {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": told}}
    assert SHAPES["openai-compatible"].read_response(PLAIN, document).usage == Usage(counted, 0)
