"""The provider that answers from a file."""

from __future__ import annotations

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.answers import to_data
from genvm_replay.modules.llm.ask import Ask
from genvm_replay.modules.llm.costs import Usage
from genvm_replay.modules.llm.images import Image
from genvm_replay.modules.llm.providers.scripted import read_script

ANSWERS = r"""
answers:
  - {prompt: "two images", images: 2, response: "two"}
  - {pattern: "^rate: \\d+$", format: json, response: {score: 7, why: null}, input_tokens: 3, output_tokens: 4}
  - {system: "judge", format: bool, response: true}
  - {prompt: "busy", status: 503}
  - {model: other, response: "from another"}
  - {prompt: "a", response: "has a"}
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text(ANSWERS)
    return read_script(path)


@pytest.mark.parametrize(
    ("ask", "data"),
    [
        (Ask("m", "two images", images=(Image("image/png", b""),) * 2), "two"),
        (Ask("m", "rate: 12", "json"), {"score": 7, "why": None}),
        (Ask("m", "x", "bool", system_message="You judge"), True),
        (Ask("other", "x"), "from another"),
        (Ask("m", "rate: a"), "has a"),
    ],
)
def test_the_first_entry_that_applies_answers(script, ask, data):
    """Its conditions all hold."""
    assert to_data(script.answer(ask).content, ask.response_format) == data


def test_tokens_and_failures_are_as_written(script):
    """So that costs and fail-over can be tried out."""
    assert script.answer(Ask("m", "rate: 1", "json")).usage == Usage(3, 4)
    with pytest.raises(ModuleError) as caught:
        script.answer(Ask("m", "busy"))
    assert (caught.value.causes, caught.value.ctx["status"]) == (("STATUS_NOT_OK",), 503)


def test_no_answer_says_what_was_asked(script):
    """With the file to add it to."""
    with pytest.raises(ModuleError) as caught:
        script.answer(Ask("m", "zzz" * 500))
    assert caught.value.causes == ("NO_SCRIPTED_ANSWER",)
    assert caught.value.ctx["file"].endswith("answers.yaml")
    assert caught.value.ctx["prompt"] == ("zzz" * 500)[:200]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("answers: {}", "answers: a list is wanted"),
        ("answers: [x]", r"answers\[0\]: a map is wanted"),
        ("answers: [{prompt: x}]", r"answers\[0\]\.response: text, a boolean or a map"),
        ("answers: [{response: 2020-01-01}]", r"answers\[0\]\.response: text"),
        ("answers: [{response: {a: 2020-01-01}}]", r"answers\[0\]\.response: text"),
        ("answers: [{response: x, status: 500}]", r"answers\[0\]\.response: text"),
        ("answers: [{response: x, pattern: '('}]", r"answers\[0\]\.pattern: missing \)"),
        ("answers: [{response: x, format: xml}]", r"answers\[0\]\.format: 'xml' is none of"),
        ("answers: [{response: x, promt: y}]", r"answers\[0\]\.promt: no setting"),
        ("answer: []", "answers: is missing"),
    ],
)
def test_a_malformed_file_is_refused_with_the_place(tmp_path, text, error):
    """Before the module starts."""
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=error) as caught:
        read_script(path)
    assert str(path) in str(caught.value)
