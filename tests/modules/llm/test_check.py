"""Whether models answer."""

from __future__ import annotations

import asyncio
import base64

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.llm.check import check
from tests.modules.llm.services import fault_server

PROMPT = {
    "system_message": None,
    "user_message": "Respond with OK",
    "temperature": 0.2,
    "images": [],
    "max_tokens": 200,
    "use_max_completion_tokens": True,
}
KEY = "sk-very-secret"


def run(build, prompts):
    async def scenario():
        async with fault_server() as faults:
            return await check(build(faults.url), prompts, {"KEY": KEY}, timeout_s=5), faults

    return asyncio.run(scenario())


def test_every_pair_is_asked_one_after_the_other():
    """The shape of `POST /llm/check`: a bare list, `error` or `response` (spec/manager-modules.md 6.3)."""

    def configs(url):
        config = {"provider": "openai-compatible", "model": "gpt", "key": "${ENV[KEY]}"}
        return [
            {**config, "host": f"{url}/good"},
            {**config, "host": f"{url}/leaky"},
            {**config, "provider": "gpt"},
        ]

    results, faults = run(configs, [PROMPT, {"user_message": "Hi", "seed": 1}])
    assert [(result["config_index"], result["prompt_index"]) for result in results] == [
        (i, j) for i in range(3) for j in range(2)
    ]
    assert results[0] == {
        "config_index": 0,
        "prompt_index": 0,
        "available": True,
        "error": None,
        "response": "good",
    }
    assert [result["available"] for result in results] == [True, True, False, False, False, False]
    assert "STATUS_NOT_OK" in results[2]["error"]
    assert "'gpt' is none of openai-compatible" in results[4]["error"]
    assert (faults.bodies[0]["model"], faults.bodies[0]["max_completion_tokens"]) == ("gpt", 200)
    assert "response_format" not in faults.bodies[0]
    assert [body.get("temperature") for body in faults.bodies[:2]] == [0.2, None]


def test_a_key_that_a_service_repeats_is_not_told():
    """Some put it into the text of their error."""
    results, faults = run(
        lambda url: [{"host": f"{url}/leaky", "provider": "openai-compatible", "model": "m", "key": KEY}],
        [PROMPT],
    )
    assert f"Bearer {KEY}".encode() in faults.heads[0]
    assert KEY not in str(results)
    assert "[removed]" in results[0]["error"]


def test_images_are_base64():
    """As JSON has no bytes."""
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    results, faults = run(
        lambda url: [{"host": f"{url}/good", "provider": "ollama", "model": "m"}],
        [{**PROMPT, "images": [image]}],
    )
    assert faults.bodies[0]["images"] == [image]
    assert not results[0]["available"]
    assert "DESERIALIZING" in results[0]["error"]


@pytest.mark.parametrize(
    ("configs", "prompts", "text"),
    [
        (["x"], [], r"configs\[0\]: a map is wanted"),
        ([], ["x"], r"test_prompts\[0\]: a map is wanted"),
        ([], [{}, {"usr_message": ""}], r"test_prompts\[1\]\.usr_message: no setting"),
        ([], [{"images": ["*"]}], r"test_prompts\[0\]\.images: a list of Base64"),
        ([], [{"images": ["aaaa"]}], r"test_prompts\[0\]: .*INVALID_IMAGE"),
        ([], [{"temperature": "hot"}], r"test_prompts\[0\]: .*BAD_ARGUMENT"),
        ([{}] * 101, [{}] * 10, "more than 1000 pairs"),
    ],
)
def test_a_malformed_request_is_refused_whole(configs, prompts, text):
    """Before anybody is asked."""
    with pytest.raises(UsageError, match=text):
        asyncio.run(check(configs, prompts, {}))
