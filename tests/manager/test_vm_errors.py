"""Every VM error that the executor makes has a description."""

from __future__ import annotations

import pytest

from genvm_replay.executor.outcome import TRAP_NAMES
from genvm_replay.host_bridge.host import HOST_ERRORS
from genvm_replay.manager.vm_errors import describe

MESSAGES = [
    "exit_code 1",
    "exit_code 125",
    "timeout",
    "OOM",
    "version_too_big",
    "invalid_contract wasm",
    "invalid_contract",
]


@pytest.mark.parametrize(
    "message", [*MESSAGES, *HOST_ERRORS.values(), *(f"wasm_trap {name}" for name in TRAP_NAMES.values())]
)
def test_known(message):
    assert describe(message)


@pytest.mark.parametrize("message", ["", "exit_code", "nonsense", "timeout ", "wasm_trap"])
def test_anything_else_is_not(message):
    assert describe(message) is None
