"""The text of a page as contracts get it (spec/manager-modules.md 4.6). Pure."""

from __future__ import annotations

import re
from typing import Final

BLANKS: Final = re.compile(r"[^\S\n]+")
NEWLINES: Final = re.compile(r"\n{2,}")


def tidied(text: str) -> str:
    """Trim each line, make one space of blanks and two newlines of more, and trim the whole."""
    lines = (BLANKS.sub(" ", line).strip() for line in text.replace("\r\n", "\n").split("\n"))
    return NEWLINES.sub("\n\n", "\n".join(lines)).strip("\n")
