"""Environment variables of a VM: `${NAME}` in values, bounded growth (spec/executor.md 6.3)."""

from __future__ import annotations

import re
from typing import Final

from .refusal import refusal, shown

TOTAL_SIZE_MAX: Final = 16 << 20
"""Characters of all values together. Values may repeat earlier ones: without a bound, 40 lines make a terabyte."""
_REFERENCE: Final = re.compile(r"\$\{(?:([A-Za-z0-9_]+)|ENV\[[A-Za-z0-9_]*\])\}")


class Environment:
    """The variables set so far. Later ones override."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._size = 0

    def add(self, name: str, template: str) -> None:
        """Set a variable.

        In the template `${NAME}` is an earlier variable of this VM, `${ENV[NAME]}` is nothing, and all else is itself.

        Raises:
            VmError: `invalid_contract`: an unknown variable; `OOM`: more than TOTAL_SIZE_MAX.
        """
        pieces: list[str] = []
        end = 0
        for match in _REFERENCE.finditer(template):
            pieces += [template[end : match.start()], self._value(match[1])]
            end = match.end()
        pieces.append(template[end:])
        self._size += len(name) + sum(map(len, pieces))
        if self._size > TOTAL_SIZE_MAX:
            raise refusal(f"environment variables of more than {TOTAL_SIZE_MAX} characters", "OOM")
        self._values[name] = "".join(pieces)

    def _value(self, name: str | None) -> str:
        if name is None:
            return ""
        if name not in self._values:
            raise refusal(f"AddEnv: there is no variable {shown(name)}")
        return self._values[name]

    def lines(self) -> tuple[str, ...]:
        """`NAME=VALUE`, sorted by name."""
        return tuple(f"{name}={self._values[name]}" for name in sorted(self._values))
