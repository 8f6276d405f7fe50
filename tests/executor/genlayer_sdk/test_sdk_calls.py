"""genlayer_sdk, function by function over real memory: checks in order, errnos, requests (spec/executor.md 4)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay import calldata
from genvm_replay.errors import EnvironmentProblem, GuestFault
from genvm_replay.executor.genlayer_sdk.errno import Errno
from genvm_replay.executor.genlayer_sdk.table import SDK_CALLS
from genvm_replay.executor.guest import Guest
from genvm_replay.executor.python_runtime.door import OPERATIONS, host_call
from genvm_replay.executor.rights import Rights, RunState
from genvm_replay.executor.stops import GuestStop, Returned, RolledBack, VmError
from genvm_replay.executor.transfer import TRANSFER_BYTES_MAX
from genvm_replay.journal.events import (
    OK,
    Answer,
    AnyRequest,
    GetBalance,
    PostEvent,
    ReadRunningTime,
    StorageRead,
    StorageWrite,
    TraceMessage,
)

from ..guests import CONTRACT, MEMORY_BYTES, Script, guest

SLOT, BUFFER, OUT = 0, 100, 200
SLOT_ID = bytes(range(32))
TOPIC = b"t" * 32


def answer(request: AnyRequest) -> Answer:
    match request:
        case StorageRead(length=length):
            return Answer(0, b"D" * length)
        case GetBalance():
            return Answer(0, (7).to_bytes(32, "little"))
        case ReadRunningTime():
            return Answer(0, 0)
        case _:
            return OK


def vm(error: int | None = None, rights: Rights | None = None, **changes: object) -> Guest:
    door = Script(answer if error is None else lambda _: Answer(error, None))
    made = guest(door, rights, **changes)
    made.memory.write(SLOT, SLOT_ID)
    return made


def call(made: Guest, name: str, *args: int) -> int | None:
    return SDK_CALLS[name].call(made, *args)


def asked(made: Guest) -> list[AnyRequest]:
    assert isinstance(made.effects, Script)
    return made.effects.asked


def say(made: Guest, message: calldata.Value) -> int | None:
    raw = calldata.encode(message)
    made.memory.write(BUFFER, raw)
    return call(made, "gl_call", BUFFER, len(raw), OUT)


def test_storage_read() -> None:
    """The request names contract, slot, index and length; the bytes land in the buffer."""
    made = vm()
    assert call(made, "storage_read", SLOT, 5, BUFFER, 6) == Errno.SUCCESS
    assert asked(made) == [StorageRead(0, CONTRACT, SLOT_ID, 5, 6)]
    assert made.memory.read(BUFFER, 7) == b"DDDDDD\0"


def test_storage_write_is_told_and_kept_in_the_delta() -> None:
    """The request has no address; the delta has the bytes."""
    made = vm()
    made.memory.write(BUFFER, b"abc")
    assert call(made, "storage_write", SLOT, 5, BUFFER, 3) == Errno.SUCCESS
    assert asked(made) == [StorageWrite(SLOT_ID, 5, b"abc")]
    assert list(made.run.delta.runs()) == [(SLOT_ID, 5, b"abc")]


@pytest.mark.parametrize("name", ["storage_read", "storage_write"])
@pytest.mark.parametrize(
    ("rights", "index", "length", "errno"),
    [
        (Rights(deterministic=False), 2**32 - 1, 9, Errno.FORBIDDEN),
        (Rights(read_storage=False, write_storage=False), 2**32 - 1, 9, Errno.FORBIDDEN),
        (Rights(), 2**32 - 1, 1, Errno.INVAL),
        (Rights(), 2**32 - 2, 1, Errno.SUCCESS),
        (Rights(), 2**32 - 1, 0, Errno.SUCCESS),
    ],
)
def test_storage_checks_in_order(name: str, rights: Rights, index: int, length: int, errno: Errno) -> None:
    """Rights first, then the end of the range: byte 2**32 - 1 can't be reached."""
    made = vm(rights=rights)
    assert call(made, name, SLOT, index, BUFFER, length) == errno
    assert bool(asked(made)) == (errno == Errno.SUCCESS)


def test_a_locked_slot() -> None:
    """Readable, not writable."""
    made = vm()
    made.run = RunState(locked_slots=frozenset({SLOT_ID}))
    assert call(made, "storage_write", SLOT, 0, BUFFER, 1) == Errno.FORBIDDEN
    assert call(made, "storage_read", SLOT, 0, BUFFER, 1) == Errno.SUCCESS
    assert not list(made.run.delta.runs())


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("storage_read", (MEMORY_BYTES - 31, 0, BUFFER, 1)),
        ("storage_read", (SLOT, 0, MEMORY_BYTES - 1, 2)),
        ("storage_write", (SLOT, 0, MEMORY_BYTES - 1, 2)),
        ("get_balance", (MEMORY_BYTES - 19, OUT)),
        ("get_balance", (SLOT, MEMORY_BYTES - 31)),
        ("get_self_balance", (MEMORY_BYTES - 31,)),
        ("gl_call", (MEMORY_BYTES - 1, 2, OUT)),
        ("gl_call", (BUFFER, 1, MEMORY_BYTES - 3)),
    ],
)
def test_pointers_outside(name: str, args: tuple[int, ...]) -> None:
    """The VM ends, and the host was not asked in vain."""
    made = vm()
    with pytest.raises(GuestFault):
        call(made, name, *args)
    assert not asked(made)


@pytest.mark.parametrize(
    ("error", "message"), [(1, "absent"), (2, "forbidden"), (3, "i_am_leader"), (4, "out_of_storage_gas")]
)
def test_host_errors_end_the_vm(error: int, message: str) -> None:
    """They are VM errors that the guest can't catch; a refused write is not in the delta."""
    made = vm(error)
    for name, args in (("storage_read", (SLOT, 0, BUFFER, 1)), ("storage_write", (SLOT, 0, BUFFER, 1))):
        with pytest.raises(VmError) as caught:
            call(made, name, *args)
        assert caught.value.message == message
    assert not list(made.run.delta.runs())


def test_a_host_that_talks_nonsense() -> None:
    """An unknown error byte, or an answer of another size, is the host's fault."""
    with pytest.raises(EnvironmentProblem, match="unknown error byte 9"):
        call(vm(9), "storage_read", SLOT, 0, BUFFER, 1)
    short = guest(Script(lambda _: Answer(0, b"1")))
    with pytest.raises(EnvironmentProblem, match="not 2 bytes"):
        call(short, "storage_read", SLOT, 0, BUFFER, 2)


def test_balances() -> None:
    """The host is asked once for an address; the own balance is less what was sent."""
    made = vm()
    made.memory.write(BUFFER, CONTRACT)
    for _ in range(2):
        assert call(made, "get_balance", BUFFER, OUT) == Errno.SUCCESS
    assert made.memory.read(OUT, 32) == (7).to_bytes(32, "little")
    made.value_spent = 3
    assert call(made, "get_self_balance", OUT) == Errno.SUCCESS
    assert made.memory.read(OUT, 32) == (4).to_bytes(32, "little")
    assert asked(made) == [GetBalance(CONTRACT)]
    made.rights = Rights(state=2)
    assert call(made, "get_self_balance", OUT) == Errno.SUCCESS
    assert made.memory.read(OUT, 1) == b"\x07"
    made.rights = Rights(deterministic=False)
    assert call(made, "get_self_balance", OUT) == Errno.FORBIDDEN
    assert call(made, "get_balance", BUFFER, OUT) == Errno.SUCCESS


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("storage_read", (SLOT, 0, BUFFER, TRANSFER_BYTES_MAX + 1)),
        ("storage_write", (SLOT, 0, BUFFER, 2**32 - 1)),
        ("gl_call", (BUFFER, 2**32 - 1, OUT)),
    ],
)
def test_one_call_moves_so_much_and_no_more(name: str, args: tuple[int, ...]) -> None:
    """Gigabytes in one call end the VM before anything is copied or asked."""
    made = vm()
    with pytest.raises(VmError, match="OOM"):
        call(made, name, *args)
    assert not asked(made)


def test_return_and_rollback_end_the_vm() -> None:
    """With canonical calldata, or the message."""
    with pytest.raises(Returned) as returned:
        say(vm(), {"Return": {"b": 1, "a": [2]}})
    assert returned.value.calldata == calldata.encode({"a": [2], "b": 1})
    with pytest.raises(RolledBack, match="no"):
        say(vm(), {"Rollback": "no"})


def test_event_and_trace() -> None:
    """They reach the door; neither has a result."""
    made = vm()
    assert say(made, {"EmitEvent": {"topics": [TOPIC], "blob": {"a": 1}}}) == Errno.SUCCESS
    assert made.memory.read_u32(OUT) == 0xFFFF_FFFF
    assert say(made, {"Trace": {"Message": "hi"}}) == Errno.SUCCESS
    assert asked(made) == [PostEvent((TOPIC,), calldata.encode({"a": 1})), TraceMessage("hi")]


@pytest.mark.parametrize("payload", ["RuntimeMicroSec", {"RuntimeMicroSec": None}])
def test_the_running_time_of_a_deterministic_vm(payload: calldata.Value) -> None:
    """Always 0, in a file that can be read."""
    made = vm()
    assert say(made, {"Trace": payload}) == Errno.SUCCESS
    opened = made.descriptors.table[made.memory.read_u32(OUT)]
    assert opened.target.data == calldata.encode(0)  # type: ignore[union-attr]
    assert asked(made) == [ReadRunningTime()]


REFUSED: list[tuple[calldata.Value, dict[str, object], Errno]] = [
    (None, {}, Errno.INVAL),
    ("Nothing", {}, Errno.INVAL),
    ({}, {}, Errno.INVAL),
    ({"Return": 1, "Rollback": "x"}, {}, Errno.INVAL),
    ({"Unknown": 1}, {}, Errno.INVAL),
    ({"Rollback": 1}, {}, Errno.INVAL),
    ("Rollback", {}, Errno.INVAL),
    ("Trace", {}, Errno.INVAL),
    ({"Trace": {"Message": 1}}, {}, Errno.INVAL),
    ({"Trace": {"Message": "x", "more": 1}}, {}, Errno.INVAL),
    ({"Trace": {"Message": "x"}}, {"version": (0, 1, 9)}, Errno.INVAL),
    ({"EmitEvent": {"topics": [], "blob": {}}}, {"version": (0, 1, 4)}, Errno.INVAL),
    ({"EmitEvent": {"topics": []}}, {}, Errno.INVAL),
    ({"EmitEvent": {"topics": [], "blob": {}, "more": 1}}, {}, Errno.INVAL),
    ({"EmitEvent": {"topics": {}, "blob": {}}}, {}, Errno.INVAL),
    ({"EmitEvent": {"topics": ["text"], "blob": {}}}, {}, Errno.INVAL),
    ({"EmitEvent": {"topics": [TOPIC], "blob": []}}, {}, Errno.INVAL),
    ({"EmitEvent": {"topics": [TOPIC[:31]], "blob": {}}}, {}, Errno.INVAL),
    ({"EmitEvent": {"topics": [TOPIC] * 5, "blob": {}}}, {}, Errno.INVAL),
    (
        {"EmitEvent": {"topics": [TOPIC] * 5, "blob": {}}},
        {"rights": Rights(deterministic=False)},
        Errno.FORBIDDEN,
    ),
]


@pytest.mark.parametrize(("message", "changes", "errno"), REFUSED)
def test_refused_messages(message: calldata.Value, changes: dict[str, object], errno: Errno) -> None:
    """An errno, and nothing happened."""
    made = vm(rights=changes.get("rights"))  # type: ignore[arg-type]
    made.version = changes.get("version", made.version)  # type: ignore[assignment]
    assert say(made, message) == errno
    assert not asked(made)
    assert made.descriptors.next_number == 4


@given(st.binary(max_size=80))
def test_any_message_gets_an_errno(raw: bytes) -> None:
    """Or ends the VM."""
    made = vm()
    made.memory.write(BUFFER, raw)
    with contextlib.suppress(GuestStop):
        assert call(made, "gl_call", BUFFER, len(raw), OUT) in set(Errno)


@given(
    st.sampled_from([*OPERATIONS, 0, 99]), st.binary(max_size=120), st.integers(0, 2**32 - 1) | st.just(1000)
)
def test_the_python_door_is_bounded(operation: int, body: bytes, ptr: int) -> None:
    """Any frame gets an errno in its first byte; a frame outside memory ends the VM."""
    made = vm()
    frame = bytes((operation,)) + body
    with contextlib.suppress(
        GuestFault
    ):  # a frame that leaves the memory: what the host finds there is chance
        made.memory.write(ptr, frame)
    try:
        assert host_call(made, ptr, len(frame), OUT, OUT + 4) == 0
    except (GuestFault, GuestStop):
        return
    if not OUT - len(frame) < ptr < OUT + 8:
        assert made.memory.read(ptr, 1)[0] in set(Errno)
