"""How contracts start: archives of several files, linked modules, environment, arguments, mapped files."""

from __future__ import annotations

import json
from typing import Any

import pytest
import wasmtime
from blake3 import blake3

from genvm_replay.calldata import Value
from genvm_replay.executor.guest_thread import GuestThread

from .runners.archives import zipped
from .talking import Talk
from .test_sub_vms import Ran, run

LIBRARY = """(module $adder
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00")
  (data (i32.const 16) "lib!")
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $ready (i32.const 40)))
  (func (export "add") (param i32) (result i32)
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.add (local.get 0) (global.get $ready))))"""
PROGRAM = """(module
  (import "adder" "add" (func $add (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 100) (i32.const 200)) (i32.store (i32.const 104) (i32.const 16))
    (i32.store8 (i32.const 200) (call $add (i32.const 2)))
    (drop (call $environ (i32.const 300) (i32.const 201)))
    (drop (call $args (i32.const 300) (i32.const 208)))
    (drop (call $write (i32.const 1) (i32.const 100) (i32.const 1) (i32.const 108)))))"""


class Zip(Talk):
    """A contract that is a zip file."""

    def __init__(self, runner: Value, **files: bytes) -> None:
        super().__init__()
        self.files = {name.replace("_", "."): data for name, data in files.items()}
        self.files["runner.json"] = json.dumps(runner).encode()

    def code(self) -> bytes:
        """The archive."""
        return zipped(self.files)


@pytest.fixture(scope="module")
def thread() -> GuestThread:
    return GuestThread()


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def linked(thread: GuestThread, *actions: Value, **files: bytes) -> Ran:
    return run(thread, Zip({"Seq": list(actions)}, lib_wasm=wasm(LIBRARY), main_wasm=wasm(PROGRAM), **files))


LINK: Value = {"LinkWasm": "lib.wasm"}
START: Value = {"StartWasm": "main.wasm"}


def test_linked_modules(thread: GuestThread) -> None:
    """The library is initialised first; each module's host calls act on its own memory; replayed on the interpreter."""
    ran = linked(thread, {"AddEnv": {"name": "A", "val": "x"}}, {"SetArgs": ["one"]}, LINK, START)
    assert ran.out == b"lib!" + bytes((42,)) + b"A=x\0\0\0\0one\0\0\0\0\0"
    assert ran.outcome == ("return", None)


@pytest.mark.parametrize(
    ("actions", "files", "outcome"),
    [
        ([START], {}, ("vm_error", "invalid_contract")),
        ([LINK, LINK, START], {}, ("vm_error", "invalid_contract")),
        ([{"LinkWasm": "absent"}, START], {}, ("vm_error", "invalid_contract")),
        ([LINK], {}, ("internal_error", "")),
        (
            [{"LinkWasm": "nameless.wasm"}, START],
            {"nameless_wasm": wasm("(module)")},
            ("vm_error", "invalid_contract wasm"),
        ),
        (
            [{"StartWasm": "bad.wasm"}],
            {"bad_wasm": wasm('(module (func (unreachable)) (start 0) (func (export "_start")))')},
            ("vm_error", "invalid_contract"),
        ),
        (
            [{"StartWasm": "big.wasm"}],
            {"big_wasm": wasm('(module (memory 65535) (func (export "_start")))')},
            ("vm_error", "OOM"),
        ),
        (
            [{"StartWasm": "whole.wasm"}],
            {"whole_wasm": wasm('(module (memory 65536) (func (export "_start")))')},
            ("vm_error", "invalid_contract"),
        ),
        (
            [{"StartWasm": "table.wasm"}],
            {"table_wasm": wasm('(module (table 16777216 funcref) (func (export "_start")))')},
            ("vm_error", "OOM"),
        ),
        (
            [{"StartWasm": "none.wasm"}],
            {"none_wasm": wasm("(module)")},
            ("vm_error", "invalid_contract"),
        ),
    ],
)
def test_starts_that_fail(
    thread: GuestThread, actions: list[Value], files: dict[str, bytes], outcome: tuple[str, str]
) -> None:
    """Each with the message of spec/executor.md 2.4."""
    kind, message = linked(thread, *actions, **files).outcome
    assert kind == outcome[0]
    assert message == outcome[1] or not outcome[1]


LONELY = '(module $lonely (memory 1) (data (i32.const 3) "x") (func (export "_start") unreachable))'
SHARING = """(module $b (import "a" "m" (memory 1)) (import "a" "f" (func))
  (data (i32.const 0) "b") (func (export "_start") unreachable))"""
OWNER = '(module $a (memory (export "m") 1) (func (export "f")) (data (i32.const 9) "a"))'
NONE = '(module $b (func (export "g")))'


def page(held: dict[int, bytes]) -> list[bytes]:
    """The hashes of one memory of a page that holds these bytes at these places."""
    content = bytearray(65536)
    for at, piece in held.items():
        content[at : at + len(piece)] = piece
    return [blake3(content).digest()]


@pytest.mark.parametrize(
    ("actions", "files", "modules"),
    [
        ([{"StartWasm": "m"}], {"m": LONELY}, {"lonely": page({3: b"x"})}),
        ([{"StartWasm": "m"}], {"m": '(module (func (export "_start") unreachable))'}, {"": []}),
        (
            [{"LinkWasm": "a"}, {"StartWasm": "m"}],
            {"a": OWNER, "m": SHARING},
            {"a": page({0: b"b", 9: b"a"}), "b": page({0: b"b", 9: b"a"})},
        ),
        (
            [{"LinkWasm": "a"}, {"LinkWasm": "b"}, {"StartWasm": "m"}],
            {"a": OWNER, "b": NONE, "m": SHARING},
            {"a": page({0: b"b", 9: b"a"}), "b": page({0: b"b", 9: b"a"})},
        ),
    ],
)
def test_a_fingerprint_has_every_memory(
    thread: GuestThread, actions: list[Value], files: dict[str, str], modules: dict[str, list[bytes]]
) -> None:
    """Exported or not, own or imported; of two modules with one name the later counts (spec/executor.md 2.3)."""
    ran = run(thread, Zip({"Seq": list(actions)}, **{name: wasm(text) for name, text in files.items()}))
    assert ran.outcome == ("vm_error", "wasm_trap UnreachableCodeReached")
    fingerprint: Any = ran.report.outcome.fingerprint
    assert fingerprint["module_instances"] == {name: {"memories": hashes} for name, hashes in modules.items()}


def test_rules_hold_in_linked_modules(thread: GuestThread) -> None:
    """Float arithmetic traps where it is executed; recursion ends at the specified depth."""
    floats = '(module (func (export "_start") (drop (f64.add (f64.const 1) (f64.const 2)))))'
    assert run(thread, Zip({"StartWasm": "f.wasm"}, f_wasm=wasm(floats))).outcome == (
        "vm_error",
        "wasm_trap DeterministicMode",
    )
    deep = '(module (func $f (call $f)) (func (export "_start") (call $f)))'
    assert run(thread, Zip({"StartWasm": "f.wasm"}, f_wasm=wasm(deep))).outcome == (
        "vm_error",
        "wasm_trap StackOverflow",
    )


@pytest.mark.parametrize(
    ("body", "trap"),
    [
        ("(drop (f64.add (f64.const 1) (f64.const 2))) (i32.const 0)", "DeterministicMode"),
        ("(call $deep) (i32.const 0)", "StackOverflow"),
        ("(unreachable)", "UnreachableCodeReached"),
    ],
)
def test_traps_inside_a_linked_module(thread: GuestThread, body: str, trap: str) -> None:
    """They have their own names too."""
    library = (
        f'(module $adder (func $deep (call $deep)) (func (export "add") (param i32) (result i32) {body}))'
    )
    files = {"lib_wasm": wasm(library), "main_wasm": wasm(PROGRAM)}
    ran = run(thread, Zip({"Seq": [LINK, START]}, **files))
    assert ran.outcome == ("vm_error", f"wasm_trap {trap}")
