"""The LLM module: the script decides, backends answer."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import zlib
from collections import Counter
from pathlib import Path

import pytest

from genvm_replay import calldata
from genvm_replay.errors import PeerProtocolError, UsageError
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.module import LlmModule, module_from_config
from genvm_replay.modules.llm.tables import tables
from genvm_replay.modules.messages import Prompt, PromptTemplate, Render
from tests.modules.llm.services import fault_server
from tests.modules.llm.sessions import KEY, backend, config, session

EXAMPLES = Path(__file__).parents[3] / "examples/modules"
ASK = Prompt("Hi", "text", (), 100)
COMPARE = PromptTemplate(
    "EqComparative", {"leader_answer": "#{principle}", "validator_answer": "100%1", "principle": "same"}, 0
)
LEAD = PromptTemplate("EqNonComparativeLeader", {"task": "t", "criteria": "c", "input": "i"}, 0)


def converse(backends, *messages, sessions=1, **more):
    """The answers, or errors, of each session to the messages, with its attempts; the server; the module's numbers.

    A host that begins with `/` is a fault of the server.
    """

    async def scenario():
        async with fault_server() as faults:
            for each in backends.values():
                if each.get("host", "").startswith("/"):
                    each["host"] = faults.url + each["host"]
            async with LlmModule(config(backends, **more)) as module:
                got = [await one(module) for _ in range(sessions)]
                return got[0] if sessions == 1 else got, faults, module.stats()

    async def one(module):
        mine = session()
        async with module.session(mine) as answering:
            return [await answered(answering, message) for message in messages], mine.attempts

    return asyncio.run(scenario())


async def answered(answering, message):
    try:
        return await answering.answer(message)
    except ModuleError as error:
        return error


def scripted(tmp_path, answers):
    """A scripted backend that has these answers."""
    (tmp_path / "answers.json").write_text(json.dumps({"answers": answers}))
    able = {"supports_json": True, "supports_image": True}
    return {"s": {"provider": "scripted", "answers": str(tmp_path / "answers.json"), "models": {"m": able}}}


def test_every_kind_of_prompt_is_answered(tmp_path):
    """Text, json with nulls and empty lists, booleans; the values inside `Ok` as calldata carries them."""
    answer = {"score": 7, "why": None, "parts": [], "big": 2**70, "list": [1, None, [], {}]}
    for _ in range(55):
        answer = {"deeper": answer, "nothing": None}
    answers = [
        {"prompt": "Hi", "format": "text", "response": "Hello"},
        {"prompt": "Hi", "format": "json", "response": {**answer, "p": 0.5}},
        {"format": "bool", "prompt": "#{principle}", "response": True},
        {"format": "text", "prompt": "<criteria>\nc\n</criteria>", "response": "done"},
    ]
    (got, attempts), _, stats = converse(
        scripted(tmp_path, answers), ASK, Prompt("Hi", "json", (), 0), COMPARE, LEAD
    )
    assert [each["data"] for each in got] == ["Hello", {**answer, "p": "0.5"}, True, "done"]
    assert [each["consumed_gen"] for each in got] == [0] * 4
    assert len(attempts) == 4
    assert (stats["sessions"], stats["requests"], stats["attempts"], stats["failures"]) == (1, 4, 4, 0)
    for value in got:
        calldata.encode(value)
    calldata.encode([dict(attempt) for attempt in attempts])


def test_a_prompt_is_filtered_and_a_template_is_filled_at_once():
    """What a variable holds is not looked at again, `%` and placeholders included; a template is not filtered."""
    backends = {"b": backend("/good")}
    (_, _), faults, _ = converse(backends, Prompt("\u200bＨi \t there\n\n\n\nyou", "json", (), 0), COMPARE)
    prompt, template = (body["messages"][1]["content"][0]["text"] for body in faults.bodies)
    assert prompt == "Hi there\n\nyou"
    assert "<first_answer>\n#{principle}\n</first_answer>\n<second_answer>\n100%1\n" in template
    assert "JSON" in faults.bodies[0]["messages"][0]["content"]
    assert faults.bodies[0]["response_format"] == {"type": "json_object"}


def test_images_reach_the_model_as_they_are():
    """Both of them, bytes that are no text included; and never a third."""
    images = (b"\x89PNG\r\n\x1a\n\xff\x00", b"\xff\xd8\xff\xe1plain")
    backends = {"blind": backend("/500", {"m": {}}), "b": backend("/good")}
    (got, _), faults, _ = converse(
        backends,
        Prompt("Look", "text", images, 0),
        Prompt("Look", "text", images + images, 0),
        Prompt("", "text", (b"GIF",), 0),
    )
    [body] = faults.bodies
    parts = body["messages"][0]["content"]
    assert [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts[1:]] == list(
        images
    )
    assert [(error.causes, error.fatal) for error in got[1:]] == [
        (("TOO_MANY_IMAGES",), False),
        (("INVALID_IMAGE",), False),
    ]


CHAINS = [
    (["429-at-once", "html-503", "good"], {"429-at-once": 1, "html-503": 1, "good": 1}, "good"),
    (["401", "truncated", "closed", "good"], {"401": 1, "truncated": 1, "closed": 1, "good": 1}, "good"),
    (["401", "500"], {"401": 1, "500": 2}, "NO_PROVIDER_FOR_PROMPT"),
    (["429-for-long"], {"429-for-long": 1}, "NO_PROVIDER_FOR_PROMPT"),
    (["429-at-once"], {"429-at-once": 2}, "NO_PROVIDER_FOR_PROMPT"),
    (["flaky"], {"flaky": 2}, "good"),
    (["no-answer"], {"no-answer": 1}, "NO_PROVIDER_FOR_PROMPT"),
    (["closed"], {"closed": 2}, "NO_PROVIDER_FOR_PROMPT"),
]


@pytest.mark.parametrize(("faults", "seen", "outcome"), CHAINS, ids=["-".join(chain[0]) for chain in CHAINS])
def test_who_fails_is_replaced_at_once_and_asked_again_when_all_have(faults, seen, outcome):
    """In the configured order, each failure an attempt; only those that may pass are asked again."""
    backends = {fault: backend(f"/{fault}") for fault in faults}
    ([got], attempts), server, _ = converse(backends, ASK)
    assert server.seen == seen
    assert [attempt["backend"] for attempt in attempts][: len(faults)] == faults
    if isinstance(got, ModuleError):
        assert (got.causes, got.fatal) == ((outcome,), True)
        assert [failure["provider"] for failure in got.ctx["failures"]] == [
            attempt["backend"] for attempt in attempts
        ]
        assert "Hi" not in got.to_text()
    else:
        assert got["data"] == outcome


def test_a_backend_that_is_not_reached_is_not_asked_for_its_other_models():
    """Its other models are behind the same way; where it answers, they are asked."""
    models = {"one": {}, "two": {}}
    backends = {
        "gone": backend("http://127.0.0.1:1", models),
        "no": backend("/401", models),
        "b": backend("/good"),
    }
    (_, attempts), _, _ = converse(backends, ASK)
    assert [(a["backend"], a["model"]) for a in attempts] == [
        ("gone", "one"),
        ("no", "one"),
        ("no", "two"),
        ("b", "m"),
    ]


def test_priority_comes_before_order_and_names_decide_nothing():
    """The deployed script's order was that of a hash."""
    backends = {
        "zz": backend("/401"), "aa": backend("/401"), "last": backend("/good", priority=-1),
        "first": backend("/401", priority=2),
    }  # fmt: skip
    (_, attempts), _, _ = converse(backends, ASK)
    assert [attempt["backend"] for attempt in attempts] == ["first", "zz", "aa", "last"]


def test_load_is_balanced_by_weight_and_the_seed_decides():
    """The same seed, the same draw; the seed is in every attempt. Over many requests the shares are those of the weights."""

    def draw(seed, count):
        backends = {"light": backend("/good"), "heavy": backend("/good", weight=3)}
        (_, attempts), _, _ = converse(backends, *[ASK] * count, load_balancing="weighted", policy_seed=seed)
        assert {attempt["policy_seed"] for attempt in attempts} == {seed}
        return [attempt["backend"] for attempt in attempts]

    draws = [draw(seed, 40) for seed in (5, 5, 6)]
    assert draws[0] == draws[1] != draws[2]
    assert all(25 <= Counter(each)["heavy"] <= 35 for each in draws)


def test_sessions_have_seeds_of_their_own():
    """Where none is configured."""
    got, _, stats = converse({"b": backend("/good")}, ASK, sessions=3)
    assert len({attempts[0]["policy_seed"] for _, attempts in got}) == 3
    assert stats["sessions"] == 3


def test_a_budget_stops_the_dear_backend_and_not_the_free_one():
    """Without a free one the contract gets an error that it may catch."""
    dear = {"m": {"price": {"input": 1000, "output": 1000}}}
    budgets = {"budgets": {"per_session": 0.9}}
    (got, _), faults, _ = converse({"dear": backend("/good", dear)}, ASK, **budgets)
    assert (got[0].causes, got[0].fatal, got[0].ctx) == (("BUDGET_EXCEEDED",), False, {"scope": "session"})
    assert not faults.seen
    backends = {"dear": backend("/good", dear), "free": backend("/good")}
    (got, attempts), _, _ = converse(backends, ASK, **budgets)
    assert got[0]["data"] == "good"
    assert [attempt.get("error") for attempt in attempts] == ["BUDGET_EXCEEDED", None]


def test_other_peoples_services_answer_through_the_whole_module(ai_mock_url):
    """Both shapes of ai-mock; the second when the first is down."""
    models = {"m": {"supports_json": True}}
    claude = {
        "provider": "anthropic",
        "host": f"{ai_mock_url}/anthropic",
        "key": "${ENV[KEY]}",
        "models": models,
    }
    gpt = backend(f"{ai_mock_url}/openai/deployments")
    for backends in ({"a": gpt}, {"down": backend("http://127.0.0.1:1"), "b": claude}):
        (got, attempts), _, _ = converse(backends, Prompt("Cut off", "json", (), 0))
        assert got[0]["data"] == {"a": [1, 2]}
        assert attempts[-1]["status"] == 200


def test_a_script_sees_models_and_policy_and_no_host_or_key(tmp_path):
    """Its view is what `__llm` holds."""
    script = tmp_path / "spy.lua"
    script.write_text("""
        local told = __dflt.json_stringify
        function ExecPrompt(ctx, args)
          local seen = {__llm.providers, __llm.policy, __llm.templates, __llm.meta}
          return {data = told(seen) .. told({ctx = ctx.host_data, seed = ctx.policy_seed}), consumed_gen = 7}
        end
        function ExecPromptTemplate(ctx, args) return {data = 1, consumed_gen = 0} end
    """)
    backends = {"b": backend("/good")}
    (got, _), _, _ = converse(
        backends, ASK, COMPARE, lua_script_path=str(script), meta={"x": 1}, policy_seed=3
    )
    assert got[0]["consumed_gen"] == 7
    seen = got[0]["data"]
    assert '"supports_json":true' in seen
    assert '"tx_id":"0x02"' in seen
    assert '"seed":3' in seen
    assert "http" not in seen
    assert "secret" not in seen
    assert got[1].causes == ("SCRIPT_RESULT",)
    assert KEY not in repr(tables(config(backends)))


DEPLOYED = """
    local lib, llm = require('lib-genvm'), require('lib-llm')

    local function try_all(ctx, mapped)
      for name, provider in pairs(llm.select_providers_for(mapped.prompt, mapped.format)) do
        local model = lib.get_first_from_table(provider.models)
        mapped.prompt.use_max_completion_tokens = model.value.use_max_completion_tokens
        mapped.prompt.max_tokens = 4000
        local ok, result = pcall(function()
          return llm.rs.exec_prompt_in_provider(ctx, {
            provider = name, model = model.key, prompt = mapped.prompt, format = mapped.format,
          })
        end)
        if ok then
          return { data = result.data, consumed_gen = result.total_tokens * model.value.meta.gen_per_token }
        end
        local problem = lib.rs.as_user_error(result)
        if problem == nil or not llm.overloaded_statuses[problem.ctx.status] then
          lib.reraise_with_fatality(result, false)
        end
      end
      lib.rs.user_error({ causes = { 'NO_PROVIDER_FOR_PROMPT' }, fatal = true, ctx = { tx_id = ctx.host_data.tx_id } })
    end

    function ExecPrompt(ctx, args, remaining_gen)
      return try_all(ctx, llm.exec_prompt_transform(args))
    end

    function ExecPromptTemplate(ctx, args, remaining_gen)
      return try_all(ctx, llm.exec_prompt_template_transform(args))
    end
"""


@pytest.mark.parametrize(
    ("hosts", "data", "causes", "fatal"),
    [
        (["/429", "/html-503", "/good"], "good", None, None),
        (["/429"], None, ("NO_PROVIDER_FOR_PROMPT",), True),
        (["/500", "/good"], None, ("STATUS_NOT_OK",), False),
    ],
)
def test_a_script_in_the_manner_of_deployed_ones_works(tmp_path, hosts, data, causes, fatal):
    """With the names of the deployed libraries; a price in gen is the script's own."""
    script = tmp_path / "deployed.lua"
    script.write_text(DEPLOYED)
    models = {"m": {"meta": {"gen_per_token": 3}}}
    backends = {f"b{place}": backend(host, models) for place, host in enumerate(hosts)}
    ([got], _), faults, _ = converse(backends, ASK, lua_script_path=str(script))
    if data is not None:
        assert got == {"data": data, "consumed_gen": 21}
        assert faults.bodies[-1]["max_tokens"] == 4000
    else:
        assert (got.causes, got.fatal) == (causes, fatal)


def test_no_key_is_told_by_the_whole_module(caplog):
    """A service that repeats it, a script that logs the failure: not in errors, attempts, numbers or log records."""
    with caplog.at_level(logging.DEBUG):
        ([error], attempts), faults, stats = converse({"leaky": backend("/leaky")}, ASK)
    assert KEY.encode() in faults.heads[0]
    assert error.causes == ("NO_PROVIDER_FOR_PROMPT",)
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert "no answer" in logged
    assert "very-secret" not in error.to_text() + repr(error) + repr(attempts) + repr(stats) + logged


def test_scripts_can_ask_services_of_their_operator(tmp_path):
    """`lib.rs.request`, on this machine too; it is an attempt like the others."""
    script = tmp_path / "asks.lua"
    script.write_text("""
        local lib = require('lib-genvm')
        function ExecPrompt(ctx, args)
          local order = {method = 'POST', url = args.prompt, headers = {}, body = '{}', json = true}
          return {data = lib.rs.request(ctx, order).body.choices[1].message.content, consumed_gen = 0}
        end
        function ExecPromptTemplate(ctx, args) end
    """)

    async def scenario():
        async with fault_server() as faults:
            settings = config({"b": backend("http://127.0.0.1:1")}, lua_script_path=str(script))
            mine = session()
            async with LlmModule(settings) as module, module.session(mine) as answering:
                return await answering.answer(Prompt(f"{faults.url}/good/x", "text", (), 0)), mine.attempts

    answer, attempts = asyncio.run(scenario())
    assert answer["data"] == "good"
    assert attempts[0]["status"] == 200


def test_require_looks_where_the_configuration_says(tmp_path):
    """After our own libraries: a folder of deployed ones does not take their place."""
    (tmp_path / "mine.lua").write_text("return {words = 'from mine'}")
    (tmp_path / "lib-llm.lua").write_text("error('the other lib-llm')")
    script = tmp_path / "policy.lua"
    script.write_text("""
        local llm = require('lib-llm')
        function ExecPrompt(ctx, args) return {data = require('mine').words, consumed_gen = 0} end
        function ExecPromptTemplate(ctx, args) end
    """)
    backends = {"b": backend("/good")}
    for path in (tmp_path, f"/nowhere;{tmp_path}/?.lua"):
        ([got], _), _, _ = converse(backends, ASK, lua_script_path=str(script), lua_path=str(path))
        assert got["data"] == "from mine"


def test_a_script_without_its_functions_is_refused(tmp_path):
    """Before anybody connects."""
    script = tmp_path / "half.lua"
    script.write_text("function ExecPrompt() end")
    with pytest.raises(UsageError, match="half.lua"):
        converse({"b": backend("/good")}, lua_script_path=str(script))


def test_a_message_of_the_other_module_is_refused():
    """The peer has mixed up its addresses."""
    with pytest.raises(PeerProtocolError, match="does not answer Render"):
        converse({"b": backend("/good")}, Render("text", "http://a", 0))


def png(width=32, height=32):
    """A grey picture."""

    def chunk(name, data):
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    rows = b"".join(b"\0" + bytes([128]) * width for _ in range(height))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_the_greyboxing_example_asks_differently_in_every_session():
    """Prompt, image, temperature and model change from seed to seed, and repeat with the same seed."""

    def asked(seed):
        backends = {name: backend("/good", {f"{name}-model": {"supports_image": True}}) for name in "abcdef"}
        messages = (Prompt("Is it grey?", "text", (png(),), 0), LEAD)
        script = str(EXAMPLES / "greybox.lua")
        (got, _), faults, _ = converse(backends, *messages, policy_seed=seed, lua_script_path=script)
        assert [each["data"] for each in got] == ["good", "good"]
        [body, _] = faults.bodies
        text, image = body["messages"][0]["content"]
        assert text["text"].endswith("Is it grey?")
        assert 0.5 <= body["temperature"] <= 0.9
        return text["text"], image["image_url"]["url"], body["temperature"], body["model"]

    seen = [asked(seed) for seed in range(1, 5)]
    assert asked(1) == seen[0]
    texts, images, temperatures, models = (set(column) for column in zip(*seen, strict=True))
    assert len(texts) > 1
    assert len(images) == len(temperatures) == 4
    assert len(models) > 1


def test_the_example_configurations_answer():
    """As their comments say."""

    async def scenario(name, messages):
        async with module_from_config(EXAMPLES / name, {}) as module, module.session(session()) as answering:
            return [(await answered(answering, message))["data"] for message in messages]

    messages = [
        Prompt("What is the capital of France?", "text", (), 0),
        Prompt("Rate it", "json", (), 0),
        COMPARE,
    ]
    for name in ("llm-scripted.yaml", "llm-greybox.yaml"):
        assert asyncio.run(scenario(name, messages)) == ["Paris", {"score": 7, "status": "active"}, True]


def test_a_hundred_sessions_at_once_are_all_answered():
    """Some wait for a worker; none is lost, and the numbers add up."""

    async def scenario():
        async with (
            fault_server() as faults,
            LlmModule(config({"b": backend(f"{faults.url}/good")}, vm_count_max=4)) as module,
        ):

            async def one():
                async with module.session(session()) as answering:
                    return [await answering.answer(ASK)]

            got = await asyncio.gather(*(one() for _ in range(100)))
            return got, module.stats()

    got, stats = asyncio.run(scenario())
    assert all(each["data"] == "good" for answers in got for each in answers)
    assert (stats["sessions"], stats["requests"], stats["input_tokens"]) == (100, 100, 300)
