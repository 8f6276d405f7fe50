"""Contract code as the machine runs it today: one Python file on our runtime, or one module by itself.

What else contract code can be is read and planned in `runners` (spec/executor.md 6); a machine that follows a whole
`StartPlan` needs nothing of this file but `Contract`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from .runners.archive import Archive
from .runners.forms import read_contract
from .runners.planner import PYTHON_FILE, plan_start
from .runners.refusal import NothingStarted, refusal
from .runners.registry import Registry
from .runners.stand_ins import PYTHON_ENV
from .runners.start_plan import StartPlan, WasmModule
from .runners.text_archive import header_lines
from .runners.version import DEFAULT_VERSION, Version, parse_version
from .runners.wasm_module import WASM_MAGIC
from .stops import VmError

__all__ = [
    "DEFAULT_VERSION",
    "WASM_MAGIC",
    "Contract",
    "header_lines",
    "parse_contract",
    "parse_version",
]

Form = Literal["python", "wasm"]
PYTHON_ENV_LINES: Final = tuple(sorted(f"{variable.name}={variable.val}" for variable in PYTHON_ENV))


@dataclass(frozen=True, slots=True)
class Contract:
    """Contract code, understood.

    Attributes:
        code: the program that runs: source of /contract.py, or a module. A zip file's code is not the zip file.
    """

    code: bytes
    form: Form
    version: Version
    archive: Archive | None = field(default=None, repr=False, compare=False)


def parse_contract(code: bytes) -> Contract:
    """Read contract code and see how it starts.

    Raises:
        VmError: `invalid_contract`, with the detail the protocol knows and, as `cause`, the reason for people.
    """
    archive = read_contract(code)
    version = archive.version
    try:
        plan = plan_start(archive, Registry(debug_mode=True), _free, deterministic=True)
    except (
        NothingStarted
    ) as error:  # the machine turns it into an internal error once it follows plans itself
        raise refusal('the runner comment starts nothing: {"Depends": "py-genlayer:..."} does') from error
    form, program = _program(plan)
    return Contract(program, form, version, archive)


def _free(_: int) -> None:
    """Nothing is charged here."""


def _program(plan: StartPlan) -> tuple[Form, bytes]:
    if isinstance(plan.start, WasmModule):
        if not (plan.files or plan.env or plan.args or plan.links):
            return "wasm", plan.start.wasm
    elif not plan.start.package and len(plan.files) == 1 and plan.env == PYTHON_ENV_LINES:
        return "python", plan.files[PYTHON_FILE]
    raise unsupported()


def unsupported() -> VmError:
    """For plans that need a machine which follows all of them."""
    return refusal("contracts of several files or modules are not run yet")
