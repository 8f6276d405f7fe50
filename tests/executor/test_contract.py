"""Contract code is recognised as the deployed executor recognises it (spec/executor.md 6.1 to 6.4)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.contract import parse_contract
from genvm_replay.executor.runners.planner import plan_start
from genvm_replay.executor.runners.refusal import NothingStarted
from genvm_replay.executor.runners.registry import Registry
from genvm_replay.executor.runners.start_plan import PythonStart, StartPlan, WasmModule
from genvm_replay.executor.runners.version import Version
from genvm_replay.executor.stops import VmError

from .runners.archives import zipped

RUNNER = '{ "Depends": "py-genlayer:test" }'
CLOUDPICKLE = "py-lib-cloudpickle:1dlk6mnfabi0z7r39635amyfzw8xb6rm8bv4pmgv6ji1bfx9hghd"
PY_GENLAYER = "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6"
GOOD = [
    (f"# {RUNNER}\nx", (0, 1, 0)),
    (f"// {RUNNER}", (0, 1, 0)),
    (f"-- {RUNNER}\r\nrest", (0, 1, 0)),
    (f"# v0.2.16\n# {RUNNER}\n", (0, 2, 16)),
    (f"#  v1.2.3 \n# {RUNNER}\n", (1, 2, 3)),
    (
        f'# {{\n#  "Seq": [\n# {{"Depends": "{CLOUDPICKLE}"}}, {{"Depends": "{PY_GENLAYER}"}}\n# ]}}\n',
        (0, 1, 0),
    ),
]
BAD = [
    (b"", "invalid_contract absent_runner_comment"),
    (b"\n# {}", "invalid_contract absent_runner_comment"),
    ("\ufeff# {}".encode(), "invalid_contract absent_runner_comment"),
    (b"\xff\xfe", "invalid_contract not_utf8_text"),
    (b"# v0.1.0\nclass X: pass", "invalid_contract"),
    (b"# very nice\n# {}", "invalid_contract"),
    (b"# not json", "invalid_contract"),
    (b'# {"Depends": "py-genlayer"}', "invalid_contract"),
    (b'# {"Depends": "nobody:knows"}', "invalid_contract"),
    (b'# {"Depends": "py-genlayer:nobody-published-this"}', "invalid_contract"),
    (b'# {"Depends": "py-genlayer:test", "$schema": 1}', "invalid_contract"),
    (b'# {"SetEnv": {"name": "a", "value": "b"}}', "invalid_contract"),
    (b"# " + b"[" * 100_000, "invalid_contract"),
]


def start(code: bytes) -> tuple[Version, StartPlan]:
    """Read contract code and see how it starts."""
    contract = parse_contract(code)
    registry = Registry(debug_mode=True)
    return contract.version, plan_start(contract.archive, registry, lambda _: None, deterministic=True)


@pytest.mark.parametrize(("code", "version"), GOOD)
def test_good(code: str, version: tuple[int, int, int]) -> None:
    """Headers with and without a version, with every marker."""
    found, plan = start(code.encode())
    assert (found, isinstance(plan.start, PythonStart)) == (version, True)
    assert plan.files == {"/contract.py": code.encode()}


@pytest.mark.parametrize(("code", "message"), BAD)
def test_bad(code: bytes, message: str) -> None:
    """Each defect gives the protocol's message, and a reason for people."""
    with pytest.raises(VmError) as caught:
        start(code)
    assert caught.value.message == message
    assert caught.value.cause


def test_a_runner_comment_that_starts_nothing() -> None:
    """An internal error (spec/executor.md 2.4)."""
    with pytest.raises(NothingStarted):
        start(b'# {"Seq": []}')


def test_wasm_is_recognised_by_its_magic() -> None:
    """A core module needs no header."""
    code = b"\0asm\x01\0\0\0"
    assert start(code)[1].start == WasmModule("on_chain:file", code)


def test_zip_of_one_program() -> None:
    """Starts as if the program stood alone."""
    glue = f'{{"Depends": "{PY_GENLAYER}"}}'.encode()
    version, plan = start(zipped({"runner.json": glue, "version": b"v0.1.3", "file": b"source"}))
    assert (version, plan.files) == ((0, 1, 3), {"/contract.py": b"source"})


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: b"# " + text.encode(errors="ignore")))
def test_any_bytes_give_a_contract_or_a_vm_error(code: bytes) -> None:
    """Nothing else escapes."""
    with contextlib.suppress(VmError):
        parse_contract(code)
