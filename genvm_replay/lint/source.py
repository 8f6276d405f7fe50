"""All checks of one contract file."""

from __future__ import annotations

import ast
import sys
from typing import Final

from ..errors import UsageError
from ..executor.contract import parse_contract
from ..executor.runners.planner import plan_start
from ..executor.runners.refusal import NothingStarted
from ..executor.runners.registry import Registry
from ..executor.runners.text_archive import EXAMPLE
from ..executor.runners.wasm_module import WASM_MAGIC
from ..executor.stops import VmError
from .blocks import check_blocks
from .fields import check_fields
from .finding import Finding
from .methods import check_methods
from .module import ContractFile
from .names import check_names

GUEST_PYTHON: Final = (3, 15)
ZIP_MAGIC: Final = b"PK\x03\x04"


def lint(code: bytes) -> list[Finding]:
    """Check the source of a contract; the findings in the order of their lines.

    Raises:
        UsageError: the code is no source.
    """
    if code.startswith((WASM_MAGIC, ZIP_MAGIC)):
        raise UsageError("lint reads Python source, and this is an archive or a WebAssembly module")
    findings = check_header(code)
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        return [*findings, _syntax(error)]
    except (RecursionError, MemoryError):
        return [*findings, Finding(1, "syntax", "the source is nested too deep", "split it")]
    file = ContractFile.read(tree)
    for check in (check_fields, check_methods, check_blocks, check_names):
        findings += check(file)
    findings += _check_count(file)
    return sorted(set(findings))


def check_header(code: bytes) -> list[Finding]:
    """The comment that names version and runners must lead to a start."""
    fix = f"begin the file with a line such as {EXAMPLE}; before it, `# v0.1.0` may give the version"
    try:
        contract = parse_contract(code)
        registry = Registry(debug_mode=True)
        plan_start(contract.archive, registry, lambda _size: None, deterministic=True)
    except VmError as error:
        return [Finding(1, "header", error.cause or str(error), fix)]
    except NothingStarted:
        return [Finding(1, "header", "the header starts nothing", fix)]
    return []


def _check_count(file: ContractFile) -> list[Finding]:
    if len(file.contracts) == 1 or (not file.contracts and not file.is_complete):
        return []
    if not file.contracts:
        fix = "derive one class from gl.Contract"
        return [Finding(1, "contract", "no class derives from gl.Contract", fix)]
    first, second = (cls.node for cls in file.contracts[:2])
    what = f"`{second.name}` is a second contract beside `{first.name}`: importing the file fails"
    return [
        Finding.at(second, "contract", what, "keep one contract a file; share code through plain classes")
    ]


def _syntax(error: SyntaxError | ValueError) -> Finding:
    line = getattr(error, "lineno", None) or 1
    reason = getattr(error, "msg", None) or str(error)
    fix = "correct the syntax"
    if sys.version_info[:2] < GUEST_PYTHON:
        ours, theirs = (".".join(map(str, version)) for version in (sys.version_info[:2], GUEST_PYTHON))
        fix += f"; if it is newer than Python {ours}, run lint on a newer one, contracts run on {theirs}"
    return Finding(line, "syntax", reason, fix)
