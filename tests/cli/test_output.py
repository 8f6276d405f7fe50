"""Values in print."""

from __future__ import annotations

import click
import pytest

from genvm_replay.cli import output
from genvm_replay.errors import Divergence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x01\x02", "0x0102"),
        (b"\xab" * 20, "0x" + "ab" * 20),
        (b"\xab" * 21, "0x" + "ab" * 12 + "... (21 bytes)"),
        ("a\x1bb", "a\\x1bb"),
        ("x" * 500, "x" * 200 + "... (500 characters)"),
        ((b"\x01", 2), '["0x01", 2]'),
        (None, "null"),
        (True, "true"),
    ],
)
def test_short(value, text):
    assert output.short(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (1 << 41, "2048.0 GiB")],
)
def test_size(count, text):
    assert output.size(count) == text


def test_a_difference_far_inside_two_long_values_is_shown():
    before, after = bytes(1000), bytes(900) + b"\x01" + bytes(99)
    text = output.divergence_text(Divergence("main", 7, "data", before, after))
    assert "main[7], data" in text
    assert "900" in text
    assert "0x01" in text


def test_short_values_that_differ_are_shown_whole():
    text = click.unstyle(output.divergence_text(Divergence("footer", None, "root", b"\x01\x02", b"\x01\x03")))
    assert "0x0102" in text
    assert "0x0103" in text
    assert "at        footer, root" in text


def test_a_divergence_as_json_is_json():
    found = output.divergence_json(Divergence("main", 0, "topics", (b"\x01",), None))
    assert found == {"line": "main", "seq": 0, "field": "topics", "expected": ["0x01"], "actual": None}


def test_a_table_lines_up():
    text = click.unstyle(output.table(["n", "name"], [["1", "a"], ["20", "long"]]))
    assert text.splitlines() == [
        " n  name",
        " 1  a",
        "20  long",
    ]
