"""`genvm-replay modules`: what it refuses before anything listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from genvm_replay.cli.errors import USAGE
from genvm_replay.cli.modules import configured, section_of
from genvm_replay.errors import UsageError

REFUSED = {
    "no backend": (["--config", "{path}"], "backends: {}", "none is left"),
    "no setting": (
        ["--config", "{path}"],
        "backends: {b: {provider: ollama, host: 'http://h', oops: 1}}",
        "backends.b.oops",
    ),
    "no configuration": ([], None, "Missing option '--config'"),
    "not there": (["--config", "{path}"], None, "No such file"),
    "no YAML": (["--config", "{path}"], "a: [", "not YAML"),
    "the other module's alone": (["--config", "{path}"], "web: {}", "llm: a map is wanted"),
    "no address": (["--config", "{path}", "--bind", "here"], "{}", "no HOST:PORT"),
    "no port": (["--config", "{path}", "--bind", "127.0.0.1:99999"], "{}", "no HOST:PORT"),
    "no level": (["--config", "{path}", "--log-level", "all"], "{}", "'all' is not one of"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(run, tmp_path, kind):
    """A usage error that says what and where."""
    arguments, content, told = REFUSED[kind]
    path = tmp_path / "modules.yaml"
    if content is not None:
        path.write_text(content)
    refused = run("modules", "llm", *[word.format(path=path) for word in arguments])
    assert (refused.code, told in refused.err) == (USAGE, True), refused.err


def test_one_file_for_both_modules():
    """The keys llm and web are the modules' parts; without either the whole is one module's."""
    both = {"llm": {"a": 1}, "web": {"b": 2}}
    assert (section_of(both, "llm"), section_of(both, "web")) == ({"a": 1}, {"b": 2})
    assert section_of({"backends": {}}, "llm") == {"backends": {}}
    with pytest.raises(UsageError, match="web: a map is wanted"):
        section_of({"llm": {}}, "web")


def test_the_example_for_both(monkeypatch):
    """Its paths begin at its own folder, and it needs no key."""
    monkeypatch.chdir("/")
    example = Path(__file__).parents[2] / "examples" / "modules" / "both.yaml"
    for name, port in (("llm", 3031), ("web", 3032)):
        module, service = configured(name, example)
        assert (module.name, service.bind_address) == (name, ("127.0.0.1", port))
