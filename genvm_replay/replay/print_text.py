"""The exact text of `genvm run --print` (spec/executor.md 1.6): the escapes of the deployed program's own printer."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Container
from typing import Any, Final

from ..calldata import Value
from ..executor.outcome import Outcome
from ..executor.transaction import RunReport

DEL: Final = 0x7F
C1_END: Final = 0xA0
MINIMUM: Final = (0, 0x80, 0x800, 0x10000)  # smallest code point that needs 0, 1, 2, 3 continuation bytes
RUST_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def print_report(report: RunReport, wanted: Container[str]) -> None:
    """Print what of `result`, `fingerprint` and `stderr-full` is wanted."""
    outcome = report.outcome
    if "result" in wanted:
        print(result_text(outcome))
        if report.disagreement is not None and outcome.kind != "internal_error":
            print(f"nondet disagreement: {report.disagreement}")
        if outcome.cause:
            print(outcome.cause, file=sys.stderr)
    if "fingerprint" in wanted and outcome.kind != "internal_error":
        print(fingerprint_text(outcome))
    if "stderr-full" in wanted:
        print(repr(report), file=sys.stderr)
    sys.stdout.flush()


def result_text(outcome: Outcome) -> str:
    """The line that tells how a run ended."""
    return f"executed with `{_result(outcome)}`"


def _result(outcome: Outcome) -> str:
    match outcome.kind:
        case "return":
            return f'Return("{escape_bytes(outcome.payload)}")'
        case "user_error":
            return f"UserError({rust_debug(outcome.payload.decode())})"
        case "vm_error":
            return f'VMError("{outcome.payload.decode()}")'
        case _:
            return 'InternalError("")'


def escape_bytes(data: bytes) -> str:
    r"""Show bytes as text: control characters as `\xNN`, what is no UTF-8 as `\NN` a byte, backslashes doubled."""
    out: list[str] = []
    at = 0
    while at < len(data):
        size, code = _take(data, at)
        if code is None:
            out += [f"\\{byte:02x}" for byte in data[at : at + size]]
        elif code < 0x20 or DEL <= code < C1_END:
            out.append(f"\\x{code:02x}")
        else:
            out.append("\\\\" if code == ord("\\") else chr(code))
        at += size
    return "".join(out)


def _take(data: bytes, at: int) -> tuple[int, int | None]:
    """One character: how many bytes it takes, and its code point; None for an invalid sequence.

    A lead byte claims up to 5 continuation bytes; those that are there belong to the sequence even if it is invalid.
    """
    lead = data[at]
    wanted = _claimed(lead)
    if wanted is None:
        return 1, None
    found = 0
    code = lead if wanted == 0 else lead & (0x3F >> wanted)
    while found < wanted and at + 1 + found < len(data) and data[at + 1 + found] & 0xC0 == 0x80:
        code = code << 6 | data[at + 1 + found] & 0x3F
        found += 1
    valid = (
        found == wanted <= 3 and code >= MINIMUM[wanted] and code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    )
    return 1 + found, code if valid else None


def _claimed(lead: int) -> int | None:
    """Continuation bytes that a lead byte claims; None for a byte that is no lead."""
    if lead < 0x80:
        return 0
    ones = next((bit for bit in range(8) if not lead & 0x80 >> bit), 8)
    return ones - 1 if 2 <= ones <= 6 else None


def rust_debug(text: str) -> str:
    r"""A string as Rust's `{:?}` shows it; `'` is left alone."""
    return '"' + "".join(map(_rust_char, text)) + '"'


def _rust_char(char: str) -> str:
    if char in RUST_ESCAPES:
        return RUST_ESCAPES[char]
    plain = char == " " or (char.isprintable() and unicodedata.category(char) not in ("Mn", "Me"))
    return char if plain else f"\\u{{{ord(char):x}}}"


def fingerprint_text(outcome: Outcome) -> str:
    """The line of `--print fingerprint`. The deployed program's names of the parts are not published: ours."""
    if outcome.kind == "return" or outcome.fingerprint is None:
        return "Fingerprint: None"
    return f"Fingerprint: Some({_shown(outcome.fingerprint)})"


def _shown(value: Value | Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{rust_debug(key)}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return (
        value.hex()
        if isinstance(value, bytes)
        else rust_debug(value)
        if isinstance(value, str)
        else str(value)
    )
