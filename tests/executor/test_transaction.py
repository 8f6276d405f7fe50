"""The order of host requests of one run (spec/executor.md 1.3), as dialogues with a scripted host."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from genvm_replay import calldata
from genvm_replay.errors import UsageError
from genvm_replay.executor.moment import clock_ns, format_datetime, parse_datetime
from genvm_replay.executor.outcome import Outcome
from genvm_replay.executor.rights import Rights
from genvm_replay.executor.stops import VmError
from genvm_replay.executor.storage_slots import CODE_SLOT, LOCKED_SLOT, UPGRADERS_SLOT
from genvm_replay.executor.sub_vms import SubVms
from genvm_replay.executor.transaction import run_transaction
from genvm_replay.executor.vm_plan import VmPlan, VmReport
from genvm_replay.journal.events import Answer, AnyRequest, ConsumeResult, GetCalldata, StorageRead

from .guests import CONTRACT, MESSAGE, SENDER, Script

CODE = b'# { "Depends": "py-genlayer:test" }\n'
STRANGER = b"x" * 20


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def read(slot: bytes, index: int, length: int) -> StorageRead:
    return StorageRead(0, CONTRACT, slot, index, length)


def world(slots: dict[bytes, bytes]) -> Script:
    def answer(request: AnyRequest) -> Answer:
        match request:
            case StorageRead(slot=slot, index=index, length=length):
                return Answer(0, slots.get(slot, b"").ljust(index + length, b"\0")[index : index + length])
            case GetCalldata():
                return Answer(0, b"call")
            case _:
                return Answer()

    return Script(answer)


def ending(outcome: Outcome):
    def machine(main: VmPlan, _sub_vms: SubVms) -> VmReport:
        assert (main.entry_data, main.message) == (b"call", MESSAGE)
        return VmReport(outcome=outcome)

    return machine


DONE = Outcome(kind="return", payload=b"\x09")


def test_slots_are_the_specified_ones() -> None:
    """spec/executor.md 5.6."""
    assert CODE_SLOT.hex().startswith("e1ae23412792df6b")
    assert LOCKED_SLOT.hex().startswith("ba005630745acf30")
    assert UPGRADERS_SLOT.hex().startswith("21b9e013f74608b9")


def test_the_plain_order() -> None:
    """No upgraders and no locks: a read of zero bytes is made all the same."""
    door = world({CODE_SLOT: u32(len(CODE)) + CODE})
    report = run_transaction(MESSAGE, Rights(), door, ending(DONE))
    assert door.asked == [
        read(UPGRADERS_SLOT, 0, 4),
        read(LOCKED_SLOT, 0, 4),
        read(LOCKED_SLOT, 4, 0),
        GetCalldata(),
        read(CODE_SLOT, 0, 4),
        read(CODE_SLOT, 4, len(CODE)),
        ConsumeResult(b"\0\x09"),
    ]
    assert report.outcome == DONE


def test_an_upgrader_sees_no_locks() -> None:
    """The list is read up to the sender, and the locks not at all."""
    upgraders = u32(3) + STRANGER + SENDER + STRANGER
    door = world(
        {UPGRADERS_SLOT: upgraders, LOCKED_SLOT: u32(1) + b"L" * 32, CODE_SLOT: u32(len(CODE)) + CODE}
    )
    seen: list[VmPlan] = []
    run_transaction(MESSAGE, Rights(), door, lambda main, _: seen.append(main) or VmReport(outcome=DONE))  # type: ignore[func-returns-value]
    assert door.asked[:4] == [
        read(UPGRADERS_SLOT, 0, 4),
        read(UPGRADERS_SLOT, 4, 20),
        read(UPGRADERS_SLOT, 24, 20),
        GetCalldata(),
    ]
    assert seen[0].run.locked_slots == frozenset()


def test_locked_slots_are_read_whole() -> None:
    """For a sender that is no upgrader."""
    locks = [bytes((n,)) * 32 for n in (1, 2)]
    slots = {
        UPGRADERS_SLOT: u32(1) + STRANGER,
        LOCKED_SLOT: u32(2) + b"".join(locks),
        CODE_SLOT: u32(len(CODE)) + CODE,
    }
    door = world(slots)
    seen: list[VmPlan] = []
    run_transaction(MESSAGE, Rights(), door, lambda main, _: seen.append(main) or VmReport(outcome=DONE))  # type: ignore[func-returns-value]
    assert read(LOCKED_SLOT, 4, 64) in door.asked
    assert seen[0].run.locked_slots == frozenset(locks)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"", "invalid_contract absent_runner_comment"),
        (b"\xff", "invalid_contract not_utf8_text"),
    ],
)
def test_bad_code_is_a_result(code: bytes, message: str) -> None:
    """Handed over like any other."""
    door = world({CODE_SLOT: u32(len(code)) + code})
    report = run_transaction(MESSAGE, Rights(), door, ending(DONE))
    assert (report.outcome.kind, report.outcome.payload.decode()) == ("vm_error", message)
    wire = b"\x02" + calldata.encode(
        {"fingerprint": {"frames": [], "module_instances": {}}, "message": message}
    )
    assert door.asked[-1] == ConsumeResult(wire)


def test_a_host_error_before_the_calldata_has_no_result() -> None:
    """Steps 1 and 2 fail the whole run."""
    door = Script(lambda _: Answer(1, None))
    with pytest.raises(VmError, match="absent"):
        run_transaction(MESSAGE, Rights(), door, ending(DONE))
    assert not any(isinstance(request, ConsumeResult) for request in door.asked)


def test_a_host_error_later_is_the_result() -> None:
    """From get_calldata on."""
    inner = world({})
    door = Script(
        lambda request: Answer(2, None) if isinstance(request, GetCalldata) else inner.perform(request)
    )
    report = run_transaction(MESSAGE, Rights(), door, ending(DONE))
    assert report.outcome.payload == b"forbidden"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.100Z", "2026-01-02T03:04:05.100Z"),
        ("2026-01-02T03:04:05.000006", "2026-01-02T03:04:05.000006Z"),
        ("2026-01-02T03:04:05.678+02:00", "2026-01-02T01:04:05.678Z"),
    ],
)
def test_times_are_printed_as_hosts_do(text: str, printed: str) -> None:
    """UTC, with 0, 3 or 6 fractional digits."""
    assert format_datetime(parse_datetime(text)) == printed


def test_the_clock_is_exact() -> None:
    """Nanoseconds from integers, no float in between."""
    assert clock_ns(MESSAGE) == int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 10**9 + 6000
    with pytest.raises(UsageError, match="not a time"):
        parse_datetime("yesterday")
