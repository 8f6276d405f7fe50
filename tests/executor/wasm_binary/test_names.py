"""`names`: function names are found, absent, repeated or garbled without harm."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.wasm_binary import encode
from genvm_replay.executor.wasm_binary.cursor import WasmFormatError
from genvm_replay.executor.wasm_binary.encode import HEADER
from genvm_replay.executor.wasm_binary.names import function_names, indices_by_name, one_function
from genvm_replay.executor.wasm_binary.sections import WasmBinary


def with_names(content: bytes) -> WasmBinary:
    return WasmBinary.parse(HEADER + encode.section(0, encode.name("name") + content))


def test_names_of_an_assembled_module():
    text = '(module $m (import "a" "b" (func $imported)) (func $one (local $x i32)) (func) (func $three))'
    assert function_names(WasmBinary.parse(bytes(wasmtime.wat2wasm(text)))) == {
        0: "imported",
        1: "one",
        3: "three",
    }


def test_no_names():
    assert function_names(WasmBinary.parse(HEADER)) == {}
    assert function_names(with_names(b"")) == {}
    assert function_names(with_names(b"\x00\x02\x01m")) == {}, "only a module name"


def test_names_that_are_no_text():
    assert function_names(with_names(b"\x01\x05\x01\x07\x02\xffa")) == {7: "\ufffda"}


@pytest.mark.parametrize("content", [b"\x01\x05\x01\x07\x02a", b"\x01\x01\x01", b"\x01\x04\x00xxx", b"\x01"])
def test_garbled_names_are_refused(content: bytes):
    with pytest.raises(WasmFormatError):
        function_names(with_names(content))


def test_looking_up():
    indices = indices_by_name({1: "a", 2: "b", 5: "a"})
    assert indices == {"a": [1, 5], "b": [2]}
    assert one_function(indices, "b") == 2
    for name in ("a", "c"):
        with pytest.raises(WasmFormatError, match=f"one function named '{name}'"):
            one_function(indices, name)


@given(st.binary(max_size=40))
def test_garbage_gives_names_or_a_format_error(content: bytes):
    try:
        names = function_names(with_names(content))
    except WasmFormatError:
        return
    assert all(isinstance(name, str) for name in names.values())
