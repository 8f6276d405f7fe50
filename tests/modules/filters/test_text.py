"""Filters of text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.filters.text import BLANK, FILTERS, filter_text

ROWS = [
    ("NFC", "e\u0301 \ufb01", "\u00e9 \ufb01"),
    ("NFKC", "e\u0301 \ufb01 \u2460", "\u00e9 fi 1"),
    ("NormalizeWS", "  \n\t a", "a"),
    ("NormalizeWS", "a \t\u00a0\u3000 b", "a b"),
    ("NormalizeWS", "a  \n  b", "a\nb"),
    ("NormalizeWS", "a\r\nb\r\n", "a\nb\n"),
    ("NormalizeWS", "a\n\n\n \n b", "a\n\nb"),
    ("NormalizeWS", "a\n\n", "a\n\n"),
    ("NormalizeWS", "a\n\n\n\n  ", "a\n\n"),
    ("NormalizeWS", "a  ", "a"),
    ("NormalizeWS", " \n ", ""),
    ("NormalizeWS", "a\x1cb\u200b", "a\x1cb\u200b"),
    ("RmZeroWidth", "a\u200bb\u200d\ufeffc", "abc"),
    ("RmZeroWidth", "e\u0301 \u0000\u0007\x7f\x9f", "e "),
    ("RmZeroWidth", "a\tb\r\nc", "ab\nc"),
    ("RmZeroWidth", "日本 🙂", "日本 🙂"),
    ("RmZeroWidth", "a\u202eb\u2066c", "abc"),
]


@pytest.mark.parametrize(("name", "text", "filtered"), ROWS)
def test_a_filter_does_what_the_specification_says(name, text, filtered):
    """spec/manager-modules.md 5.5, each half-sentence a row."""
    assert filter_text(text, [name]) == filtered


@pytest.mark.parametrize("name", FILTERS)
@given(text=st.text())
def test_a_filter_twice_is_a_filter_once(name, text):
    """Nothing is left for a second pass."""
    once = filter_text(text, [name])
    assert filter_text(once, [name]) == once


@given(st.text(alphabet="ab \n\t\r\u00a0\u2028"))
def test_normalized_blanks_have_the_promised_shape(text):
    """And what is not blank stays, in its order."""
    got = filter_text(text, ["NormalizeWS"])
    assert not got.startswith((" ", "\n"))
    assert not got.endswith(" ")
    for absent in ("  ", " \n", "\n ", "\n\n\n", "\t", "\r", "\u00a0", "\u2028"):
        assert absent not in got
    assert [c for c in got if c in "ab"] == [c for c in text if c in "ab"]


def test_blanks_are_unicode_s_white_space():
    """As Python knows it, without the four control characters that it counts too and Unicode does not."""
    import re
    import sys

    blanks = {c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()} - set("\n\x1c\x1d\x1e\x1f")
    assert set(filter(re.compile(BLANK).match, map(chr, range(0x3100)))) == blanks


def test_filters_run_in_the_order_given():
    """The order of the deployed default script (spec/manager-modules.md 3.1)."""
    text = "\ufb01\u0301 \u200b\t x"
    assert filter_text(text, ["NFKC", "RmZeroWidth", "NormalizeWS"]) == "f\u00ed x"
    assert filter_text(text, ["RmZeroWidth", "NFKC"]) == "fi  x"
    assert unicodedata.normalize("NFKC", "\ufb01\u0301") == "f\u00ed"


def test_an_unknown_filter_is_refused():
    """With the names there are."""
    with pytest.raises(ModuleError, match="UNKNOWN_FILTER") as refused:
        filter_text("x", ["nfc"])
    assert refused.value.fatal
    assert "NFC, NFKC, NormalizeWS, RmZeroWidth" in refused.value.ctx["error"]
