"""The one HTTP call behind every provider, and the code of each way in which it can fail."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.ask import Ask
from genvm_replay.modules.llm.costs import Usage
from genvm_replay.modules.llm.images import Image
from genvm_replay.modules.llm.providers import SHAPES
from genvm_replay.modules.llm.providers.call import call, open_http, retry_after_ms
from tests.modules.llm.services import GOOD_BODY, fault_server, http

OPENAI = SHAPES["openai-compatible"]
FAILURES = [
    ("429", "STATUS_NOT_OK", {"status": 429, "retry_after_ms": 2000, "body": '{"error": "slow down"}'}),
    ("429-for-long", "STATUS_NOT_OK", {"status": 429, "retry_after_ms": 86_400_000}),
    ("500", "STATUS_NOT_OK", {"status": 500, "body": '{"error": "broken"}'}),
    ("html-503", "READING_BODY", {"status": 503, "headers": {"content-type": "text/html"}}),
    ("html-200", "READING_BODY", {"status": 200, "reason": "the body is not JSON"}),
    ("redirect", "READING_BODY", {"status": 302}),
    ("no-answer", "DESERIALIZING", {"status": 200, "path": "/choices/0/message/content"}),
    ("deep", "READING_BODY", {"status": 200}),
    ("truncated", "READING_BODY", {"status": 200}),
    ("truncated-chunks", "READING_BODY", {"status": 200}),
    ("stalled", "READING_BODY", {"status": 200, "reason": "no answer within 0.3s"}),
    ("endless", "READING_BODY", {"status": 200, "reason": f"_TooLarge: the body has more than {(16 << 20) + 16} bytes"}),
    ("bomb", "READING_BODY", {"status": 200, "reason": f"_TooLarge: the body has more than {(16 << 20) + 16} bytes"}),
    ("silent", "SENDING_REQUEST", {"reason": "no answer within 0.3s"}),
    ("closed", "SENDING_REQUEST", {}),
    ("no-http", "SENDING_REQUEST", {}),
    ("long-header", "SENDING_REQUEST", {}),
]  # fmt: skip


async def ask_it(host, shape=OPENAI, ask=None, timeout_s=20):
    async with open_http() as http:
        return await call(http, shape, host, "sk-1", ask or Ask("m", "Hi", max_tokens=1), timeout_s)


@pytest.mark.parametrize(("fault", "code", "facts"), FAILURES, ids=[fault for fault, _, _ in FAILURES])
def test_each_failure_has_its_code(fault, code, facts):
    """With what is known of it, and never the key (spec/manager-modules.md 2.4)."""

    async def scenario():
        async with fault_server() as faults:
            timeout_s = 0.3 if fault in ("silent", "stalled") else 20
            with pytest.raises(ModuleError) as caught:
                await ask_it(f"{faults.url}/{fault}", timeout_s=timeout_s)
        return caught.value

    error = asyncio.run(scenario())
    assert (error.causes, error.fatal) == ((code,), True)
    assert facts.items() <= error.ctx.items()
    assert error.ctx["url"].endswith(f"/{fault}/v1/chat/completions")
    assert "sk-1" not in error.to_text()
    assert len(error.to_text()) < 5000


@pytest.mark.parametrize("told", ["body", "header", "reason"])
def test_a_key_is_not_told_in_part_either(told):
    """What is told of an answer is cut: not where only the first half of a key would be left."""
    key = "sk-0123456789-a-key-that-is-long"
    filling = "x" * (2048 - len(key) + 1)
    answers = {
        "body": http(400, f'{{"e": "{filling[6:]}{key}"}}'.encode()),
        "header": http(400, b"{}", f"x-request-id: {filling}{key}\r\n"),
        "reason": b"HTTP/1.1 x " + (filling[80:] + key).encode() + b"\r\n\r\n",
    }

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers[told])
        await writer.drain()
        writer.close()

    async def scenario():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, open_http() as client:
            with pytest.raises(ModuleError) as caught:
                await call(client, OPENAI, host, key, Ask("m", "Hi"), 20)
        return caught.value.to_text()

    text = asyncio.run(scenario())
    assert "xxx" in text
    assert key[:8] not in text


def test_a_service_that_is_down_has_a_code():
    """Refused connections and unknown names alike."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for host in (f"http://127.0.0.1:{port}", "http://nowhere.invalid"):
        with pytest.raises(ModuleError) as caught:
            asyncio.run(ask_it(host))
        assert caught.value.causes == ("SENDING_REQUEST",)
        assert "status" not in caught.value.ctx


def test_an_answer_comes_with_its_body():
    """As it came, for who wants to keep it; the host may have a path and a slash at its end."""

    async def scenario():
        async with fault_server() as faults:
            return await ask_it(f"{faults.url}/good/"), faults.heads[0]

    reply, head = asyncio.run(scenario())
    assert (reply.content, reply.usage, reply.raw) == ("good", Usage(3, 4), GOOD_BODY)
    assert head.startswith(b"POST /good/v1/chat/completions HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in head.lower()


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("0", 0),
        (" 120 ", 120_000),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30_000),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400_000),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, milliseconds):
    """RFC 9110, 10.2.3; anything else is not there."""
    assert retry_after_ms(value, datetime(2026, 11, 21, 12, tzinfo=UTC)) == milliseconds


def test_a_server_that_others_wrote_understands_us(ai_mock_url):
    """ai-mock checks requests against OpenAI's and Anthropic's shapes; images and system messages included."""
    hosts = {
        "openai-compatible": f"{ai_mock_url}/openai/deployments",
        "anthropic": f"{ai_mock_url}/anthropic",
    }
    picture = (Image("image/png", b"x"),)
    for name, host in hosts.items():
        asks = (
            Ask("m", "Capital?", "text", "Be"),
            Ask("m", "As JSON", "json"),
            Ask("m", "Echo", images=picture),
        )
        answers = [asyncio.run(ask_it(host, SHAPES[name], ask)).content for ask in asks]
        assert answers == ["Paris", '```json\n{"a": 1}\n```', "Echo"]
    agrees = asyncio.run(ask_it(hosts["anthropic"], SHAPES["anthropic"], Ask("m", "Agree?", "bool")))
    assert agrees.content == {"result": True}
