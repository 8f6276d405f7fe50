"""Backends asked on behalf of scripts: attempts, costs, redaction, and what a crowd of requests leaves behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import tracemalloc

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.backends import Asker, Backends
from genvm_replay.modules.llm.costs import Ledger
from tests.modules.llm.services import GOOD_BODY, fault_server
from tests.modules.llm.sessions import KEY, backend, config, session

PRICED = {"m": {"price": {"input": 2.5, "output": 10}}}
REQUESTS, AT_ONCE = 2000, 100


def request(provider, **more):
    return {
        "provider": provider,
        "model": "m",
        "prompt": {"user_message": "Hi", "max_tokens": 10},
        "format": "text",
        **more,
    }


def run(make_config, ask, *, keeps=True, **options):
    """Ask with an Asker over the backends of a config that is made from the URL of a FaultServer."""

    async def scenario():
        async with fault_server() as faults:
            faults.keeps = keeps
            settings = make_config(faults.url)
            ledger = Ledger(settings.budget_day, settings.budget_session, lambda: 0)
            asker = Asker(session(**options), 7, ledger.session())
            async with Backends(settings) as backends:
                return await ask(backends, asker), asker, faults

    return asyncio.run(scenario())


def test_an_answer_is_counted_paid_for_and_written_down():
    """The script sees tokens and cost; the attempt has what bookkeeping wants."""
    answer, asker, _ = run(
        lambda url: config({"b": backend(f"{url}/good", PRICED)}),
        lambda backends, asker: backends.ask(asker, request("b")),
        keep_raw=True,
    )
    counted = {"input_tokens": 3, "output_tokens": 4, "cost": 47_500, "truncated": False}
    assert answer == {"data": "good", "consumed_gen": 0, "total_tokens": 7, **counted}
    [attempt] = asker.session.attempts
    assert attempt.pop("duration_us") > 0
    assert attempt == {
        "backend": "b", "provider": "openai-compatible", "model": "m", "policy_seed": 7, "status": 200, "raw": GOOD_BODY, **counted,
    }  # fmt: skip
    assert asker.ledger.totals.cost == 47_500


def test_a_failure_is_written_down_with_its_code_and_status():
    """No raw body where nobody asked for it."""

    async def ask(backends, asker):
        with pytest.raises(ModuleError, match="STATUS_NOT_OK"):
            await backends.ask(asker, request("b"))
        with pytest.raises(ModuleError, match="ANSWER_NOT_JSON"):
            await backends.ask(asker, request("good", format="json"))

    _, asker, _ = run(
        lambda url: config({"b": backend(f"{url}/429"), "good": backend(f"{url}/good", PRICED)}), ask
    )
    busy, no_json = asker.session.attempts
    assert (busy["error"], busy["status"], "cost" in busy) == ("STATUS_NOT_OK", 429, False)
    assert (no_json["error"], no_json["status"], no_json["cost"]) == ("ANSWER_NOT_JSON", 200, 47_500)
    assert (asker.ledger.totals.attempts, asker.ledger.totals.failures) == (2, 1)


def test_a_length_limit_that_left_nothing_is_an_empty_answer():
    """By the format that was asked for (spec/manager-modules.md 2.3)."""

    async def ask(backends, asker):
        return [await backends.ask(asker, request("b", format=form)) for form in ("text", "json", "bool")]

    answers, asker, _ = run(lambda url: config({"b": backend(f"{url}/length")}), ask)
    assert [answer["data"] for answer in answers] == ["", {}, False]
    assert all(attempt["truncated"] for attempt in asker.session.attempts)


def test_a_model_that_refuses_a_temperature_is_sent_none():
    """The script may have set one all the same."""
    models = {"m": {}, "n": {"supports_temperature": False}}

    async def ask(backends, asker):
        for model in models:
            prompt = {"user_message": "Hi", "temperature": 0.3}
            await backends.ask(asker, request("b", model=model, prompt=prompt))

    _, _, faults = run(lambda url: config({"b": backend(f"{url}/good", models)}), ask)
    assert [body.get("temperature") for body in faults.bodies] == [0.3, None]


def test_a_budget_refuses_before_anybody_is_asked():
    """With an error that a contract may catch."""

    async def ask(backends, asker):
        await backends.ask(asker, request("b"))
        with pytest.raises(ModuleError, match="BUDGET_EXCEEDED") as caught:
            await backends.ask(asker, request("b"))
        return caught.value

    error, asker, faults = run(
        lambda url: config({"b": backend(f"{url}/good", PRICED)}, budgets={"per_session": 0.00013}), ask
    )
    assert (error.fatal, error.ctx) == (False, {"scope": "session"})
    assert faults.seen["good"] == 1
    assert asker.session.attempts[1]["error"] == "BUDGET_EXCEEDED"


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"provider": "c"}, "provider"),
        ({"model": "n"}, "model"),
        ({"format": "xml"}, "format"),
        ({"model": ["m"]}, "model"),
    ],
)
def test_a_script_that_asks_for_what_is_not_there_is_told(change, argument):
    """Its own fault, so fatal."""

    async def ask(backends, asker):
        with pytest.raises(ModuleError, match="BAD_ARGUMENT") as caught:
            await backends.ask(asker, {**request("b"), **change})
        return caught.value

    error, _, faults = run(lambda url: config({"b": backend(f"{url}/good")}), ask)
    assert (error.fatal, error.ctx["argument"], faults.seen) == (True, argument, {})


def test_no_key_is_told_anywhere(caplog):
    """Not where a service repeats it, not in errors, attempts with raw bodies, or logs of everything."""

    async def ask(backends, asker):
        errors = []
        for name in ("leaky", "down", "good"):
            try:
                await backends.ask(asker, request(name))
            except ModuleError as error:
                errors.append(error)
        return errors

    def make(url):
        google = {
            "provider": "google",
            "host": "http://127.0.0.1:1",
            "key": "${ENV[KEY]}",
            "models": {"m": {}},
        }
        return config({"leaky": backend(f"{url}/leaky"), "down": google, "good": backend(f"{url}/good")})

    with caplog.at_level(logging.DEBUG):
        errors, asker, faults = run(make, ask, keep_raw=True)
    assert KEY.encode() in faults.heads[0]
    told = (
        "".join(error.to_text() + repr(error) for error in errors)
        + repr(asker.session.attempts)
        + caplog.text
    )
    assert len(errors) == 2
    assert "very-secret" not in told
    assert "[removed]" in told


@pytest.mark.parametrize("fault", ["good", "truncated", "html-503"])
def test_a_crowd_of_requests_leaves_nothing_behind(fault):
    """No socket and no memory, whether they are answered or not; the connections of good ones are used again."""

    async def ask(backends, asker):
        gate = asyncio.Semaphore(AT_ONCE)

        async def one():
            async with gate:
                try:
                    await backends.ask(asker, request("b"))
                except ModuleError:
                    assert fault != "good"

        async def crowd(count):
            await asyncio.gather(*(one() for _ in range(count)))
            asker.session.attempts.clear()
            gc.collect()

        count = REQUESTS // 2 if fault == "good" else REQUESTS // 16
        tracemalloc.start()
        await crowd(count)
        before, _ = tracemalloc.get_traced_memory()
        await crowd(count)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return after - before

    sockets = _sockets()
    grown, asker, faults = run(lambda url: config({"b": backend(f"{url}/{fault}")}), ask, keeps=False)
    assert grown < 100_000, f"{grown} bytes more after a second crowd of the same size"
    assert asker.ledger.totals.attempts == sum(faults.seen.values())
    assert _sockets() == sockets


def _sockets():
    links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.path.islink(link) and os.readlink(link).startswith("socket:") for link in links)
