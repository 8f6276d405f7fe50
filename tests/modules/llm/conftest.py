"""What tests of the LLM module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.modules.llm.services import ai_mock

VERDICT = {"name": "json_out", "arguments": {"result": True}}
ANSWERS = [
    {"type": "text", "input": {"content": "Capital?"}, "output": "Paris"},
    {"type": "text", "input": {"content": "As JSON"}, "output": '```json\n{"a": 1}\n```'},
    {"type": "text", "input": {"content": "Cut off"}, "output": '```json\n{"a": [1, 2'},
    {"type": "function", "input": {"content": "Agree?"}, "output": VERDICT},
]


@pytest.fixture(scope="session")
def ai_mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that other people wrote, with these answers; it repeats any other prompt."""
    with ai_mock(ANSWERS, tmp_path_factory.mktemp("ai-mock")) as url:
        yield url
