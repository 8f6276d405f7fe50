"""The prompts behind equivalence principles."""

from __future__ import annotations

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.config import Section
from genvm_replay.modules.llm.templates import DEFAULTS, NAMES, PLACEHOLDER, take_templates
from genvm_replay.modules.messages import TEMPLATES


def test_ours_use_every_variable_of_their_request_once():
    """And none of another."""
    assert take_templates(Section("", {})) == DEFAULTS
    for name, template in DEFAULTS.items():
        assert sorted(PLACEHOLDER.findall(template.user)) == sorted(TEMPLATES[NAMES[name]])
        assert not PLACEHOLDER.search(template.system)


@pytest.mark.parametrize("name", ["eq_comparative", "eq_non_comparative_validator"])
def test_judges_are_asked_for_a_reason_before_the_result(name):
    """A model that has to give its reason first decides better (spec/manager-modules.md 2.1)."""
    system = DEFAULTS[name].system
    assert 0 < system.index('"reason"') < system.index('"result"')


def test_a_configured_one_takes_the_place_of_ours():
    """Key by key."""
    section = Section("prompt_templates", {"eq_comparative": {"user": "#{principle}?"}})
    template = take_templates(section)["eq_comparative"]
    assert (template.system, template.user) == (DEFAULTS["eq_comparative"].system, "#{principle}?")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"eq_comparative": {"user": "#{task}"}},
            r"prompt_templates\.eq_comparative\.user: #\{task\} is none of leader_answer",
        ),
        ({"eq_other": {}}, r"prompt_templates\.eq_other: no setting"),
        ({"eq_comparative": {"usr": ""}}, r"eq_comparative\.usr: no setting"),
    ],
)
def test_a_placeholder_without_a_variable_is_refused(values, text):
    """A typing error would reach the model."""
    with pytest.raises(UsageError, match=text):
        take_templates(Section("prompt_templates", values))
