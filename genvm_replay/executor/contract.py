"""Contract code: which form it has, which version it asks for, what it runs on (spec/executor.md 6.1 to 6.4).

Text and wasm are read here; zip archives and runner archives are not supported yet and are refused by name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from .stops import VmError

WASM_MAGIC: Final = b"\0asm\x01\0\0\0"
MARKERS: Final = ("//", "#", "--")
DEFAULT_VERSION: Final = (0, 1, 0)
VERSION: Final = re.compile(r"v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})")
RUNNER_ID: Final = re.compile(r"([A-Za-z0-9_-]+):([A-Za-z0-9_=-]+)")
PYTHON_RUNNERS: Final = frozenset({"py-genlayer", "py-lib-genlayer-std", "py-lib-cloudpickle", "cpython"})
"""Runners whose contents our Python runtime stands for, whatever their published hash."""

Form = Literal["python", "wasm"]


@dataclass(frozen=True, slots=True)
class Contract:
    """Contract code, understood."""

    code: bytes
    form: Form
    version: tuple[int, int, int]


def parse_contract(code: bytes) -> Contract:
    """Read contract code.

    Raises:
        VmError: `invalid_contract`, with the detail the protocol knows and, as `cause`, the reason for people.
    """
    if code.startswith(WASM_MAGIC):
        return Contract(code, "wasm", DEFAULT_VERSION)
    try:
        text = code.decode()
    except UnicodeDecodeError as error:
        raise VmError("invalid_contract not_utf8_text", str(error)) from error
    comment = header_lines(text)
    version = DEFAULT_VERSION
    if comment and comment[0].strip().startswith("v"):
        version = parse_version(comment.pop(0).strip())
    _check_runner("".join(comment))
    return Contract(code, "python", version)


def header_lines(text: str) -> list[str]:
    """The leading comment lines, without their marker.

    Raises:
        VmError: the text does not start with one of MARKERS.
    """
    marker = next((marker for marker in MARKERS if text.startswith(marker)), None)
    if marker is None:
        raise VmError(
            "invalid_contract absent_runner_comment",
            'the first line must name a runner, such as # { "Depends": "py-genlayer:test" }',
        )
    lines = []
    for line in text.splitlines():
        if not line.startswith(marker):
            break
        lines.append(line[len(marker) :])
    return lines


def parse_version(text: str) -> tuple[int, int, int]:
    """Read `v1.2.3`: three 16-bit numbers, not all 0.

    Raises:
        VmError: anything else.
    """
    match = VERSION.fullmatch(text)
    numbers = tuple(map(int, match.groups())) if match else ()
    if not any(numbers) or max(numbers) > 0xFFFF:
        raise VmError("invalid_contract", f"not a version: {text!r} (three numbers, such as v0.1.0)")
    return numbers  # type: ignore[return-value]


def _check_runner(text: str) -> None:
    """Check that the runner comment asks for Python, and for nothing that is not there."""
    try:
        action = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise VmError("invalid_contract", f"the runner comment is no JSON: {error}") from error
    wanted = _dependencies(action)
    unknown = sorted(set(wanted) - PYTHON_RUNNERS)
    if unknown:
        raise VmError("invalid_contract", f"no such runner here: {', '.join(unknown)}")
    if "py-genlayer" not in wanted:
        raise VmError(
            "invalid_contract", 'the runner comment starts nothing: {"Depends": "py-genlayer:..."} does'
        )


def _dependencies(action: Any) -> list[str]:
    match action:
        case {"Depends": str(runner)} if len(action) == 1 and RUNNER_ID.fullmatch(runner):
            return [runner.partition(":")[0]]
        case {"Seq": list(actions)} if len(action) == 1:
            return [name for inner in actions for name in _dependencies(inner)]
        case _:
            raise VmError("invalid_contract", f"can't follow the runner comment {json.dumps(action)[:200]}")
