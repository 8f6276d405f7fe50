"""Filters of text: `NFC`, `NFKC`, `NormalizeWS`, `RmZeroWidth` (spec/manager-modules.md 5.5)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from wcwidth import wcwidth

from ..errors import ModuleError

BLANK: Final = "[\t\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""White_Space of Unicode, newline aside. `str.isspace` knows four control characters more."""


def normalize_blanks(text: str) -> str:
    """Runs of blanks as one space, none around a newline, two newlines at most, none of both at the start.

    Spaces at the end go, newlines at the end stay.
    """
    text = re.sub(f"{BLANK}+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).lstrip(" \n").rstrip(" ")


def remove_zero_width(text: str) -> str:
    """Only what takes room in a terminal, and newlines: combining marks go, and control characters, tab among them."""
    return "".join(character for character in text if character == "\n" or wcwidth(character) > 0)


FILTERS: Final[dict[str, Callable[[str], str]]] = {
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "NormalizeWS": normalize_blanks,
    "RmZeroWidth": remove_zero_width,
}


def filter_text(text: str, names: Sequence[str]) -> str:
    """The text through each filter, in the order given.

    Raises:
        ModuleError: `UNKNOWN_FILTER`, fatal: no filter has that name.
    """
    for name in names:
        if name not in FILTERS:
            known = f"{name!r} is none of {', '.join(FILTERS)}"
            raise ModuleError("UNKNOWN_FILTER", fatal=True, ctx={"error": known})
        text = FILTERS[name](text)
    return text
