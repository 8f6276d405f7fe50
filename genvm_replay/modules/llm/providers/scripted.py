"""A provider without a model: it answers from a file, for tests and examples. Never for a network's validator.

The file is YAML: `answers`, a list tried from the top. An entry has `response`, and may have what it takes for it
to apply: `prompt` (a part of the user's message), `pattern` (a regular expression searched in it), `system` (a part
of the system message), `model`, `format`, `images` (their number). One without any applies always. `status` instead
of `response` is a failure with this HTTP status; `input_tokens` and `output_tokens` are told as used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....errors import UsageError
from ...config import Section, read_config_file
from ...errors import ModuleError
from ..answers import FORMATS
from ..ask import Ask, Reply
from ..costs import Usage

SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer, and what it takes for it to apply: None is anything."""

    response: str | bool | Mapping[str, Any] | None
    prompt: str
    pattern: re.Pattern[str] | None
    system: str
    model: str | None
    response_format: str | None
    images: int | None
    status: int | None
    usage: Usage

    def applies(self, ask: Ask) -> bool:
        """Whether it is the answer to this."""
        return (
            self.prompt in ask.user_message
            and (self.pattern is None or self.pattern.search(ask.user_message) is not None)
            and self.system in (ask.system_message or "")
            and self.model in (None, ask.model)
            and self.response_format in (None, ask.response_format)
            and self.images in (None, len(ask.images))
        )

    def reply(self) -> Reply:
        """The answer as a model would write it.

        Raises:
            ModuleError: `STATUS_NOT_OK`, for an entry with a status.
        """
        if self.status is not None:
            raise ModuleError(
                "STATUS_NOT_OK", fatal=True, ctx={"status": self.status, "reason": "as scripted"}
            )
        response = {"result": self.response} if isinstance(self.response, bool) else self.response
        content = response if isinstance(response, str) else json.dumps(response, ensure_ascii=False)
        return Reply(content, self.usage, raw=content.encode())


@dataclass(frozen=True, slots=True)
class Script:
    """The answers of one file."""

    path: Path
    entries: tuple[Entry, ...]

    def answer(self, ask: Ask) -> Reply:
        """Answer.

        Raises:
            ModuleError: `NO_SCRIPTED_ANSWER`: no entry applies; else what the entry says.
        """
        for entry in self.entries:
            if entry.applies(ask):
                return entry.reply()
        facts = {
            "file": str(self.path),
            "format": ask.response_format,
            "prompt": ask.user_message[:SHOWN_MAX],
        }
        raise ModuleError("NO_SCRIPTED_ANSWER", fatal=True, ctx=facts)


def read_script(path: Path) -> Script:
    """Read a file of answers.

    Raises:
        UsageError: it can't be read, or an entry is malformed.
    """
    top = Section(str(path), read_config_file(path))
    entries = []
    for index, item in enumerate(top.take("answers", list)):
        if not isinstance(item, dict):
            top.refuse(f"answers[{index}]", "a map is wanted")
        entries.append(_entry(Section(f"{path}: answers[{index}]", item)))
    top.end()
    return Script(path, tuple(entries))


def _entry(section: Section) -> Entry:
    pattern = section.text("pattern", None)
    try:
        compiled = None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise UsageError(f"configuration: {section.at('pattern')}: {error}") from error
    status = section.whole("status", None, least=100, most=599)
    response = section.anything("response")
    if (response is None) == (status is None) or not _answerable(response):
        section.refuse("response", "text, a boolean or a map of JSON is wanted, or a status in its place")
    entry = Entry(
        response,
        section.text("prompt", ""),
        compiled,
        section.text("system", ""),
        section.text("model", None),
        section.word("format", FORMATS) if section.has("format") else None,
        section.whole("images", None),
        status,
        Usage(section.whole("input_tokens", 0), section.whole("output_tokens", 0)),
    )
    section.end()
    return entry


def _answerable(response: Any) -> bool:
    try:
        json.dumps(response)
    except (TypeError, ValueError):  # YAML has dates, and maps that hold themselves
        return False
    return isinstance(response, (str, bool, dict, type(None)))
