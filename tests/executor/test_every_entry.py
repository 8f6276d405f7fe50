"""Every function of the two import modules, every message of gl_call and every host method: good and refused, in both modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from genvm_replay import calldata
from genvm_replay.calldata import Value
from genvm_replay.executor.contract_program import WASM_IMPORTS
from genvm_replay.executor.genlayer_sdk.gl_call import MESSAGES
from genvm_replay.executor.genlayer_sdk.table import SDK_CALLS
from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.executor.wasip1.table import WASI_CALLS
from genvm_replay.host_bridge.methods import METHODS
from genvm_replay.host_bridge.modules import Said

from .endings import ENDINGS, SDK_AGAIN, Picking
from .entry_rows import (
    ALWAYS_REFUSED,
    BLOCK,
    DET_ONLY,
    GL_CALL,
    NEVER_REFUSED,
    NONDET_ONLY,
    SDK,
    SEGMENTS,
    WASIP1,
    Row,
)
from .talking import VERSION_SECTION, Talk
from .walking import FIELDS, MARK, Case, Walked, importing, printed, started, walk

ZERO, NULL = b"\0", b"\0\0"
STAGE_MARK = 255
RETURN_FIVE = Talk([{"Return": 5}]).code()


@pytest.fixture(scope="module")
def thread() -> GuestThread:
    return GuestThread()


class Answering:
    """Modules that always know something."""

    def call(self, module: str, message: bytes) -> Said:
        """By the kind of the message."""
        said = calldata.decode(message)
        assert isinstance(said, dict)
        [kind] = said
        return Said(calldata.encode({"Ok": ANSWERS[kind]}))


ANSWERS: dict[str, Value] = {
    "Render": {"text": "t"},
    "Request": {"response": {"status": 200, "headers": {}, "body": b""}},
    "Prompt": {"data": "yes", "consumed_gen": 1},
    "PromptTemplate": {"data": True, "consumed_gen": 2},
}


def walked(
    thread: GuestThread, rows: list[Row], letters: str = "rwscn"
) -> tuple[Walked, list[bytes], list[bytes]]:
    """Say all rows in the main VM, then in a nondeterministic block; what they printed there and there."""
    steps: list[Value] = []
    for number, row in enumerate(rows):
        steps += [f"(call $mark (i32.const {number}))", row.step]
    block: Value = {"RunNondet": {**BLOCK, "data_leader": ZERO}}
    talk = Talk(
        [*steps, f"(call $mark (i32.const {STAGE_MARK}))", block],
        stage=["(if (call $pick) (then (return)))", *steps],
        imports=importing(WASM_IMPORTS),
        fields=SEGMENTS + FIELDS,
    )
    case = Case(started(talk.code()), other=RETURN_FIVE, modules=Answering(), letters=letters)
    ran = walk(thread, case)
    assert ran.outcome == ("return", None)
    main, found, stage = ran.out.partition(MARK + bytes((STAGE_MARK,)))
    assert found
    return (
        ran,
        printed(main, len(rows)),
        printed(stage.removesuffix(ZERO + NULL), len(rows)) if "n" in letters else [],
    )


@dataclass(frozen=True)
class Table:
    """A table of the program and its rows."""

    rows: list[Row]
    entries: frozenset[str]


TABLES: dict[str, Table] = {
    "wasip1": Table(WASIP1, frozenset(WASI_CALLS)),
    "genlayer_sdk and gl_call": Table(SDK + GL_CALL, frozenset(SDK_CALLS) | frozenset(MESSAGES)),
}


@pytest.mark.parametrize("name", TABLES)
def test_walk(thread: GuestThread, name: str) -> None:
    """What each row prints is what the specification says, in both modes."""
    rows = TABLES[name].rows
    _, main, stage = walked(thread, rows)
    for mode, outs in (("det", main), ("nondet", stage)):
        for row, out in zip(rows, outs, strict=True):
            expected = getattr(row, mode)
            assert out == expected or (expected is None and out[:1] == ZERO), (mode, row)


def test_rights(thread: GuestThread) -> None:
    """Without its letter a message or function is forbidden; an event needs none (spec/executor.md 4.2, 4.3)."""
    needy = (
        "storage_read",
        "storage_write",
        "EthSend",
        "EthCall",
        "CallContract",
        "PostMessage",
        "DeployContract",
        "RunNondet",
    )
    rows = [
        row for row in SDK + GL_CALL if row.entry in (*needy, "EmitEvent") and row.is_good(deterministic=True)
    ]
    _, main, _ = walked(thread, rows, letters="")
    for row, out in zip(rows, main, strict=True):
        assert out == (row.det if row.entry == "EmitEvent" else b"\x06"), row


@pytest.mark.parametrize("version", [b"v0.1.4", b"v0.1.9"])
def test_messages_of_later_versions(thread: GuestThread, version: bytes) -> None:
    """EmitEvent since 0.1.5, Trace since 0.1.10: before, they are unknown (spec/executor.md 4.5)."""
    said: list[Value] = [{"EmitEvent": {"topics": [], "blob": {}}}, {"Trace": {"Message": "m"}}]
    code = Talk(said, stage=[said[1]]).code().removesuffix(VERSION_SECTION)
    section = b"\x0dgenvm.version" + version
    ran = walk(thread, Case(code + bytes((0, len(section))) + section))
    assert ran.out == (b"\x02" if version == b"v0.1.4" else ZERO) + b"\x02"


PICKING = Picking(ENDINGS)


@pytest.mark.parametrize("deterministic", [True, False], ids=["det", "nondet"])
@pytest.mark.parametrize(
    "number", range(len(ENDINGS)), ids=[f"{n}-{row.entry}" for n, row in enumerate(ENDINGS)]
)
def test_endings(thread: GuestThread, number: int, deterministic: bool) -> None:
    """What ends a VM ends it as specified; from a block, a VM error ends the caller as well (spec/executor.md 5.3)."""
    row = ENDINGS[number]
    ran = walk(thread, Case(PICKING.code(), PICKING.call(number, deterministic=deterministic)))
    expected = row.det if deterministic else row.nondet
    if isinstance(expected, bytes):
        assert (ran.outcome, ran.out) == (("return", None), expected)
    else:
        assert ran.outcome == expected


def test_every_entry_has_rows() -> None:
    """A good and a refused one in each mode; where there is none, the specification says so."""
    for table in TABLES.values():
        for deterministic in (True, False):
            good = {row.entry for row in table.rows if row.is_good(deterministic=deterministic)}
            refused = {row.entry for row in table.rows if not row.is_good(deterministic=deterministic)}
            good |= {row.entry for row in ENDINGS if not row.refuses}
            refused |= {row.entry for row in ENDINGS if row.refuses}
            other_mode = NONDET_ONLY if deterministic else DET_ONLY
            assert table.entries - good == table.entries & (ALWAYS_REFUSED | other_mode)
            assert table.entries - refused == table.entries & NEVER_REFUSED
            assert {row.entry for row in table.rows} <= table.entries | {"Nothing"}


# Methods that are asked for by one call of the guest, which of SDK_AGAIN, and the modes where it may.
HOST: dict[str, tuple[str, tuple[bool, ...]]] = {
    "get_calldata": ("get_balance", (True,)),
    "storage_read": ("storage_read", (True,)),
    "storage_write": ("storage_write", (True,)),
    "get_leader_nondet_result": ("RunNondet", (True,)),
    "post_nondet_result": ("RunNondet", (True,)),
    "post_message": ("PostMessage", (True,)),
    "post_event": ("EmitEvent", (True,)),
    "deploy_contract": ("DeployContract", (True,)),
    "eth_call": ("EthCall", (True,)),
    "eth_send": ("EthSend", (True,)),
    "get_balance": ("get_balance", (True, False)),
    "remaining_fuel_as_gen": ("ExecPrompt", (False,)),
}
HOST_ERRORS = {1: "absent", 2: "forbidden", 3: "i_am_leader", 4: "out_of_storage_gas"}  # 1.2
CANT_REFUSE = {"consume_result", "consume_fuel", "notify_nondet_disagreement"}  # 1.2: no error byte
HOST_CASES = [(name, mode) for name, (_, modes) in HOST.items() for mode in modes]
ASKING = Picking(SDK_AGAIN)


@pytest.mark.parametrize(("method", "deterministic"), HOST_CASES)
def test_host_methods(thread: GuestThread, method: str, deterministic: bool) -> None:
    """An error byte is a VM error by its name, an unknown one an internal error (spec/executor.md 1.2)."""
    number = next(n for n, row in enumerate(SDK_AGAIN) if row.entry == HOST[method][0])
    call = ASKING.call(number, deterministic=deterministic)

    def outcome(**refused: int) -> Any:
        ran = walk(thread, Case(ASKING.code(), call, other=RETURN_FIVE, modules=Answering(), refused=refused))
        assert method in ran.node.asked
        return ran.outcome

    assert outcome() == ("return", None)
    for error, message in HOST_ERRORS.items():
        leads = method == "get_leader_nondet_result" and message == "i_am_leader"
        assert outcome(**{method: error}) == (("return", None) if leads else ("vm_error", message))
    assert outcome(**{method: 9}) == ("internal_error", None)


def test_every_host_method_is_walked(thread: GuestThread) -> None:
    """Those that can't refuse are asked too: at the end, with a prompt, after a disagreement."""
    assert HOST.keys() | CANT_REFUSE == {method.name for method in METHODS}
    ran, *_ = walked(thread, [row for row in GL_CALL if row.entry == "ExecPrompt"])
    judged = walk(
        thread, Case(Talk([{"RunNondet": BLOCK}], stage=[{"Return": False}]).code(), results=[NULL])
    )
    assert {*ran.node.asked, *judged.node.asked} >= CANT_REFUSE
