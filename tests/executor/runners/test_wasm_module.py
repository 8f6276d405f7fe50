"""The name that a linked module needs (spec/executor.md 2.4, 6.3)."""

from __future__ import annotations

import pytest

from genvm_replay.executor.runners.wasm_module import module_name
from genvm_replay.executor.stops import VmError

from .archives import EMPTY_MODULE, custom_section, named_module


@pytest.mark.parametrize("name", ["softfloat", "", "\u00e9"])
def test_name(name: str) -> None:
    """An empty name is a name."""
    assert module_name(named_module(name) if name.isascii() else EMPTY_MODULE + _utf8(name)) == name


def _utf8(name: str) -> bytes:
    raw = name.encode()
    return custom_section("name", bytes([7, 1, 0, 0, len(raw) + 1, len(raw)]) + raw)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (EMPTY_MODULE, "invalid_contract wasm"),
        (EMPTY_MODULE + custom_section("name", b""), "invalid_contract wasm"),
        (EMPTY_MODULE + custom_section("name", b"\x01\x01\0"), "invalid_contract wasm"),
        (EMPTY_MODULE + custom_section("name", b"\0\x7f\x05abc"), "invalid_contract wasm"),
        (EMPTY_MODULE + custom_section("name", b"\0\x02\x01\xff"), "invalid_contract wasm"),
        (EMPTY_MODULE + b"\x01", "invalid_contract"),
        (b"", "invalid_contract"),
        (b"# text", "invalid_contract"),
    ],
)
def test_no_name(code: bytes, message: str) -> None:
    """A damaged name section is as good as none; no module at all is another matter."""
    with pytest.raises(VmError) as caught:
        module_name(code)
    assert caught.value.message == message
