"""How much one host call may move. The deployed executor has no such bound: a guest of 4 GiB can make it copy 4 GiB."""

from __future__ import annotations

from typing import Final

from .stops import VmError

TRANSFER_BYTES_MAX: Final = 64 << 20  # also what the host's side of the protocol takes in one piece


def check_transfer(size: int) -> None:
    """Check the size of what a host call is to move.

    Raises:
        VmError: `OOM`: more than TRANSFER_BYTES_MAX bytes.
    """
    if size > TRANSFER_BYTES_MAX:
        raise VmError("OOM", f"one call wants to move {size} bytes, the limit is {TRANSFER_BYTES_MAX}")
