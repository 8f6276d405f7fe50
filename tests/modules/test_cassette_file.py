"""A cassette's file: what is written is read back, byte for byte, and people can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genvm_replay.calldata import Address
from genvm_replay.errors import EnvironmentProblem, UsageError
from genvm_replay.modules.cassette import Episode
from genvm_replay.modules.cassette_file import from_yaml, open_cassette, to_yaml

EPISODE = Episode(
    "llm", {"Prompt": {"payload": {"prompt": "Hi"}}}, {"Ok": {"data": "Hello\nyou", "consumed_gen": 0}}
)
READABLE = """\
format: genvm-replay cassette/1
episodes:
- module: llm
  request:
    Prompt:
      payload:
        prompt: Hi
  reply:
    Ok:
      data: |-
        Hello
        you
      consumed_gen: 0
- module: web
  request:
    Request:
      body: null
      url: http://a/?q=ä
  reply:
    Ok:
      response:
        body: !bytes "{\\"price\\": 1}"
        headers:
          x: !!binary |
            /wA=
        of: !address "0x6161616161616161616161616161616161616161"
"""
WEB = Episode(
    "web",
    {"Request": {"body": None, "url": "http://a/?q=ä"}},
    {"Ok": {"response": {"body": b'{"price": 1}', "headers": {"x": b"\xff\0"}, "of": Address(b"a" * 20)}}},
)


def test_people_can_read_it() -> None:
    """And edit it: the same file by hand is the same cassette."""
    assert to_yaml([EPISODE, WEB]).decode() == READABLE
    assert from_yaml(READABLE.encode(), "f") == [EPISODE, WEB]


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    "\n\r\t :-#'\"\\ax|>\x85\u2028\ufeff", max_size=10
)
words = st.sampled_from(
    [
        "yes",
        "no",
        "null",
        "~",
        "1",
        "0.5",
        "1e3",
        "0x1f",
        "1:30",
        "2001-01-01",
        "=",
        "<<",
        "!b",
        "&a",
        "*a",
        "",
        "- a",
    ]
)
value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**300), 2**300)
    | text
    | words
    | st.binary(max_size=40)
    | text.map(str.encode),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | words, inner, max_size=3),
    max_leaves=8,
)


@given(value, value)
@example("\n", b"\n")
@example(" \n a\n\n", b"\n  a")
@example({"a": "x\n" * 3}, ["  a\nb\n"])
def test_every_value_comes_back(request: Any, reply: Any) -> None:
    """With its type: text that looks like a number stays text."""
    episodes = [Episode("llm", request, reply), Episode("web", reply, request)]
    assert from_yaml(to_yaml(episodes), "f") == episodes


BAD = {
    "no YAML": "a: [",
    "another file": "a: 1",
    "a list": "- 1",
    "another version": "format: genvm-replay cassette/9\nepisodes: []",
    "no episodes": "format: genvm-replay cassette/1",
    "more keys": "format: genvm-replay cassette/1\nepisodes: []\nmore: 1",
    "a field is missing": "format: genvm-replay cassette/1\nepisodes: [{module: llm, request: 1}]",
    "no calldata": "format: genvm-replay cassette/1\nepisodes: [{module: llm, request: {1: 2}, reply: 1}]",
    "an object": "format: genvm-replay cassette/1\nepisodes: [!!python/object:os.system {}]",
    "an alias": "format: genvm-replay cassette/1\nepisodes: [{module: llm, request: &a [1], reply: *a}]",
    "endless": "format: genvm-replay cassette/1\nepisodes: [{module: llm, request: &a [*a], reply: 1}]",
    "no address": "format: genvm-replay cassette/1\nepisodes: [{module: llm, request: !address 0x, reply: 1}]",
    "a set": "format: genvm-replay cassette/1\nepisodes: [{module: llm, request: !!set {a}, reply: 1}]",
    "control characters": "a\0b",
    "digits": f"format: {'1' * 9999}",
}


@pytest.mark.parametrize("kind", BAD)
def test_files_that_are_none(tmp_path: Path, kind: str) -> None:
    """Are refused with the name of the file."""
    path = tmp_path / "tape.yaml"
    path.write_text(BAD[kind])
    with pytest.raises(UsageError, match=r"tape\.yaml"), open_cassette(path, "once"):
        pass
    assert path.read_text() == BAD[kind]


def test_a_cassette_that_is_not_there(tmp_path: Path) -> None:
    """Mode none wants one; the others want a folder for it. Without episodes none is made."""
    with pytest.raises(UsageError, match="there is no cassette"), open_cassette(tmp_path / "t.yaml", "none"):
        pass
    with pytest.raises(UsageError, match="no such folder"), open_cassette(tmp_path / "no" / "t.yaml", "once"):
        pass
    with open_cassette(tmp_path / "t.yaml", "once"):
        pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(EnvironmentProblem), open_cassette(tmp_path, "once"):
        pass
