"""Keys kept out of everything that is told."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from genvm_replay.modules.llm.redaction import Redactor

KEY = 'sk-a/b+c"é'


@pytest.mark.parametrize(
    "form",
    [KEY, quote(KEY), quote(KEY, safe=""), json.dumps(KEY), base64.b64encode(KEY.encode()).decode()],
)
def test_a_key_is_taken_out_in_every_form(form):
    """In texts, bytes, keys and values of maps, lists."""
    clean = Redactor(["another-one", KEY, ""]).clean
    for value in (f"x{form}y", f"x{form}y".encode(), {form: [form, (form,)]}):
        cleaned = repr(clean(value))
        assert "[removed]" in cleaned
        assert "sk-a" not in cleaned
        assert form.strip('"') not in cleaned


def test_what_holds_no_key_stays_as_it_is():
    """Numbers, None and booleans too; and a short word in the place of a key is no secret."""
    value = {"a": [1, None, True, b"x", "text"], "b": 1.5}
    assert Redactor([KEY]).clean(value) == value
    assert Redactor([]).clean("sk") == "sk"
    assert Redactor(["none"]).clean("none of them") == "none of them"
