"""The one error for a module that is no contract."""

from __future__ import annotations

from ...errors import ReplayError


class InvalidContractModule(ReplayError):
    """A module is malformed or uses what contracts may not; the VM error is `invalid_contract`.

    Attributes:
        offset: from the start of the module's bytes.
        reason: what is wrong there.
    """

    def __init__(self, offset: int, reason: str) -> None:
        self.offset = offset
        self.reason = reason
        super().__init__(f"not a contract module: at offset {offset:#x}, {reason}")
