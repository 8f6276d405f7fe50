"""Rarely needed: what the usual interface does with more care (sdk.md section 1.9)."""

import sys
import typing

from genlayer.gl._internal.gl_call import perform

__all__ = ("emit_raw_event", "user_error_immediate")


def user_error_immediate(reason: str) -> typing.NoReturn:
    """End the transaction as a UserError does, but here and now: no `except` and no `finally` runs."""
    sys.stdout.flush()
    sys.stderr.flush()
    perform({"Rollback": reason})
    raise SystemError("the host came back from Rollback")


def emit_raw_event(topics: list[bytes], blob: typing.Any) -> None:
    """Emit an event with topics of 32 bytes each, at most 4."""
    perform({"EmitEvent": {"topics": topics, "blob": blob}})
