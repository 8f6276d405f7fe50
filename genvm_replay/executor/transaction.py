"""One run: the order of host requests around the main VM (spec/executor.md 1.3).

Pure with respect to the world: everything goes through the door that it is given, so the same function is the leader,
the validator and the replayer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from blake3 import blake3

from ..errors import EnvironmentProblem
from ..journal.events import ConsumeResult, GetCalldata, NotifyNondetDisagreement
from ..journal.run import Message
from .contract import parse_contract
from .effects import Effects
from .genlayer_sdk.asking import ask_bytes
from .memory_budget import LOCKED_SLOT
from .outcome import outcome_of
from .rights import Rights, RunState
from .stops import GuestStop
from .storage_slots import read_code, read_locked_slots
from .sub_vms import SubVms
from .version_gate import check_version
from .vm_plan import VmPlan, VmReport

Machine = Callable[[VmPlan, SubVms], VmReport]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport(VmReport):
    """What is told of a whole run.

    Attributes:
        storage_hash: of what was written, whether the outcome lets it stand or not.
        disagreement: the first nondeterministic block whose validator disagreed.
        runners: `id origin` of all that were loaded, sorted; see `runners.runner.Origin`.
    """

    code_hash: bytes | None = None
    storage_hash: bytes = b""
    disagreement: int | None = None
    runners: tuple[str, ...] = ()


def run_transaction(
    message: Message,
    rights: Rights,
    effects: Effects,
    machine: Machine,
    *,
    sync: bool = False,
    gated: bool = False,
) -> RunReport:
    """Run a transaction to its end and hand its result over.

    Args:
        machine: runs one VM.
        sync: take the leader's nondeterministic results without judging them.
        gated: refuse contract versions that the transaction's time does not admit yet.

    Raises:
        GuestStop, EnvironmentProblem: before the calldata was asked for; no result was handed over.
        Divergence: a replaying door met another request than the recorded one.
    """
    run = RunState(locked_slots=read_locked_slots(message, effects))
    sub_vms = SubVms(machine, sync=sync)
    code_hash, report, disagreement = None, None, None
    try:
        call = ask_bytes(effects, GetCalldata())
        code = read_code(message.contract_address, rights.state, effects)
        code_hash = blake3(code).digest()
        contract = run.contracts[message.contract_address] = parse_contract(code)
        if gated:
            check_version(contract.version, message)
        held = len(code) + LOCKED_SLOT * len(
            run.locked_slots
        )  # a first load counts besides the archive's size
        plan = VmPlan(
            contract=contract,
            message=message,
            rights=rights,
            run=run,
            effects=effects,
            entry_data=call,
            held=held,
        )
        report = machine(plan, sub_vms)
    except (GuestStop, EnvironmentProblem) as stop:
        report = VmReport(outcome=outcome_of(stop))
    report, disagreement = _judged(report, sub_vms)
    if disagreement is not None:
        effects.perform(NotifyNondetDisagreement(disagreement))
    effects.perform(ConsumeResult(report.outcome.wire_payload()))
    outcome = report.outcome
    return RunReport(
        outcome=replace(outcome, interrupted=outcome.interrupted or sub_vms.validators.interrupted),
        image=report.image,
        memory_hash=report.memory_hash,
        traceback=report.traceback,
        fuel_used=report.fuel_used,
        code_hash=code_hash,
        storage_hash=run.delta.hash(),
        disagreement=disagreement,
        runners=tuple(sorted(f"{key} {origin}" for key, origin in run.runners.items())),
    )


def _judged(report: VmReport, sub_vms: SubVms) -> tuple[VmReport, int | None]:
    """Wait for the validators: one that came to no verdict makes the whole run internal."""
    try:
        disagreement = sub_vms.validators.finish()
    except (GuestStop, EnvironmentProblem) as stop:
        return VmReport(outcome=outcome_of(stop)), None
    if report.outcome.kind == "internal_error":
        return report, None
    return report, disagreement
