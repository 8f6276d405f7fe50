"""One run: the order of host requests around the main VM (spec/executor.md 1.3).

Pure with respect to the world: everything goes through the door that it is given, so the same function is the leader,
the validator and the replayer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from blake3 import blake3

from ..errors import UsageError
from ..journal.events import ConsumeResult, GetCalldata, StorageRead
from ..journal.run import Message
from .contract import Contract, parse_contract
from .effects import Effects
from .genlayer_sdk.asking import ask_bytes
from .guest import Rights, RunState
from .outcome import Outcome, outcome_of
from .stops import GuestStop

ROOT_SLOT: Final = bytes(32)
ADDRESS_SIZE: Final = 20


def indirection(slot: bytes, offset: int) -> bytes:
    """The slot that holds what offset `offset` of `slot` points to: SHA3-256 (spec/executor.md 5.6)."""
    return hashlib.sha3_256(slot + offset.to_bytes(4, "little")).digest()


CODE_SLOT: Final = indirection(ROOT_SLOT, 1)
LOCKED_SLOT: Final = indirection(ROOT_SLOT, 2)
UPGRADERS_SLOT: Final = indirection(ROOT_SLOT, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class MainVm:
    """What a machine needs to run the main VM of a transaction."""

    contract: Contract
    message: Message
    calldata: bytes
    rights: Rights
    run: RunState
    effects: Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class VmReport:
    """What a machine tells of a VM that has ended. Field meanings: see `Outcome` and `RunFooter`."""

    outcome: Outcome
    image: str = ""
    memory_hash: bytes | None = None
    traceback: str = ""  # of the guest, where it was stopped from outside
    fuel_used: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport(VmReport):
    """The same for the whole run."""

    code_hash: bytes | None = None
    storage_hash: bytes = b""


def run_transaction(
    message: Message, rights: Rights, effects: Effects, machine: Callable[[MainVm], VmReport]
) -> RunReport:
    """Run a transaction to its end and hand its result over.

    Args:
        machine: runs the main VM.

    Returns:
        The storage delta is what was written, whether the outcome lets it stand or not.

    Raises:
        GuestStop: a host error before the calldata was asked for; no result was handed over.
        Divergence: a replaying door met another request than the recorded one.
    """
    run = RunState(locked_slots=read_locked_slots(message, effects))
    code_hash = None
    try:
        call = ask_bytes(effects, GetCalldata())
        code = read_code(message.contract_address, rights.state, effects)
        code_hash = blake3(code).digest()
        contract = parse_contract(code)
        main = MainVm(
            contract=contract, message=message, calldata=call, rights=rights, run=run, effects=effects
        )
        report = machine(main)
    except GuestStop as stop:
        report = VmReport(outcome=outcome_of(stop))
    effects.perform(ConsumeResult(report.outcome.wire_payload()))
    return RunReport(
        outcome=report.outcome,
        image=report.image,
        memory_hash=report.memory_hash,
        traceback=report.traceback,
        fuel_used=report.fuel_used,
        code_hash=code_hash,
        storage_hash=run.delta.hash(),
    )


def read_locked_slots(message: Message, effects: Effects) -> frozenset[bytes]:
    """The slots that this transaction may not write: none if its sender is an upgrader (spec/executor.md 5.6)."""
    address = message.contract_address
    for number in range(_read_count(address, UPGRADERS_SLOT, effects)):
        entry = StorageRead(0, address, UPGRADERS_SLOT, 4 + ADDRESS_SIZE * number, ADDRESS_SIZE)
        if ask_bytes(effects, entry, ADDRESS_SIZE) == message.sender_address:
            return frozenset()
    size = 32 * _read_count(address, LOCKED_SLOT, effects)
    slots = ask_bytes(effects, StorageRead(0, address, LOCKED_SLOT, 4, size), size)
    return frozenset(slots[at : at + 32] for at in range(0, size, 32))


def read_code(address: bytes, state: int, effects: Effects) -> bytes:
    """The contract's code; empty where there is no contract."""
    size = _read_count(address, CODE_SLOT, effects, state)
    return ask_bytes(effects, StorageRead(state, address, CODE_SLOT, 4, size), size)


def _read_count(address: bytes, slot: bytes, effects: Effects, state: int = 0) -> int:
    return int.from_bytes(ask_bytes(effects, StorageRead(state, address, slot, 0, 4), 4), "little")


def clock_ns(message: Message) -> int:
    """The transaction's time in nanoseconds since the Unix epoch.

    Raises:
        UsageError: the message's datetime is no RFC 3339 time.
    """
    moment = parse_datetime(message.datetime)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 10**9 + moment.microsecond * 1000


def parse_datetime(text: str) -> datetime:
    """Read an RFC 3339 time; one without an offset counts as UTC.

    Raises:
        UsageError: anything else.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"not a time: {text!r} (RFC 3339, such as 2026-01-31T12:00:00Z)") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_datetime(moment: datetime) -> str:
    """Print a time as hosts do: UTC, `Z`, 0, 3 or 6 fractional digits as needed (spec/executor.md 5.1)."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    micros = moment.microsecond
    if micros:
        text += f".{micros:06d}" if micros % 1000 else f".{micros // 1000:03d}"
    return text + "Z"
