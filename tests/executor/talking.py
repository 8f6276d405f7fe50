"""WebAssembly contracts that say fixed messages through gl_call and print what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import wasmtime

from genvm_replay import calldata
from genvm_replay.calldata import Value

STDIN_AT, RESULT_AT, MESSAGES_AT = 1024, 512, 16384
TEXT = """(module
  (import "genlayer_sdk" "gl_call" (func $gl_call (param i32 i32 i32) (result i32)))
  (import "genlayer_sdk" "storage_read" (func $storage_read (param i32 i32 i32 i32) (result i32)))
  (import "genlayer_sdk" "storage_write" (func $storage_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  {imports}
  (memory (export "memory") 2)
  {data}
  {fields}
  (func $read (param $fd i32) (param $at i32) (result i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (i32.const 8192))
    (drop (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
  (func $print (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $errno (param i32)
    (i32.store8 (i32.const 16) (local.get 0))
    (call $print (i32.const 16) (i32.const 1)))
  (func $say (param $at i32) (param $size i32)
    (call $errno (call $gl_call (local.get $at) (local.get $size) (i32.const 12)))
    (if (i32.ne (i32.load (i32.const 12)) (i32.const -1))
      (then (if (i32.ne (i32.load (i32.const 12)) (i32.const 0))
        (then (call $print (i32.const 8192) (call $read (i32.load (i32.const 12)) (i32.const 8192)))))))
    (i32.store (i32.const 12) (i32.const 0)))
  (func $kind (result i32) (local $at i32)
    (drop (call $read (i32.const 0) (i32.const {stdin})))
    (local.set $at (i32.const {stdin}))
    (loop $next
      (if (i32.eq (i32.load (local.get $at)) (i32.const 0x646e696b))
        (then (return (i32.shr_u (i32.load8_u (i32.add (local.get $at) (i32.const 4))) (i32.const 3)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    unreachable)
  (func $main {main})
  (func $sandbox {sandbox})
  (func $stage {stage})
  (func (export "_start") (local $kind i32)
    (local.set $kind (call $kind))
    (if (i32.eqz (local.get $kind)) (then (call $main)))
    (if (i32.eq (local.get $kind) (i32.const 1)) (then (call $sandbox)))
    (if (i32.eq (local.get $kind) (i32.const 2)) (then (call $stage)))))"""

VERSION_SECTION = b"\x00\x15\x0dgenvm.versionv0.1.10"
READ = "(call $errno (call $storage_read (i32.const 600) (i32.const 0) (i32.const 700) (i32.const 4)))"
WRITE = "(call $errno (call $storage_write (i32.const 600) (i32.const 0) (i32.const 700) (i32.const 4)))"
TRAP = "(unreachable)"
RANDOM = "(drop (call $random_get (i32.const 800) (i32.const 8)))(call $print (i32.const 800) (i32.const 8))"

Line = Value | str
Step = Value


def segment(at: int, raw: bytes) -> str:
    """A data segment of a module."""
    escaped = "".join(f"\\{byte:02x}" for byte in raw)
    return f'(data (i32.const {at}) "{escaped}")'


@dataclass
class Talk:
    """What a contract does as main VM, in a sandbox, and in a consensus stage: messages, or pieces of code."""

    main: Sequence[Step] = ()
    sandbox: Sequence[Step] = ()
    stage: Sequence[Step] = ()
    imports: str = ""
    fields: str = ""
    _data: list[str] = field(default_factory=list)
    _at: int = MESSAGES_AT

    def code(self) -> bytes:
        """The contract."""
        self._data, self._at = [], MESSAGES_AT
        parts = {name: self._steps(getattr(self, name)) for name in ("main", "sandbox", "stage")}
        more = {"imports": self.imports, "fields": self.fields, "stdin": STDIN_AT}
        return (
            bytes(wasmtime.wat2wasm(TEXT.format(data="\n  ".join(self._data), **more, **parts)))
            + VERSION_SECTION
        )

    def _steps(self, steps: Sequence[Step]) -> str:
        return " ".join(
            step if isinstance(step, str) and step.startswith("(") else self._say(step) for step in steps
        )

    def _say(self, message: Step) -> str:
        raw = calldata.encode(message)
        at, self._at = self._at, self._at + len(raw)
        self._data.append(segment(at, raw))
        return f"(call $say (i32.const {at}) (i32.const {len(raw)}))"
