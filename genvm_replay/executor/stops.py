"""Why a VM stopped before its entry function returned: raised inside host functions, never seen by a guest."""

from __future__ import annotations

from typing import Final

TIMEOUT: Final = "timeout"
"""The VM error of a run that was stopped from outside (spec/executor.md 1.6)."""


class GuestStop(Exception):
    """Base: the host function unwinds the whole VM with a trap and the supervisor reads this."""


class Returned(GuestStop):
    """gl_call Return: the VM's result is this calldata (spec/executor.md 4.2)."""

    def __init__(self, calldata: bytes) -> None:
        super().__init__("return")
        self.calldata = calldata


class RolledBack(GuestStop):
    """gl_call Rollback: a user error with this message."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Exited(GuestStop):
    """wasip1 proc_exit. 0 is a Return of null; the status is at most 125 (spec/executor.md 7.2)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit {status}")
        self.status = status


class InternalFailure(GuestStop):
    """No result of a contract: something around it failed. Ends every VM of the run (spec/executor.md 2.4)."""


class VmError(GuestStop):
    """The VM fails with this message (spec/executor.md 2.4)."""

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
