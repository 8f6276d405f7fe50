"""`graft`: native code runs beside the stock, reached through the splice, and brings no state of its own."""

from __future__ import annotations

import hashlib

import pytest
import wasmtime

from genvm_replay.executor.python_runtime.transform.graft import graft
from genvm_replay.executor.python_runtime.transform.recipe import NATIVE, Splice
from genvm_replay.executor.wasm_binary.cursor import WasmFormatError
from genvm_replay.executor.wasm_binary.sections import SectionId, WasmBinary

SP = "(global $sp (mut i32) (i32.const 65536))"
STOCK = bytes(
    wasmtime.wat2wasm(f"""(module
    (import "host" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1) {SP}
    (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func $caller (export "caller") (param i32) (result i32)
        (i32.add (call $ask (local.get 0)) (call $double (i32.const 500))))
    (func $other (export "other") (param i32) (result i32) (call $ask (local.get 0))))""")
)
SCION = f"""(module
    (import "env" "double" (func $double (param i32) (result i32)))
    (import "env" "ask" (func $ask (param i32) (result i32)))
    {SP}
    (func $half (param i64) (result i64) (i64.shr_u (local.get 0) (i64.const 1)))
    (func (export "answer") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 10))
            (then (call $ask (local.get 0)))
            (else (call $double (i32.wrap_i64 (call $half (i64.extend_i32_u (local.get 0)))))))))"""
SPLICE = Splice("caller", "ask", "answer")


def functions(wasm: bytes) -> dict[str, wasmtime.Func]:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [wasmtime.ValType.i32()])
    linker.define_func("host", "ask", kind, lambda x: x + 7)
    exports = linker.instantiate(store, wasmtime.Module(engine, wasm)).exports(store)
    return {name: lambda x, call=exports[name]: call(store, x) for name in ("caller", "other")}  # type: ignore[index,misc]


def test_splice():
    """The spliced call goes to the scion, which calls the stock and itself; no other call is changed."""
    wasm, names = graft(STOCK, bytes(wasmtime.wat2wasm(SCION)), SPLICE)
    before, after = functions(STOCK), functions(wasm)
    assert after["caller"](3) == before["caller"](3) == 1010
    assert (before["caller"](31), after["caller"](31)) == (1038, 1030)
    assert after["other"](31) == before["other"](31) == 38
    assert names == {4: "answer 0", 5: "answer 1"}


REFUSED = {
    "data": f'(module (import "env" "memory" (memory 1)) {SP} (data (i32.const 8) "x") (func (export "answer")))',
    "a table": f'(module {SP} (table 1 funcref) (func (export "answer")))',
    "a second global": f'(module {SP} (global (mut i32) (i32.const 0)) (func (export "answer")))',
    "an unknown function": f'(module (import "env" "absent" (func)) {SP} (func (export "answer")))',
    "another signature": f'(module (import "env" "double" (func)) {SP} (func (export "answer")))',
    "no such export": f"(module {SP} (func))",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    """Native code with state, or that does not fit, is refused."""
    with pytest.raises(WasmFormatError):
        graft(STOCK, bytes(wasmtime.wat2wasm(REFUSED[name])), SPLICE)


def test_native_code_is_compiled_from_its_source():
    """The module names the source that it was made of; after a change run tools/build_native.py."""
    module = WasmBinary.parse(NATIVE.read_bytes())
    cursor = module.cursor(SectionId.CUSTOM, "source_sha256")
    recorded = cursor.data[cursor.pos : cursor.end].decode()
    assert recorded == hashlib.sha256(NATIVE.with_suffix(".c").read_bytes()).hexdigest()
