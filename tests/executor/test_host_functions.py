"""The raw shim gives what wasmtime-py's ordinary path gives, for any arguments, in memory and in result."""

from __future__ import annotations

from typing import Any

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from genvm_replay.errors import GuestFault
from genvm_replay.executor.engine import Build, new_engine
from genvm_replay.executor.guest import Guest
from genvm_replay.executor.host_functions import HostFunction
from genvm_replay.executor.instance import Instance, Program

from .guests import guest

U32 = st.integers(0, 2**32 - 1) | st.integers(65536 - 40, 65536 + 40) | st.integers(0, 300)
U64 = st.integers(0, 2**64 - 1)
MODULE = """(module
  (import "host" "mix" (func $mix (param i32 i64 i32) (result i32)))
  (import "host" "copy" (func $copy (param i32 i32 i32) (result i32)))
  (import "host" "tell" (func $tell (param i64)))
  (memory (export "memory") 1)
  (data (i32.const 0) "0123456789abcdefghijklmnopqrstuvwxyz")
  (global $big (mut i64) (i64.const 0))
  (func (export "set") (param i32 i32)
    (global.set $big (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                             (i64.extend_i32_u (local.get 1)))))
  (func (export "mix") (param i32 i32) (result i32)
    (call $tell (global.get $big))
    (call $mix (local.get 0) (global.get $big) (local.get 1)))
  (func (export "copy") (param i32 i32 i32) (result i32)
    (call $copy (local.get 0) (local.get 1) (local.get 2))))"""


def mixed(a: int, big: int, b: int) -> int:
    return (a * 31 + big * 17 + b) & 0xFFFF_FFFF


class RawSide:
    """The module over our shim."""

    def __init__(self) -> None:
        self.told: list[int] = []

        def copy(vm: Guest, to: int, source: int, size: int) -> int:
            vm.memory.write(to, vm.memory.read(source, size))
            return size

        functions = {
            "mix": HostFunction(lambda _vm, a, big, b: mixed(a, big, b), "iIi"),
            "copy": HostFunction(copy, "ppi"),
            "tell": HostFunction(lambda _vm, big: self.told.append(big), "I", result=False),
        }
        engine = new_engine(Build.FAST)
        self.program = Program(engine, wasmtime.Module(engine, MODULE), Build.FAST, {"host": functions})
        self.instance = Instance(self.program, guest())

    def call(self, name: str, *args: int) -> int | str:
        try:
            return self.instance.call(name.encode(), *args)
        except GuestFault:
            return "fault"

    def memory(self) -> bytes:
        return self.instance.guest.memory.read(0, 65536)


class OrdinarySide:
    """The same module over wasmtime-py's checked functions."""

    def __init__(self) -> None:
        self.told: list[int] = []
        engine = new_engine(Build.FAST)
        self.store = wasmtime.Store(engine)
        i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
        linker = wasmtime.Linker(engine)
        mix, copy = wasmtime.FuncType([i32, i64, i32], [i32]), wasmtime.FuncType([i32, i32, i32], [i32])
        linker.define_func("host", "mix", mix, lambda a, big, b: signed(mixed(a, big, b)))
        linker.define_func("host", "copy", copy, self.copy, access_caller=True)
        linker.define_func("host", "tell", wasmtime.FuncType([i64], []), self.tell)
        self.exports = linker.instantiate(self.store, wasmtime.Module(engine, MODULE)).exports(self.store)

    def tell(self, big: int) -> None:
        self.told.append(big % 2**64)

    def copy(self, caller: wasmtime.Caller, to: int, source: int, size: int) -> int:
        memory: Any = caller["memory"]
        to, source, size = (value % 2**32 for value in (to, source, size))
        length = memory.data_len(caller)
        if source + size > length or to + size > length:
            raise GuestFault("outside")
        if size:  # the ordinary path refuses an empty write at the very end
            memory.write(caller, memory.read(caller, source, source + size), to)
        return signed(size)

    def call(self, name: str, *args: int) -> int | str:
        function: Any = self.exports[name]
        try:
            result = function(self.store, *map(signed, args))
        except GuestFault:
            return "fault"
        return result if result is None else result % 2**32

    def memory(self) -> bytes:
        memory: Any = self.exports["memory"]
        return bytes(memory.read(self.store, 0, 65536))


def signed(value: int) -> int:
    value &= 0xFFFF_FFFF
    return value - 2**32 if value >> 31 else value


@pytest.fixture(scope="module")
def sides() -> tuple[RawSide, OrdinarySide]:
    return RawSide(), OrdinarySide()


@settings(max_examples=300, deadline=None)
@given(U32, U32, U64)
def test_arguments_and_results(sides: tuple[RawSide, OrdinarySide], a: int, b: int, big: int) -> None:
    """Every bit of i32 and i64 arguments arrives, and results come back."""
    raw, ordinary = sides
    for side in sides:
        side.call("set", big >> 32, big & 0xFFFF_FFFF)
    assert raw.call("mix", a, b) == ordinary.call("mix", a, b) == mixed(a, big, b)
    assert raw.told[-1] == ordinary.told[-1] == big


@settings(max_examples=300, deadline=None)
@given(U32, U32, U32)
def test_memory(sides: tuple[RawSide, OrdinarySide], to: int, source: int, size: int) -> None:
    """Any span is copied alike, or refused alike."""
    raw, ordinary = sides
    assert raw.call("copy", to, source, size) == ordinary.call("copy", to, source, size)
    assert raw.memory() == ordinary.memory()


def test_any_exception_becomes_a_trap_and_comes_back() -> None:
    """What a host function raises, BaseException too, unwinds the guest and is raised to the caller."""

    class Unusual(BaseException):
        pass

    def fail(_vm: Guest) -> int:
        raise Unusual("here")

    text = (
        '(module (import "host" "fail" (func $f (result i32))) (func (export "run") (result i32) (call $f)))'
    )
    engine = new_engine(Build.FAST)
    table = {"host": {"fail": HostFunction(fail, "")}}
    instance = Instance(Program(engine, wasmtime.Module(engine, text), Build.FAST, table), guest())
    with pytest.raises(Unusual, match="here"):
        instance.call(b"run")
    instance.close()


def test_nested_instances_see_their_own_guest() -> None:
    """A host function may run another instance; afterwards the outer guest is the current one again."""
    text = '(module (import "host" "f" (func $f (result i32))) (func (export "run") (result i32)'
    text += " (i32.add (call $f) (i32.mul (i32.const 100) (call $f)))))"
    engine = new_engine(Build.FAST)
    seen: list[str] = []
    inner: list[Instance] = []

    def f(vm: Guest) -> int:
        seen.append(vm.args[0])
        return inner[0].call(b"run") if vm.args[0] == "outer" and not seen.count("inner") else 1

    program = Program(engine, wasmtime.Module(engine, text), Build.FAST, {"host": {"f": HostFunction(f, "")}})
    inner.append(Instance(program, guest(args=("inner",))))
    outer = Instance(program, guest(args=("outer",)))
    assert outer.call(b"run") == 101 + 100
    assert seen == ["outer", "inner", "inner", "outer"]
    outer.close()
    inner[0].close()
