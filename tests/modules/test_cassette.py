"""Cassettes: what each mode plays, asks and records, and what is said of a request that does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genvm_replay import calldata
from genvm_replay.host_bridge.modules import Said
from genvm_replay.modules.cassette import MODES, Cassette, CassetteMiss, Episode, Mode
from genvm_replay.modules.cassette_file import from_yaml, open_cassette


def request(prompt: str, fuel: int = 7, **payload: Any) -> bytes:
    payload = {"prompt": prompt, "response_format": "text", "images": [], **payload}
    return calldata.encode({"Prompt": {"payload": payload, "remaining_fuel_as_gen": fuel}})


class Counting:
    """Modules that answer with how often they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def call(self, module: str, message: bytes) -> Said:
        self.asked.append((module, message))
        if b"broken" in message:
            return Said(calldata.encode({"FatalError": "down"}))
        if b"wrong" in message:
            return Said(calldata.encode({"UserError": {"causes": ["NO"], "ctx": {}}}))
        return Said(calldata.encode({"Ok": {"data": str(len(self.asked)), "consumed_gen": 0}}))


def play(path: Path, mode: Mode, *prompts: str, module: str = "llm") -> tuple[list[str], int]:
    """What a run gets for its prompts, and how many of them the module was asked."""
    modules, told = Counting(), []
    with open_cassette(path, mode) as cassette:
        between = cassette.through(modules)
        for prompt in prompts:
            reply: Any = calldata.decode(between.call(module, request(prompt)).reply)
            told.append(next(iter(reply)) if "Ok" not in reply else reply["Ok"]["data"])
    return told, len(modules.asked)


def held(path: Path) -> list[Any]:
    return [one.reply["Ok"]["data"] for one in from_yaml(path.read_bytes(), "f")]  # type: ignore[index, call-overload]


def test_once(tmp_path: Path) -> None:
    """A new one records everything, equal requests too; then it plays, in order, the last one for ever."""
    tape = tmp_path / "tape.yaml"
    assert play(tape, "once", "a", "b", "a") == (["1", "2", "3"], 3)
    assert play(tape, "once", "a", "a", "a", "b", "b") == (["1", "3", "3", "2", "2"], 0)
    with pytest.raises(CassetteMiss):
        play(tape, "once", "c")


def test_none(tmp_path: Path) -> None:
    """Never asks and never writes."""
    tape = tmp_path / "tape.yaml"
    play(tape, "once", "a", "b")
    before = tape.stat()
    assert play(tape, "none", "b", "a") == (["2", "1"], 0)
    with pytest.raises(CassetteMiss):
        play(tape, "none", "a", "c")
    assert tape.stat() == before


def test_new_episodes(tmp_path: Path) -> None:
    """Plays what it holds, what it has just recorded too, and asks for the rest."""
    tape = tmp_path / "tape.yaml"
    assert play(tape, "new-episodes", "a", "a") == (["1", "1"], 1)
    assert play(tape, "new-episodes", "b", "a", "b") == (["1", "1", "1"], 1)
    assert play(tape, "none", "b", "a") == (["1", "1"], 0)
    assert held(tape) == ["1", "1"]


def test_all(tmp_path: Path) -> None:
    """Asks for everything; what was held before is gone, unless nothing was asked."""
    tape = tmp_path / "tape.yaml"
    play(tape, "once", "a", "b", "c")
    assert play(tape, "all") == ([], 0)
    assert held(tape) == ["1", "2", "3"]
    assert play(tape, "all", "b", "b") == (["1", "2"], 2)
    assert held(tape) == ["1", "2"]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "none"])
def test_errors_of_modules(tmp_path: Path, mode: Mode) -> None:
    """What a contract may catch is recorded; what ends its run is passed on and forgotten."""
    tape = tmp_path / "tape.yaml"
    assert play(tape, mode, "wrong", "broken") == (["UserError", "FatalError"], 2)
    assert len(from_yaml(tape.read_bytes(), "f")) == 1
    assert play(tape, "none", "wrong") == (["UserError"], 0)


def test_what_was_recorded_before_an_error_is_saved(tmp_path: Path) -> None:
    """Prompts cost: they are not lost where the run then fails."""
    tape = tmp_path / "tape.yaml"

    def fail() -> None:
        with open_cassette(tape, "once") as cassette:
            cassette.through(Counting()).call("llm", request("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert held(tape) == ["1"]


def test_the_fuel_does_not_matter() -> None:
    """It is the host's: another node has another budget."""
    cassette = Cassette(None, "new-episodes")
    between = cassette.through(Counting())
    first = between.call("llm", request("a", fuel=1))
    second = between.call("llm", request("a", fuel=2))
    assert first.reply == second.reply
    assert second.attempts == ({"backend": "cassette", "episode": 1},)
    assert "fuel" not in str(cassette.episodes)


def test_unused_episodes() -> None:
    """Those that no run asked for, by number."""
    episodes = [Episode("llm", {"Prompt": {"payload": {"prompt": n}}}, {"Ok": n}) for n in "abc"]
    cassette = Cassette(episodes, "none")
    message = calldata.encode({"Prompt": {"payload": {"prompt": "b"}, "remaining_fuel_as_gen": 1}})
    cassette.play("llm", message)
    assert [(number, one.name) for number, one in cassette.unused()] == [(1, "llm Prompt"), (3, "llm Prompt")]


MISSES = [
    ("llm", request("Who wrote the Iliad?"), "Episode 1 is the nearest; it differs in\n  Prompt.payload.prompt: recorded \"Who wrote the Odyssey?\", asked \"Who wrote the Iliad?\""),
    ("llm", request("How much is 1 + 1?", response_format="json"), "Episode 2 is the nearest; it differs in\n  Prompt.payload.response_format: recorded \"text\", asked \"json\""),
    ("llm", request("Who wrote the Odyssey?", images=[b"\xff"]), "Prompt.payload.images[0]: recorded (absent), asked b#ff"),
    ("llm", request("x" * 999), "... (1001 characters)"),
    ("web", calldata.encode({"Render": {"url": "u"}}), "(web Render), and its mode does not record; it holds nothing of the web module"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "message", "said"), MISSES, ids=["text", "format", "image", "long", "module"]
)
def test_what_a_miss_says(module: str, message: bytes, said: str) -> None:
    """The nearest episode, field by field."""
    cassette = Cassette(None, "once", "the cassette tape.yaml")
    for prompt in ("Who wrote the Odyssey?", "How much is 1 + 1?"):
        cassette.through(Counting()).call("llm", request(prompt))
    strict = Cassette(cassette.episodes, "none", "the cassette tape.yaml")
    with pytest.raises(CassetteMiss) as miss:
        strict.play(module, message)
    assert str(miss.value).startswith("the cassette tape.yaml has no episode for this request")
    assert said in str(miss.value)
