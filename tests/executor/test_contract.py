"""Contract code is recognised as the deployed executor recognises it (spec/executor.md 6.1, 6.2)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.contract import parse_contract, parse_version
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
    (f"#  1.2.3 \n# {RUNNER}\n".replace("1.2.3", "v1.2.3"), (1, 2, 3)),
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
    (b'# {"Depends": "py-genlayer:test", "$schema": 1}', "invalid_contract"),
    (b'# {"Seq": []}', "invalid_contract"),
    (b'# {"SetEnv": {"name": "a", "value": "b"}}', "invalid_contract"),
    (b"# " + b"[" * 100_000, "invalid_contract"),
]


@pytest.mark.parametrize(("code", "version"), GOOD)
def test_good(code: str, version: tuple[int, int, int]) -> None:
    """Headers with and without a version, with every marker."""
    contract = parse_contract(code.encode())
    assert (contract.form, contract.version) == ("python", version)


@pytest.mark.parametrize(("code", "message"), BAD)
def test_bad(code: bytes, message: str) -> None:
    """Each defect gives the protocol's message, and a reason for people."""
    with pytest.raises(VmError) as caught:
        parse_contract(code)
    assert caught.value.message == message
    assert caught.value.cause


def test_wasm_is_recognised_by_its_magic() -> None:
    """A core module needs no header."""
    assert parse_contract(b"\0asm\x01\0\0\0").form == "wasm"


def test_zip_of_one_program() -> None:
    """Runs as if the program stood alone."""
    glue = f'{{"Depends": "{PY_GENLAYER}"}}'.encode()
    contract = parse_contract(zipped({"runner.json": glue, "version": b"v0.1.3", "file": b"source"}))
    assert (contract.form, contract.code, contract.version) == ("python", b"source", (0, 1, 3))
    module = parse_contract(zipped({"runner.json": b'{"StartWasm": "m"}', "m": b"module"}))
    assert (module.form, module.code) == ("wasm", b"module")


@pytest.mark.parametrize(
    "files",
    [
        {"runner.json": b'{"Depends": "py-genlayer-multi:test"}', "contract/__init__.py": b""},
        {"runner.json": b'{"Seq": [{"AddEnv": ["A", "1"]}, {"Depends": "py-genlayer:test"}]}', "file": b""},
        {"runner.json": b'{"Seq": [{"SetArgs": ["a"]}, {"StartWasm": "m"}]}', "m": b""},
    ],
)
def test_not_run_yet(files: dict[str, bytes]) -> None:
    """What the machine would run in part is refused."""
    with pytest.raises(VmError, match="invalid_contract") as caught:
        parse_contract(zipped(files))
    assert "yet" in caught.value.cause


@pytest.mark.parametrize("text", ["", "v", "1.2", "1.2.3.4", "0.0.0", "v1.2.65536", "1.2.x", "vv1.2.3"])
def test_no_version(text: str) -> None:
    """Three 16-bit numbers, not all zero."""
    with pytest.raises(VmError):
        parse_version(text)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: b"# " + text.encode(errors="ignore")))
def test_any_bytes_give_a_contract_or_a_vm_error(code: bytes) -> None:
    """Nothing else escapes."""
    with contextlib.suppress(VmError):
        parse_contract(code)
