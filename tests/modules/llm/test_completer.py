"""JSON that ends too early."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.modules.llm.completer import complete

CUT = [
    ("", {}),
    ("  \n", {}),
    ("{", {}),
    ('{"a', {"a": None}),
    ('{"a"', {"a": None}),
    ('{"a":', {"a": None}),
    ('{"a" : ', {"a": None}),
    ('{"a": "x', {"a": "x"}),
    ('{"a": "x\\', {"a": "x"}),
    ('{"a": "x\\\\', {"a": "x\\"}),
    ('{"a": "x\\u', {"a": "x"}),
    ('{"a": "x\\u12', {"a": "x"}),
    ('{"a": "x\\u0041', {"a": "xA"}),
    ('{"a": "x\\"', {"a": 'x"'}),
    ('{"a": t', {"a": True}),
    ('{"a": fals', {"a": False}),
    ('{"a": nu', {"a": None}),
    ('{"a": -', {"a": 0}),
    ('{"a": 1.', {"a": 1.0}),
    ('{"a": 12e', {"a": 12.0}),
    ('{"a": 1e+', {"a": 1.0}),
    ('{"a": 12', {"a": 12}),
    ('{"a": 1,', {"a": 1}),
    ('{"a": 1, "b', {"a": 1, "b": None}),
    ('{"a": [1, 2,', {"a": [1, 2]}),
    ('{"a": [1, {"b": [', {"a": [1, {"b": []}]}),
    ("[1, [2", [1, [2]]),
]
SLIPS = [
    ('{"a": 1,}', {"a": 1}),
    ('{"a": [1, 2,], }', {"a": [1, 2]}),
    ('{"a", "b": 1}', {"a": None, "b": 1}),
    ('{"a": , "b":}', {"a": None, "b": None}),
    ('{"a": tru, "b": 1.}', {"a": True, "b": 1.0}),
]
WRONG = ["Hello", '{"a": 1}}', '{"a" 1}', '{"a": "b" "c"}', "{'a': 1}", '{"a": "\\uXYZ1"}', '{"a": [1}', "{a: 1}", '{"a": "\\u12", "b": 1}']  # fmt: skip


@pytest.mark.parametrize(("text", "value"), CUT + SLIPS)
def test_what_was_written_is_kept_and_brought_to_its_end(text, value):
    """The rules of spec/manager-modules.md 2.3."""
    assert json.loads(complete(text)) == value


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_otherwise_stays_wrong(text):
    """No meaning is guessed."""
    with pytest.raises(ValueError, match=r".*"):
        json.loads(complete(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_every_beginning_of_json_is_brought_to_its_end(value, ascii_only):
    """Whole JSON stays as it is; cut anywhere, it still is a map."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert json.loads(complete(text)) == value
    for end in range(len(text)):
        assert isinstance(json.loads(complete(text[:end])), dict)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='{}[]":,\\utrfn0-.e \nx', max_size=30))
def test_garbage_ends(text):
    """Any text gives a text."""
    assert isinstance(complete(text), str)
