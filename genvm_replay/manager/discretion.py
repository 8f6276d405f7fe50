"""Keeps the names of this machine's folders out of what callers are told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable


class Discretion:
    """Takes paths out of texts."""

    def __init__(self, private: Iterable[str | os.PathLike[str]]) -> None:
        """
        Args:
            private: folders, files and URLs whose names stay here, with all that is below them.
        """
        names = sorted({os.fspath(name).rstrip("/") for name in private} - {"", "."}, key=len, reverse=True)
        self._private = re.compile("|".join(rf"{re.escape(name)}[^\s;,:'\"()]*" for name in names) or r"(?!)")

    def __call__(self, text: str) -> str:
        """The text with `<path>` in the place of each."""
        return self._private.sub("<path>", text)
