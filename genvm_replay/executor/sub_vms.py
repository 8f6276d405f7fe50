"""VMs that a VM starts: view calls, sandboxes, nondeterministic blocks (spec/executor.md 5.2 to 5.4).

A deterministic sub-VM runs on its caller's thread and line while the caller waits. A nondeterministic one has a line of
its own in the journal, `nondet:<call_no>`: the leader's runs at once, a validator's in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from ..calldata import Address, Value
from ..errors import EnvironmentProblem
from ..journal.events import GetLeaderNondetResult, PostNondetResult
from .contract import Contract, parse_contract
from .genlayer_sdk.asking import ask, value_of
from .outcome import Outcome
from .rights import NO_RIGHTS, Rights
from .stops import InternalFailure, VmError
from .storage_slots import read_code
from .validators import ValidatorQueue
from .vm_plan import CONSENSUS_STAGE, DEPTH_MAX, MAIN, SANDBOX, VmPlan, VmReport

LATEST_NON_FINAL: Final = 2
I_AM_LEADER: Final = 3
RETURN, USER_ERROR, VM_ERROR = 0, 1, 2  # first byte of a VM's result (spec/executor.md 2.1)


class SubVms:
    """Starts sub-VMs for the VMs of one run."""

    def __init__(self, machine: Callable[[VmPlan, SubVms], VmReport], *, sync: bool = False) -> None:
        """
        Args:
            machine: runs one VM.
            sync: take the leader's results as they are; run no validator.
        """
        self._machine = machine
        self._sync = sync
        self.validators = ValidatorQueue(lambda plan: self._machine(plan, self).outcome)

    def call_contract(self, caller: VmPlan, address: bytes, call: bytes, state: int) -> bytes:
        """Run another contract without the right to write; gives `[code]` and data of a return or a user error.

        Raises:
            VmError: the callee failed with one; the caller can't catch it.
        """
        rights = replace(caller.rights, write_storage=False, state=state or LATEST_NON_FINAL)
        message = msgspec.structs.replace(caller.message, contract_address=address, value=0, is_init=False)
        first = address not in caller.run.contracts
        contract = contract_at(caller, address, rights.state)
        plan = caller.inside(
            contract=contract,
            held=caller.held + (contract.archive.charged_size if first else 0),
            message=message,
            rights=rights,
            entry_kind=MAIN,
            entry_data=call,
            entry_stage_data=None,
            stack=(*caller.stack, caller.message.contract_address),
        )
        outcome = self._run(plan)
        return raise_vm_error(result_bytes(outcome), viewing(address, outcome.cause))

    def sandbox(self, caller: VmPlan, data: bytes, *, allow_writes: bool) -> bytes:
        """Run the caller's contract again with fewer rights; a VM error is data here."""
        rights = Rights(
            deterministic=caller.rights.deterministic,
            read_storage=False,
            write_storage=caller.rights.write_storage and allow_writes,
            send_messages=caller.rights.send_messages and allow_writes,
            call_others=False,
            spawn_nondet=False,
            state=caller.rights.state,
        )
        plan = caller.inside(
            rights=rights,
            message=msgspec.structs.replace(caller.message, is_init=False),
            entry_kind=SANDBOX,
            entry_data=data,
            entry_stage_data=None,
        )
        return result_bytes(self._run(plan))

    def run_nondet(self, caller: VmPlan, leader: bytes, validator: bytes) -> bytes:
        """Get the result of a nondeterministic block: run it as the leader, or take the leader's result.

        Raises:
            VmError: the block ended with one at the leader's, or the host refused.
        """
        call_no = next(caller.run.call_numbers)
        answer = caller.effects.perform(GetLeaderNondetResult(call_no))
        if answer.error == I_AM_LEADER and self._sync:
            raise EnvironmentProblem(f"the host has no leader's result for nondeterministic block {call_no}")
        if answer.error == I_AM_LEADER:
            result = result_bytes(self._run(nondet_plan(caller, call_no, leader, None)))
            ask(caller.effects, PostNondetResult(call_no, result))
            return raise_vm_error(result)
        given = value_of(answer, GetLeaderNondetResult.__name__)
        if not isinstance(given, bytes):
            raise EnvironmentProblem("the host's leader result is not bytes")
        check_result(given)
        if not self._sync:
            self.validators.put(call_no, nondet_plan(caller, call_no, validator, {"leaders_result": given}))
        return raise_vm_error(given)

    def _run(self, plan: VmPlan) -> Outcome:
        if plan.depth > DEPTH_MAX:
            raise VmError("OOM", f"more than {DEPTH_MAX} VMs inside each other")
        return self._machine(plan, self).outcome


def contract_at(caller: VmPlan, address: bytes, state: int) -> Contract:
    """The contract at an address: read once in a run (spec/executor.md 8.4).

    Raises:
        VmError: there is none, or it can't be read; the cause names the address.
    """
    contracts = caller.run.contracts
    if address not in contracts:
        code = read_code(address, state, caller.effects)
        try:
            contracts[address] = parse_contract(code)
        except VmError as error:
            raise VmError(error.message, viewing(address, error.cause if code else "no contract")) from error
    return contracts[address]


def viewing(address: bytes, cause: str) -> str:
    """The cause of a failure in another contract, for people."""
    return f"in a view of {Address(address)}: {cause}".removesuffix(": ")


def nondet_plan(caller: VmPlan, call_no: int, data: bytes, stage_data: Value) -> VmPlan:
    """A nondeterministic block: no rights, a line and a memory budget of its own."""
    return caller.inside(
        held=0,
        rights=NO_RIGHTS,
        message=msgspec.structs.replace(caller.message, is_init=False),
        effects=caller.effects.line(f"nondet:{call_no}"),
        entry_kind=CONSENSUS_STAGE,
        entry_data=data,
        entry_stage_data=stage_data,
        call_no=call_no,
    )


def result_bytes(outcome: Outcome) -> bytes:
    """A VM's result as it crosses into another VM: `[code]` and data (spec/executor.md 2.1).

    Raises:
        InternalFailure: the VM came to no result.
    """
    if outcome.kind == "internal_error":
        raise InternalFailure(outcome.payload.decode(errors="replace"))
    codes = {"return": RETURN, "user_error": USER_ERROR, "vm_error": VM_ERROR}
    return bytes((codes[outcome.kind],)) + outcome.payload


def check_result(result: bytes) -> None:
    """Check a leader's result that a host gave.

    Raises:
        EnvironmentProblem: empty, an unknown code, or a message that is no UTF-8.
    """
    if not result or result[0] not in (RETURN, USER_ERROR, VM_ERROR):
        raise EnvironmentProblem(
            f"the host's leader result starts with {result[:1].hex() or 'nothing'}, not 00 to 02"
        )
    if result[0] != RETURN:
        try:
            result[1:].decode()
        except UnicodeDecodeError as error:
            raise EnvironmentProblem("the message in the host's leader result is no UTF-8") from error


def raise_vm_error(result: bytes, cause: str = "") -> bytes:
    """Give a return or a user error; raise a VM error in the VM that asked, with a cause for people."""
    if result[0] == VM_ERROR:
        raise VmError(result[1:].decode(), cause)
    return result
