"""What a check says: where, what is wrong, what to do."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

CHECKS: Final = {
    "syntax": "the file is no Python",
    "header": "the comment at the top names no runner, or a version that is none",
    "contract": "there is not exactly one subclass of gl.Contract",
    "field-type": "storage has no layout for the type of a field",
    "undeclared": "an attribute of self is assigned that is no field: it is lost at the end of the call",
    "annotation": "a public method leaves types out, so the schema says `any`",
    "float": "calldata has no fractions: a public method takes or gives a float",
    "storage-in-block": "a function of a nondeterministic block reaches into storage",
    "outside-block": "gl.nondet is used outside of a nondeterministic block",
    "name": "a name that the SDK does not have",
}
"""Every check, with what it finds."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake."""

    line: int  # from 1
    check: str  # a key of CHECKS
    what: str
    fix: str

    @classmethod
    def at(cls, node: ast.AST, check: str, what: str, fix: str) -> Finding:
        """The finding at a place of the source."""
        return cls(getattr(node, "lineno", 1), check, what, fix)
