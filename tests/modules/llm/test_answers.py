"""What a model said, in the form that a contract gets."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay import calldata
from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.answers import DEPTH_MAX, to_data

MAPS = [
    ('{"a": 1}', {"a": 1}),
    (' \n```json\n{"a": 1}\n``` ', {"a": 1}),
    ('```{"a": 1}```', {"a": 1}),
    ('```json\n{"a": [1, 2', {"a": [1, 2]}),
    ("", {}),
    ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
    ('{"\\ud800": "x\\udc00y"}', {"�": "x�y"}),
    ('{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    ('{"a": null, "b": [], "c": {}}', {"a": None, "b": [], "c": {}}),
]
NUMBERS = [
    ("1", 1),
    ("1.0", 1),
    ("-0.0", 0),
    ("2e3", 2000),
    ("0.7", "0.7"),
    ("0.70", "0.7"),
    ("7e-1", "0.7"),
    ("-1.50", "-1.5"),
    ("123456789012345678901234567890", 123456789012345678901234567890),
    ("0.1234567890123456789012345", "0.1234567890123456789012345"),
    ("1E400", 10**400),
    ("1e401", "1e401"),
    ("1e-500", "1e-500"),
    ("1e99999999999999999999", "1e99999999999999999999"),
    ("0." + "0" * 500 + "1", "0." + "0" * 500 + "1"),
]


@pytest.mark.parametrize(("text", "data"), MAPS)
def test_a_map_is_read_through_fences_and_a_missing_end(text, data):
    """Calldata can carry all of it."""
    assert to_data(text, "json") == data
    calldata.encode(to_data(text, "json"))


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_a_fraction_is_text_and_a_whole_number_is_an_integer(text, value):
    """One rule, the same at every validator: calldata has no fractions."""
    data = to_data(f'{{"a": [{text}]}}', "json")
    assert data == {"a": [value]}
    assert type(data["a"][0]) is type(value)


@pytest.mark.parametrize(
    "text",
    ["Hello", "[1]", '"x"', "12", "null", '{"a": NaN}', '{"a": -Infinity}', "{{{", '{"a":' * 5000, '{"a": ' + "9" * 5000 + "}",
     "{" + '"a":[' * (DEPTH_MAX + 1) + "]}"],
)  # fmt: skip
def test_what_is_no_map_is_a_coded_error(text):
    """It is fatal as raised; a script may ask another model (spec/manager-modules.md 2.3)."""
    with pytest.raises(ModuleError) as caught:
        to_data(text, "json")
    assert (caught.value.causes, caught.value.fatal) == (("ANSWER_NOT_JSON",), True)
    assert len(caught.value.to_text()) < 2000


@pytest.mark.parametrize(
    ("content", "data"),
    [
        ('{"reason": "x", "result": true}', True),
        ('{"reason": "x", "result": false}', False),
        ({"result": True}, True),
        ('{"result": "true"}', False),
        ('{"result": 1}', False),
        ('{"reason": "x"', False),
    ],
)
def test_a_boolean_is_the_field_result_and_false_without_it(content, data, caplog):
    """Whoever judges and does not say so has not agreed; that is logged."""
    with caplog.at_level(logging.WARNING):
        assert to_data(content, "bool") is data
    assert bool(caplog.records) == (not data and "false" not in str(content))


def test_a_map_of_a_tool_follows_the_same_rules():
    """Anthropic gives maps, with numbers already read."""
    assert to_data({"a": [0.7, 2.0, None, {"b": "\ud800"}]}, "json") == {"a": ["0.7", 2, None, {"b": "�"}]}


def test_text_stays_as_it_is():
    """Even where it looks like JSON; only a map becomes its text, and half of a pair has no UTF-8."""
    assert to_data(' ```json\n{"a": 1} ', "text") == ' ```json\n{"a": 1} '
    assert to_data({"a": 0.5}, "text") == '{"a": 0.5}'
    assert to_data("half \ud800", "text") == "half �"


@settings(max_examples=80, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i), max_leaves=10))  # fmt: skip
def test_whatever_a_model_writes_calldata_carries_it_or_the_error_is_coded(value):
    """Nothing else comes out."""
    try:
        data = to_data(json.dumps({"a": value}), "json")
    except ModuleError as error:
        assert error.causes == ("ANSWER_NOT_JSON",)
    else:
        assert calldata.decode(calldata.encode(data)) == data
