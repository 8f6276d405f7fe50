"""`account`: both limits of spec/executor.md 8.2, at their exact borders, however functions call and end.

How calls are counted: the function that the host calls is the first, so a recursion that `run` starts may have 1023
active calls of its own.
"""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.contract_module.account import (
    BANNED_FLOAT,
    CALL_UNIT,
    CALLS_MAX,
    FULL,
    OVERDRAWN,
    SLOTS_MAX,
    stop_reason,
)

from .guests import ENGINES, Guest

REASONS = [
    (FULL, None),
    (0, None),
    (BANNED_FLOAT, "DeterministicMode"),
    (FULL - CALLS_MAX * CALL_UNIT - CALL_UNIT, "StackOverflow"),
    (FULL - SLOTS_MAX - 1, "StackOverflow"),
    (OVERDRAWN, "StackOverflow"),
    (OVERDRAWN - (1 << 32), "StackOverflow"),
]


@pytest.mark.parametrize(("account", "reason"), REASONS)
def test_the_account_says_why_code_stopped(account: int, reason: str | None):
    assert stop_reason(account) == reason


@given(st.lists(st.integers(0, SLOTS_MAX), max_size=CALLS_MAX + 2))
def test_a_guard_bit_is_set_exactly_when_too_much_is_taken(frames: list[int]):
    account, slots = FULL, 0
    for calls, taken in enumerate(frames, 1):
        account, slots = account - CALL_UNIT - taken, slots + taken
        too_much = calls > CALLS_MAX or slots > SLOTS_MAX
        assert (account & OVERDRAWN != 0) == too_much
        if too_much:
            return
        assert account != BANNED_FLOAT


# Recursions: `run` with n makes n active calls besides its own.
RECURSIONS = {
    "itself": """(module (func $down (param i32)
        (if (i32.gt_s (local.get 0) (i32.const 1)) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "run") (param i32) (call $down (local.get 0))))""",
    "each other": """(module (func $even (param i32)
        (if (i32.gt_s (local.get 0) (i32.const 1)) (then (call $odd (i32.sub (local.get 0) (i32.const 1))))))
      (func $odd (param i32) (br_if 0 (i32.le_s (local.get 0) (i32.const 1)))
        (call $even (i32.sub (local.get 0) (i32.const 1))))
      (func (export "run") (param i32) (call $even (local.get 0))))""",
    "through the table": """(module (type $t (func (param i32))) (table funcref (elem $down))
      (func $down (param i32) (if (i32.gt_s (local.get 0) (i32.const 1))
        (then (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
      (func (export "run") (param i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))""",
    "a leaf at the end": """(module (func $leaf)
      (func $down (param i32) (if (i32.le_s (local.get 0) (i32.const 2)) (then (call $leaf) (return)))
        (call $down (i32.sub (local.get 0) (i32.const 1))))
      (func (export "run") (param i32) (call $down (local.get 0))))""",
    "an argument of itself": """(module (func $down (param i32) (result i32)
        (if (result i32) (i32.le_s (local.get 0) (i32.const 1)) (then (i32.const 0))
          (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))))
      (func (export "run") (param i32) (drop (call $down (local.get 0)))))""",
    "several results": """(module (func $down (param i32) (result i32 i64)
        (if (i32.le_s (local.get 0) (i32.const 1)) (then (return (i32.const 1) (i64.const 2))))
        (call $down (i32.sub (local.get 0) (i32.const 1))))
      (func (export "run") (param i32) (call $down (local.get 0)) drop drop))""",
    "a tail call at the end": """(module (func $leaf)
      (func $down (param i32) (if (i32.le_s (local.get 0) (i32.const 1)) (then (return_call $leaf)))
        (call $down (i32.sub (local.get 0) (i32.const 1))))
      (func (export "run") (param i32) (call $down (local.get 0))))""",
}


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("kind", RECURSIONS)
def test_1024_calls_may_be_active(kind: str, build):
    guest = Guest(RECURSIONS[kind], build)
    for _ in range(3):
        assert guest.call("run", CALLS_MAX - 1) is None
        assert guest.account == FULL, "everything is given back"
    assert guest.call("run", CALLS_MAX) == "StackOverflow"


# A frame of `down` has 126 locals and two operands.
WIDE = f"""(module (func $down (param i32) (local {"i64 " * 126})
    (if (i32.gt_s (local.get 0) (i32.const 1)) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "run") (param i32) (local {{locals}}) (call $down (local.get 0))))"""


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize(("own_locals", "fits"), [(126, 511), (127, 510), (126 + 128, 510), (126 + 129, 509)])
def test_frames_share_65535_slots(own_locals: int, fits: int, build):
    """`run` has one operand: 1 + 126 + 511 * 128 slots are all there are."""
    guest = Guest(WIDE.format(locals="i32 " * own_locals), build)
    assert guest.call("run", fits) is None
    assert guest.call("run", fits + 1) == "StackOverflow"


# All of these call something, so they charge; each way out must give back.
EXITS = {
    "end": "(call $leaf) (i32.const 7)",
    "return": "(call $leaf) (return (i32.const 7))",
    "return in blocks": "(call $leaf) (block (loop (block (return (i32.const 7))))) (i32.const 1)",
    "return over rest": "(i32.const 1) (i64.const 2) (i32.const 7) (call $leaf) return",
    "br to the function": "(call $leaf) (block (loop (br 2 (i32.const 7)))) (i32.const 1)",
    "br over rest": "(i64.const 1) (i64.const 2) (i32.const 7) (call $leaf) br 0",
    "br_if to the function": "(call $leaf) (drop (br_if 0 (i32.const 7) (i32.const 1))) (i32.const 1)",
    "br_table to the function": "(call $leaf) (block (result i32) (br_table 0 1 (i32.const 7) (i32.const 9)))",
    "if": "(call $leaf) (if (result i32) (i32.const 1) (then (return (i32.const 7))) (else (i32.const 1)))",
    "tail call": "(call $leaf) (return_call $seven (i32.const 0))",
    "tail call over rest": "(call $leaf) (i64.const 1) (i32.const 0) return_call $seven",
    "indirect tail call": "(call $leaf) (return_call_indirect (type $t) (i32.const 0) (i32.const 0))",
    "tail call without calls": "(return_call $seven (i32.const 1))",
    "loop": """(loop $again (call $leaf)
        (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9)))) (i32.const 7)""",
}


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("way", EXITS)
def test_every_way_out_gives_back(way: str, build):
    guest = Guest(
        f"""(module (type $t (func (param i32) (result i32))) (table funcref (elem $seven)) (func $leaf)
        (func $seven (param i32) (result i32) (i32.const 7))
        (func (export "run") (result i32) (local i32) {EXITS[way]}))""",
        build,
    )
    for _ in range(3):
        assert guest.call() == 7
        assert guest.account == FULL


TAIL = {
    "direct": "return_call $down",
    "indirect": "(return_call_indirect (type $t) (i32.const 0))",
}


@pytest.mark.parametrize("build", ENGINES)
@pytest.mark.parametrize("kind", TAIL)
@pytest.mark.parametrize("calls", ["", "(call $leaf)"])
def test_tail_calls_release_the_frame_first(kind: str, calls: str, build):
    """1000 of them with 40,000 slots each, two of which would not fit."""
    guest = Guest(
        f"""(module (type $t (func (param i32))) (table funcref (elem $down)) (func $leaf)
        (func $down (export "run") (param i32) (local {"i64 " * 40_000}) {calls}
          (if (i32.eqz (local.get 0)) (then return)) (i32.sub (local.get 0) (i32.const 1)) {TAIL[kind]}))""",
        build,
    )
    assert guest.call("run", 1000) is None
    assert guest.account == FULL


OWN_TRAPS = {
    "(unreachable)": "UnreachableCodeReached",
    "(drop (i32.div_s (i32.const 1) (i32.const 0)))": "IntegerDivisionByZero",
    "(call_indirect (type $t) (i32.const 1) (i32.const 0))": "IndirectCallToNull",
    "(return_call_indirect (type $t) (i32.const 1) (i32.const 0))": "IndirectCallToNull",
}


@pytest.mark.parametrize(("code", "name"), OWN_TRAPS.items())
def test_other_traps_keep_their_names(code: str, name: str):
    """At the last call that fits too."""
    guest = Guest(
        f"""(module (type $t (func (param i32))) (table 1 funcref) (func $down (export "run") (param i32)
        (if (i32.le_s (local.get 0) (i32.const 1)) (then {code}))
        (call $down (i32.sub (local.get 0) (i32.const 1)))))"""
    )
    assert guest.call("run", CALLS_MAX) == name


def test_frames_of_traps_have_the_original_indices():
    """Fingerprints contain them (spec/executor.md 2.3). The function that has no room is the first frame."""
    guest = Guest('(module (func) (func $down (export "run") (call $down)) (func))')
    function = guest.exports["run"]
    assert isinstance(function, wasmtime.Func)
    with pytest.raises(wasmtime.Trap) as caught:
        function(guest.store)
    assert {frame.func_index for frame in caught.value.frames} == {1}
