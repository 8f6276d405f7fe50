"""The error of a module: what a contract may catch, or what ends its run (spec/manager-modules.md 1.3, 5.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import ReplayError


class ModuleError(ReplayError):
    """A request that a module could not answer.

    Attributes:
        causes: codes such as `TLD_FORBIDDEN`, the outermost layer's first.
        fatal: ends the run with an internal error; else the contract gets the error and may go on.
        ctx: facts for people and scripts: strings, bytes, whole numbers, booleans, None, and lists and maps of them.
            Never a secret.
    """

    def __init__(self, *causes: str, fatal: bool = False, ctx: Mapping[str, Any] | None = None) -> None:
        self.causes = causes
        self.fatal = fatal
        self.ctx = dict(ctx or {})
        super().__init__(": ".join(causes))

    def wrapped(self, cause: str, *, fatal: bool = False) -> ModuleError:
        """The same error as an outer layer tells it: its cause comes first, and fatal stays fatal."""
        return ModuleError(cause, *self.causes, fatal=self.fatal or fatal, ctx=self.ctx)

    def to_text(self) -> str:
        """The text of a `FatalError`: JSON with `causes`, `fatal` and `ctx`; bytes as Latin-1 text."""
        facts = {"causes": list(self.causes), "fatal": self.fatal, "ctx": self.ctx}
        return json.dumps(facts, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
