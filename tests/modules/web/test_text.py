"""The text of a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.modules.web.text import tidied

ROWS = [
    ("", ""),
    ("  a \t b  ", "a b"),
    ("a\xa0\xa0b", "a b"),
    ("a\n\n\n\nb", "a\n\nb"),
    ("a\n  \n \t\nb\nc", "a\n\nb\nc"),
    ("\n\n a \r\n b \n\n", "a\nb"),
]


@pytest.mark.parametrize(("raw", "tidy"), ROWS)
def test_lines_are_trimmed_and_blanks_collapsed(raw, tidy):
    """Two newlines or more become two (spec/manager-modules.md 4.6)."""
    assert tidied(raw) == tidy


@given(st.text(alphabet=" \t\n\r\xa0ab\u2003"))
def test_tidy_text_stays_as_it_is(raw):
    """A second time changes nothing."""
    assert tidied(tidied(raw)) == tidied(raw)
