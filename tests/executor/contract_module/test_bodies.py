"""`bodies`: floats may be moved but not computed with in the deterministic mode (spec/executor.md 8.3)."""

from __future__ import annotations

import pytest
import wasmtime

from genvm_replay.executor.contract_module.invalid import InvalidContractModule
from genvm_replay.executor.contract_module.language import FLOAT_ARITHMETIC
from genvm_replay.executor.contract_module.module import prepare_contract_module

from .guests import ENGINES, Guest, binary

BINARY = ["add", "sub", "mul", "div", "min", "max", "copysign"]
UNARY = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"]
COMPARISONS = ["eq", "ne", "lt", "gt", "le", "ge"]
BANNED = {
    **{f"{kind}.{name}": (kind, kind) for kind in ("f32", "f64") for name in BINARY + COMPARISONS},
    **{f"{kind}.{name}": (kind,) for kind in ("f32", "f64") for name in UNARY},
    **{
        f"{to}.trunc_{kind}_{sign}": (kind,)
        for to in ("i32", "i64")
        for kind in ("f32", "f64")
        for sign in "su"
    },
    **{
        f"{kind}.convert_{to}_{sign}": (to,)
        for to in ("i32", "i64")
        for kind in ("f32", "f64")
        for sign in "su"
    },
    "f32.demote_f64": ("f64",),
    "f64.promote_f32": ("f32",),
}


def test_the_list_is_complete():
    assert len(BANNED) == len(FLOAT_ARITHMETIC) == 58


def banned_module(name: str) -> str:
    operands = " ".join(f"({kind}.const 1)" for kind in BANNED[name])
    return f"""(module (memory (export "memory") 1) (func (export "run") (param i32)
        (i32.store8 (i32.const 0) (i32.const 7))
        (if (local.get 0) (then (drop ({name} {operands}))))
        (i32.store8 (i32.const 1) (i32.const 8))))"""


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("name", BANNED)
def test_arithmetic_traps_where_it_is_executed(name: str, build):
    guest = Guest(banned_module(name), build)
    assert guest.call("run", 0) is None
    assert guest.memory()[:2] == b"\x07\x08", "not executed, no trap"
    guest = Guest(banned_module(name), build)
    assert guest.call("run", 1) == "DeterministicMode"
    assert guest.memory()[:2] == b"\x07\x00", "what stands before it runs"


@pytest.mark.parametrize("name", BANNED)
def test_the_nondeterministic_mode_computes(name: str):
    assert Guest(banned_module(name), deterministic=False).call("run", 1) is None


def test_the_trap_comes_after_the_operands_are_computed():
    guest = Guest('(module (func (export "run") (drop (f32.sqrt (f32.load (i32.const 0))))) (memory 0))')
    assert guest.call() == "MemoryOutOfBounds"


def test_the_frame_of_the_trap_is_the_contracts_own():
    guest = Guest('(module (func) (func (export "run") (drop (f32.sqrt (f32.const 1)))) (func))')
    function = guest.exports["run"]
    assert isinstance(function, wasmtime.Func)
    with pytest.raises(wasmtime.Trap) as caught:
        function(guest.store)
    assert [frame.func_index for frame in caught.value.frames] == [1]


MOVES = {
    "local": "(local.set 0 (f64.load (i32.const 0))) (f64.store (i32.const 8) (local.get 0))",
    "tee": "(f64.store (i32.const 8) (local.tee 0 (f64.load (i32.const 0))))",
    "global": "(global.set $g (f64.load (i32.const 0))) (f64.store (i32.const 8) (global.get $g))",
    "select": "(f64.store (i32.const 8) (select (f64.load (i32.const 0)) (f64.const 1) (i32.const 1)))",
    "block": "(f64.store (i32.const 8) (block (result f64) (f64.load (i32.const 0))))",
    "branch": "(f64.store (i32.const 8) (block (result f64) (br 0 (f64.load (i32.const 0)))))",
    "if": """(f64.store (i32.const 8) (if (result f64) (i32.const 1)
        (then (f64.load (i32.const 0))) (else (f64.const 1))))""",
    "call": "(f64.store (i32.const 8) (call $same (f64.load (i32.const 0))))",
    "reinterpret": "(f64.store (i32.const 8) (f64.reinterpret_i64 (i64.reinterpret_f64 (f64.load (i32.const 0)))))",
    "constant": "(f64.store (i32.const 8) (f64.const nan:0x4000000000001)) (drop (f64.const 1))",
    "two of f32": """(f32.store (i32.const 8) (f32.load (i32.const 0)))
        (i32.store (i32.const 12) (i32.reinterpret_f32 (f32.reinterpret_i32 (i32.load (i32.const 4)))))""",
}


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("way", MOVES)
def test_moving_a_float_keeps_its_bits(way: str, build):
    """Of a signalling NaN too."""
    guest = Guest(
        f"""(module (memory (export "memory") 1) (global $g (mut f64) (f64.const 2.5))
        (data (i32.const 0) "\\01\\00\\00\\00\\00\\00\\f4\\7f")
        (func $same (param f64) (result f64) (local.get 0)) (func (export "run") (local f64) {MOVES[way]}))""",
        build,
    )
    assert guest.call() is None
    assert guest.memory()[8:16] == guest.memory()[:8] == b"\x01\x00\x00\x00\x00\x00\xf4\x7f"


def test_a_function_of_65535_slots_is_accepted_and_one_more_is_not():
    def module(operands: int) -> bytes:
        return binary(
            f'(module (func (export "run") (local {"i32 " * 50_000}) {"i32.const 0 " * operands} {"drop " * operands}))'
        )

    assert Guest(module(15_535)).call() is None
    with pytest.raises(InvalidContractModule, match="65536 slots"):
        prepare_contract_module(module(15_536), deterministic=True)


def test_blocks_of_several_results_share_a_type():
    functions = (
        "(func (result i32 f64) (call 1)) (func (result i32 f64) (call 0)) (func (result i64 i64) (call 2))"
    )
    code = prepare_contract_module(binary(f"(module {functions})"), deterministic=True).code
    assert code.count(b"\x60\x00\x02\x7f\x7c") == 2, "once for the functions, once for the blocks"
    assert code.count(b"\x60\x00\x02\x7e\x7e") == 2
