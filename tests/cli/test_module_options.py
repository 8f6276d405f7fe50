"""Options that say how runs ask modules: addresses, cassettes, raw answers, modules that the command starts itself."""

from __future__ import annotations

import click
import pytest
from modules.serving import RAW, running

from genvm_replay.cli import module_options
from genvm_replay.cli.errors import ENVIRONMENT, USAGE

ASKING = """# v0.1.10
# { "Depends": "py-genlayer:test" }
from genlayer import *


class Asking(gl.Contract):
    said: str

    @gl.public.write
    def ask(self, what: str) -> str:
        self.said = gl.vm.run_nondet(lambda: gl.nondet.exec_prompt(what), lambda res: gl.nondet.exec_prompt(what) != "")
        return self.said
"""


@pytest.mark.parametrize("text", ["ws://127.0.0.1:3031", "wss://models.example", "ws://[::1]:1/path"])
def test_what_is_an_address_of_a_module(text):
    parameter = click.Option(["--llm"])
    assert module_options.read_module_address(None, parameter, text) == text


@pytest.mark.parametrize("text", ["models", "http://a", "ws://", "ws://a:x", "ws://a:99999", "ws://[::1"])
def test_what_is_no_address_of_a_module(text):
    parameter = click.Option(["--llm"])
    with pytest.raises(click.BadParameter) as caught:
        module_options.read_module_address(None, parameter, text)
    assert "such as ws://127.0.0.1:3031" in caught.value.message


def test_the_modes_are_those_of_cassettes():
    """The help imports no cassette, so the names are written twice."""
    from genvm_replay.modules.cassette import MODES

    assert module_options.CASSETTE_MODES == MODES


@pytest.fixture
def address(run_json, tmp_path):
    path = tmp_path / "asking.py"
    path.write_text(ASKING)
    return run_json("deploy", path).object["address"]


def test_a_cassette_for_leader_and_validators(run, run_json, address, tmp_path):
    """Recorded by `call` and `validate` with a module, then played without one; `--json` and all."""
    tape = tmp_path / "tape.yaml"
    with running() as server:
        recording = ["--llm", server.address, "--cassette", tape, "--cassette-mode", "new-episodes"]
        called = run_json("call", address, "ask", '"count"', *recording).object
        assert called["result"]["value"] == "1"
        assert run("validate", called["tx"], *recording).code == 0
    assert tape.read_text().count("module: llm") == 1  # the validator asked what the leader had asked
    playing = ["--llm", "ws://127.0.0.1:1", "--cassette", tape, "--cassette-mode", "none"]
    again = run_json("call", address, "ask", '"count"', *playing).object
    assert again["result"]["value"] == "1"
    assert run("validate", again["tx"], "--count", 2, *playing).code == 0
    assert run("replay", again["tx"]).code == 0


def test_a_cassette_without_the_episode(run, address, tmp_path):
    """Says what is nearest; nothing is recorded, in the journal and on the tape."""
    tape = tmp_path / "tape.yaml"
    with running() as server:
        run("call", address, "ask", '"say a"', "--llm", server.address, "--cassette", tape)
    before = tape.read_bytes()
    missed = run("call", address, "ask", '"say b"', "--cassette", tape)
    assert missed.code == ENVIRONMENT
    assert 'Prompt.payload.prompt: recorded "say a", asked "say b"' in missed.err
    assert tape.read_bytes() == before
    assert len(run("runs").out.splitlines()) == len(["header", "deploy", "call"])


def test_episodes_that_were_not_asked_for(run, address, tmp_path):
    """Are told in mode none, and in no other."""
    tape = tmp_path / "tape.yaml"
    with running() as server:
        for what in ('"say a"', '"say b"'):
            options = ["--llm", server.address, "--cassette", tape, "--cassette-mode", "new-episodes"]
            run("call", address, "ask", what, *options)
    assert (
        "not asked for: 2 (llm Prompt)"
        in run("call", address, "ask", '"say a"', "--cassette", tape, "--cassette-mode", "none").err
    )
    assert run("call", address, "ask", '"say a"', "--cassette", tape).err == ""


def test_a_cassette_that_is_none(run, address, tmp_path):
    """A usage error before anything runs."""
    tape = tmp_path / "tape.yaml"
    tape.write_text("a: 1")
    assert run("call", address, "ask", '"a"', "--cassette", tape).code == USAGE
    tape.unlink()
    refused = run("call", address, "ask", '"a"', "--cassette", tape, "--cassette-mode", "none")
    assert (refused.code, "there is no cassette" in refused.err) == (USAGE, True)
    refused = run("call", address, "ask", '"a"', "--cassette-mode", "none")
    assert (refused.code, "--cassette FILE" in refused.err) == (USAGE, True)


def test_a_fatal_error_is_told_once(run, run_json, address):
    """What a module says to an internal error is the result; a cause of the same words would only repeat it."""
    with running() as server:
        told = run("call", address, "ask", '"fatal"', "--llm", server.address)
        machine = run_json("call", address, "ask", '"fatal"', "--llm", server.address).object
    assert told.code == 1
    assert "result    internal_error the llm module failed" in told.out
    assert told.out.count("the llm module failed") == 1
    assert machine["cause"] == machine["result"]["value"]


def test_raw_answers(run, run_json, address):
    """`--keep-raw` journals them; `show` and `query` tell of the attempts either way."""
    with running() as server:
        kept = run_json("call", address, "ask", '"try 2"', "--llm", server.address, "--keep-raw").object
        other = run_json("call", address, "ask", '"try 2"', "--llm", server.address).object
    shown = run("--json", "show", kept["tx"], "--line", "attempts:nondet:0").objects[1:]
    assert [event["answer"]["value"] for event in shown] == ["0x" + RAW.hex()] * 2
    assert shown[1]["facts"] == {"backend": "b1", "status": 200, "input_tokens": 5, "output_tokens": 2}
    assert "backend" in run("show", other["tx"], "--line", "attempts:nondet:0").out
    rows = run("--json", "query", "attempts").objects
    assert [(row["run"], row["raw_size"]) for row in rows] == [
        *[(other["run"], None)] * 2,
        *[(kept["run"], len(RAW))] * 2,
    ]
    assert "b0" in run("query", "attempts", "--csv").out
    assert "status" in run("query", "attempts").out
    assert run("verify").code == 0
    assert run("replay", "--all").code == 0


BAD_FILES = {
    "not there": None,
    "no YAML": "a: [",
    "neither key": "backends: {}",
    "no map": "llm: 1",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_configuration_that_is_none(run, address, tmp_path, kind):
    """A usage error before anything runs."""
    path = tmp_path / "modules.yaml"
    content = BAD_FILES[kind]
    if content is not None:
        path.write_text(content)
    refused = run("call", address, "ask", '"a"', "--modules", path)
    assert (refused.code, "modules.yaml" in refused.err or "llm" in refused.err) == (USAGE, True)
