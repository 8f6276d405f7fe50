"""A guest of a few functions, built like python.wasm: it goes through the same pipeline in milliseconds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import wasmtime

from genvm_replay.executor.python_runtime.source import RuntimeSource
from genvm_replay.executor.python_runtime.transform.recipe import Recipe

STACK_TOP = 65_536
TEXT = """(module
    (import "host" "seven" (func $seven (result i32)))
    (type $plain (func (result i32)))
    (table 4 4 funcref)
    (memory (export "memory") 2)
    (global $__stack_pointer (mut i32) (i32.const 65536))
    (global $zero i32 (i32.const 0))
    (export "main" (func $main))
    (elem (i32.const 0) $main $PyInit_gone $gone $kept)

    (func $main (result i32) (i32.add (call $seven) (call $reached)))
    (func $reached (result i32) (i32.load (i32.const 1024)))
    (func $PyInit_gone (result i32) (i32.const 41))
    (func $gone (result i32) (i32.const 42))
    (func $kept (result i32) (i32.const 43))
    (func $PyInit_odd (result i64) (i64.const 0))
    (func $indirect (export "indirect") (param i32) (result i32) (call_indirect (type $plain) (local.get 0)))
    (func $stack_at (export "stack_at") (param $depth i32) (param $unused i64) (result i32)
        (if (result i32) (i32.eqz (local.get $depth))
            (then (global.get $__stack_pointer))
            (else (call $stack_at (i32.sub (local.get $depth) (i32.const 1)) (i64.const 0)))))
    (func $hidden (result i32) (i32.const 99))

    (data (i32.const 1024) "\\2a\\00\\00\\00hello")
    (data (i32.const 131071) "!")
)"""
WASM = bytes(wasmtime.wat2wasm(TEXT))
KEPT = 5  # index of $kept: the import is 0
RECIPE = Recipe(keep=(range(KEPT, KEPT + 1),), framed=("stack_at",), exports=("hidden",))
STDLIB = b"no real archive"


def tiny_source(folder: Path) -> RuntimeSource:
    """Put the guest and an archive into a folder, as the installed package would have them."""
    folder.mkdir(parents=True, exist_ok=True)
    wasm, stdlib = folder / "python.wasm", folder / "python-stdlib.zip"
    for path, data in ((wasm, WASM), (stdlib, STDLIB)):
        if not path.exists():  # another process may read it
            path.write_bytes(data)
    return RuntimeSource(wasm, stdlib, hashlib.sha256(WASM).hexdigest(), hashlib.sha256(STDLIB).hexdigest())


class Steps:
    """A progress that remembers the names of the steps."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def step(self, name: str, detail: str) -> None:
        assert detail
        self.names.append(name)
