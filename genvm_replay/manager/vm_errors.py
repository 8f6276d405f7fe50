"""What the messages of VM errors mean (spec/executor.md 2.4)."""

from __future__ import annotations

import re
from typing import Final

MEANINGS: Final[tuple[tuple[str, str], ...]] = (  # the first that fits counts
    (
        r"exit_code \d+",
        "the contract ended with this code; a Python contract does so after an uncaught exception",
    ),
    ("wasm_trap StackOverflow", "the contract called itself too deeply"),
    ("wasm_trap MemoryOutOfBounds", "the contract read or wrote outside its memory"),
    ("wasm_trap TableOutOfBounds", "the contract read outside a table"),
    ("wasm_trap IndirectCallToNull", "the contract called an entry of a table that is empty"),
    ("wasm_trap BadSignature", "the contract called a function by a signature that it has not"),
    ("wasm_trap IntegerOverflow", "the result of an integer operation has no room"),
    ("wasm_trap IntegerDivisionByZero", "the contract divided an integer by zero"),
    ("wasm_trap BadConversionToInteger", "a float that is no integer was converted to one"),
    ("wasm_trap UnreachableCodeReached", "the contract reached an instruction that says it can't be reached"),
    ("wasm_trap DeterministicMode", "the contract used an operation that is forbidden in deterministic mode"),
    ("wasm_trap [A-Za-z]+", "WebAssembly stopped the contract"),
    ("timeout", "the run was stopped from outside before it had ended"),
    ("OOM storage", "the run changed more pages of storage than it may"),
    ("OOM", "the run wanted more memory than it may have"),
    ("version_too_big", "the contract asks for a version that was not there at the transaction's time"),
    ("invalid_contract not_utf8_text", "the code is neither an archive, nor WebAssembly, nor UTF-8 text"),
    (
        "invalid_contract absent_runner_comment",
        "the code does not begin with a comment that names its runner",
    ),
    ("invalid_contract wasm", "a WebAssembly module to link has no name"),
    ("invalid_contract.*", "the code, or a runner that it names, can't be loaded"),
    ("absent", "the host has not what it was asked for"),
    ("forbidden", "the contract has not the right, or the host forbids it"),
    ("i_am_leader", "the host asked for the leader's result, being the leader"),
    ("out_of_storage_gas", "the host says that the storage is paid for no further"),
    (r"validator_disagrees call \d+", "a validator does not agree with the leader's result of this block"),
)


def describe(message: str) -> str | None:
    """What a message means; None for one that the VM does not make itself."""
    return next((meaning for form, meaning in MEANINGS if re.fullmatch(form, message)), None)
