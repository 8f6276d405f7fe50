"""The text of `genvm run --print`, to the byte (spec/executor.md 1.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay import calldata
from genvm_replay.executor.outcome import Outcome
from genvm_replay.replay.print_text import escape_bytes, fingerprint_text, result_text, rust_debug

BYTES = [
    (b"", ""),
    (b'plain "text"', 'plain "text"'),
    (b"back\\slash", "back\\\\slash"),
    (b'\xf4"', '\\f4"'),
    (b"\x94\x15", "\\94\\x15"),
    (b"\x00\x1f\x7f", "\\x00\\x1f\\x7f"),
    ("\u0080\u009f\u00a0".encode(), "\\x80\\x9f\u00a0"),
    ("é€😀".encode(), "é€😀"),
    (b"\xc3", "\\c3"),
    (b"\xe2\x82", "\\e2\\82"),
    (b"\xe2\x82A", "\\e2\\82A"),
    (b"\xc0\x80", "\\c0\\80"),
    (b"\xe0\x80\x80", "\\e0\\80\\80"),
    (b"\xed\xa0\x80", "\\ed\\a0\\80"),
    (b"\xf4\x90\x80\x80", "\\f4\\90\\80\\80"),
    (b"\xf8\x88\x80\x80\x80", "\\f8\\88\\80\\80\\80"),
    (b"\xfc\x84\x80\x80\x80\x80", "\\fc\\84\\80\\80\\80\\80"),
    (b"\xfe\xff", "\\fe\\ff"),
]
STRINGS = [
    ("plain", '"plain"'),
    ("it's", '"it\'s"'),
    ('say "no"\\', '"say \\"no\\"\\\\"'),
    ("a\n\t\r\0b", '"a\\n\\t\\r\\0b"'),
    ("\x1b\x7f\u200b", '"\\u{1b}\\u{7f}\\u{200b}"'),
    ("é😀", '"é😀"'),
    ("e\u0301", '"e\\u{301}"'),
]


@pytest.mark.parametrize(("data", "text"), BYTES)
def test_bytes(data: bytes, text: str) -> None:
    """The UTF-8 walker, case by case."""
    assert escape_bytes(data) == text


@given(st.binary(max_size=40))
def test_any_bytes_have_one_line(data: bytes) -> None:
    """No control character gets out, and valid text without any stays as it is."""
    shown = escape_bytes(data)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in shown)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    if text.isprintable() and "\\" not in text:
        assert shown == text


@pytest.mark.parametrize(("text", "shown"), STRINGS)
def test_rust_strings(text: str, shown: str) -> None:
    """As Rust's debug form has them."""
    assert rust_debug(text) == shown


def test_results() -> None:
    """A line for each kind."""
    lines = [
        (Outcome(kind="return", payload=calldata.encode(2**14)), 'executed with `Return("\\81\\80\\x08")`'),
        (Outcome(kind="user_error", payload=b'a "b"'), 'executed with `UserError("a \\"b\\"")`'),
        (Outcome(kind="vm_error", payload=b'exit_code "1"'), 'executed with `VMError("exit_code "1"")`'),
        (Outcome(kind="internal_error", payload=b"secret"), 'executed with `InternalError("")`'),
    ]
    for outcome, line in lines:
        assert result_text(outcome) == line


def test_fingerprints() -> None:
    """None for a return; else frames and hashes."""
    assert fingerprint_text(Outcome(kind="return", payload=b"\0")) == "Fingerprint: None"
    failed = Outcome(kind="vm_error", payload=b"OOM")
    assert fingerprint_text(failed) == 'Fingerprint: Some({"frames": [], "module_instances": {}})'
