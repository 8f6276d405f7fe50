"""JSON that ends too early, brought to its end (spec/manager-modules.md 2.3).

Models stop at their token limit in the middle of an answer. What they wrote is kept: open strings, lists and maps
are closed, a key without a value gets null, a number, `true`, `false` or `null` cut short is finished. A trailing
comma goes. Anything else that is wrong stays wrong: this guesses no meaning.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]++)
      | (?P<mark>[{}\[\]:,])
      | (?P<word>[-+.0-9A-Za-z]++)
      | (?P<string>"[^"\\]*+(?:\\(?:[^u]|u[0-9a-fA-F]{4})[^"\\]*+)*+)(?P<closed>")?""",
    re.VERBOSE | re.DOTALL,
)
CUT_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
WORDS: Final = ("true", "false", "null")
NUMBER: Final = re.compile(r"-?[0-9]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]*)?")
CLOSERS: Final = {"{": "}", "[": "]"}


def complete(text: str) -> str:
    """The same JSON with its end; `{}` where there is none at all."""
    if not text.strip():
        return "{}"
    completer = _Completer()
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None or (found["string"] and not found["closed"] and found.end() < len(text)):
            if found is None or not CUT_ESCAPE.match(text, found.end()):
                return text
            completer.value(found["string"] + '"')
            break
        at = found.end()
        if found["mark"]:
            completer.mark(found["mark"])
        elif found["word"]:
            completer.value(_whole(found["word"]))
        elif found["string"]:
            completer.value(found["string"] + '"')
    return completer.end()


def _whole(word: str) -> str:
    for whole in WORDS:
        if whole.startswith(word):
            return whole
    if NUMBER.fullmatch(word) and not word[-1].isdigit():
        return word + "0"
    return word


class _Completer:
    """What was written so far, and what is open in it."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[str] = []
        self._comma = False
        self._wants = ""
        """In a map: `key`, `colon` or `value`, what would come next; empty in a list."""

    def mark(self, mark: str) -> None:
        if mark == ",":
            self._fill()
            self._comma = True
            self._wants = "key" if self._in_map() else ""
        elif mark == ":":
            self._out.append(mark)
            self._wants = "value"
        elif mark in CLOSERS:
            self._flush()
            self._out.append(mark)
            self._open.append(mark)
            self._wants = "key" if mark == "{" else ""
        else:
            self._close(mark)

    def value(self, text: str) -> None:
        self._flush()
        self._out.append(text)
        self._wants = "colon" if self._wants == "key" else ""

    def end(self) -> str:
        while self._open:
            self._close(CLOSERS[self._open[-1]])
        return "".join(self._out)

    def _close(self, mark: str) -> None:
        self._fill()
        self._comma = False
        if self._open:
            self._open.pop()
        self._out.append(mark)
        self._wants = ""

    def _fill(self) -> None:
        self._out.append({"colon": ": null", "value": " null"}.get(self._wants, ""))

    def _flush(self) -> None:
        if self._comma:
            self._out.append(", ")
        self._comma = False

    def _in_map(self) -> bool:
        return bool(self._open) and self._open[-1] == "{"
