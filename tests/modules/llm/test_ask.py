"""What a script asks of a provider."""

from __future__ import annotations

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.ask import Ask, read_ask
from genvm_replay.modules.llm.costs import IMAGE_TOKENS, Usage
from genvm_replay.modules.llm.images import Image

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_prompt_is_read_with_its_defaults():
    """Those of spec/manager-modules.md 2.2."""
    assert read_ask("m", {"user_message": "Hi"}, "text") == Ask(
        "m", "Hi", "text", None, 0.7, (), 1000, False, None
    )
    whole = {
        "system_message": "S", "user_message": b"Hi \xff", "temperature": 0, "images": [PNG], "max_tokens": 200.0,
        "use_max_completion_tokens": True, "seed": 7,
    }  # fmt: skip
    asked = read_ask("m", whole, "json")
    assert asked == Ask("m", "Hi �", "json", "S", 0, (Image("image/png", PNG),), 200, True, 7)
    assert read_ask("m", {"images": {}}, "bool").images == ()


@pytest.mark.parametrize(
    ("prompt", "response_format", "argument"),
    [
        ("Hi", "text", "prompt"),
        ({}, "xml", "format"),
        ({"user_message": 1}, "text", "prompt.user_message"),
        ({"images": "x"}, "text", "prompt.images"),
        ({"temperature": float("nan")}, "text", "prompt.temperature"),
        ({"temperature": -1}, "text", "prompt.temperature"),
        ({"max_tokens": 0}, "text", "prompt.max_tokens"),
        ({"max_tokens": True}, "text", "prompt.max_tokens"),
        ({"seed": 2**60}, "text", "prompt.seed"),
    ],
)
def test_a_bad_argument_is_named(prompt, response_format, argument):
    """It is the script's fault, so it ends the run."""
    with pytest.raises(ModuleError) as caught:
        read_ask("m", prompt, response_format)
    assert (caught.value.causes, caught.value.fatal, caught.value.ctx["argument"]) == (
        ("BAD_ARGUMENT",),
        True,
        argument,
    )


def test_the_most_it_can_take_is_known_before():
    """Budgets reserve it: a byte of text is a token at most."""
    asked = Ask("m", "é", system_message="ab", images=(Image("image/png", PNG),), max_tokens=5)
    assert asked.usage_at_most() == Usage(4 + IMAGE_TOKENS, 5)
