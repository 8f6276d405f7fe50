"""The error of a module."""

from __future__ import annotations

import json

from genvm_replay.modules.errors import ModuleError


def test_an_outer_layer_comes_first_and_fatal_stays():
    """Causes are told from the outside in; fatality is or-ed (spec/manager-modules.md 5.4)."""
    inner = ModuleError("STATUS_NOT_OK", fatal=True, ctx={"status": 503})
    outer = inner.wrapped("RENDER")
    assert (outer.causes, outer.fatal, outer.ctx) == (("RENDER", "STATUS_NOT_OK"), True, {"status": 503})
    assert ModuleError("A").wrapped("B", fatal=True).fatal


def test_the_text_of_a_fatal_error_is_json_with_its_codes():
    """Tools look for the codes in it."""
    text = ModuleError("READING_BODY", fatal=True, ctx={"body": b"\xff"}).to_text()
    assert json.loads(text) == {"causes": ["READING_BODY"], "fatal": True, "ctx": {"body": "ÿ"}}
