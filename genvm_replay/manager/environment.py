"""Variables of the service that callers may set: those of an allow-list (spec/manager-modules.md 6.3, `POST /env`).

Modules that are started later inherit them, and `${ENV[...]}` in their configuration reads them. A variable that steers
a loader, an interpreter or this service would be a way to run code here, so names are allowed, not forbidden.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from ..errors import UsageError
from .refusals import Forbidden

ALLOWED: Final = ("*KEY", "DEBUG_MODE")  # keys of providers, as deployed configurations name them
NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,127}")
NEVER: Final = ("LD_*", "DYLD_*", "PYTHON*", "GENVM_*", "PATH")
VALUE_CHARS_MAX: Final = 32 << 10


class Environment:
    """The environment of this process."""

    def __init__(self, variables: MutableMapping[str, str], allowed: Sequence[str]) -> None:
        """
        Args:
            allowed: patterns of names, `*` for any characters.
        """
        self._variables = variables
        self._allowed = tuple(allowed)

    def set(self, name: str, value: str) -> None:
        """Set a variable.

        Raises:
            Forbidden: its name is not allowed. UsageError: no name or value of a variable.
        """
        if not NAME.fullmatch(name):
            raise UsageError("key: not the name of a variable: letters, digits and _")
        if not self._allows(name):
            raise Forbidden(f"{name}: this service does not let callers set it; see --allow-env")
        try:
            self._variables[name] = value
        except (ValueError, UnicodeError) as error:
            raise UsageError("value: it can't be the value of a variable") from error

    def shared(self) -> dict[str, str]:
        """What a request may use, as `${ENV[NAME]}`: a caller who names a provider's host must not read the rest."""
        return {name: value for name, value in self._variables.items() if self._allows(name)}

    def _allows(self, name: str) -> bool:
        return any(fnmatchcase(name, one) for one in self._allowed) and not any(
            fnmatchcase(name, one) for one in NEVER
        )
