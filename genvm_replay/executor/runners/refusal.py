"""The VM errors of preparation (spec/executor.md 2.4), with the reason for people beside them.

Whatever goes wrong here is `invalid_contract`, except where a cause is a VM error already: that one wins, so nothing
here catches a VmError.
"""

from __future__ import annotations

from typing import Final

from ...errors import GuestFault
from ..stops import VmError

INVALID: Final = "invalid_contract"
NOT_UTF8: Final = "invalid_contract not_utf8_text"
NO_RUNNER_COMMENT: Final = "invalid_contract absent_runner_comment"
NO_MODULE_NAME: Final = "invalid_contract wasm"
SHOWN_MAX: Final = 80  # characters of a guest's text that a reason repeats


class NothingStarted(GuestFault):
    """The actions ended without a StartWasm: an internal error in the deployed executor, no VM error."""


def refusal(cause: str, message: str = INVALID) -> VmError:
    """The VM error for contract code or a runner that can't be used."""
    return VmError(message, cause)


def shown(text: str) -> str:
    """A guest's text as a reason may repeat it: short, quoted, ASCII."""
    return ascii(text) if len(text) <= SHOWN_MAX else ascii(text[:SHOWN_MAX]) + "..."
