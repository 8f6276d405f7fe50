"""storage_read and storage_write (spec/executor.md 4.1)."""

from __future__ import annotations

from typing import Final

from ...journal.events import StorageRead, StorageWrite
from ..guest import Guest
from ..transfer import check_transfer
from .asking import ask, ask_bytes
from .errno import Errno

SLOT_SIZE: Final = 32
END_MAX: Final = 0xFFFF_FFFF  # index + length must not pass it: byte 2**32 - 1 of a slot can't be reached


def storage_read(guest: Guest, slot_ptr: int, index: int, buffer_ptr: int, length: int) -> Errno:
    """Copy `length` bytes of a slot, from `index` on, to the guest; unwritten bytes are zero.

    The buffer is checked before the host is asked, so that a bad pointer can't make the host read in vain.
    """
    rights = guest.rights
    if not (rights.deterministic and rights.read_storage):
        return Errno.FORBIDDEN
    if index + length > END_MAX:
        return Errno.INVAL
    check_transfer(length)
    memory = guest.memory
    slot = memory.read(slot_ptr, SLOT_SIZE)
    memory.span(buffer_ptr, length)
    request = StorageRead(rights.state, guest.message.contract_address, slot, index, length)
    memory.write(buffer_ptr, ask_bytes(guest.effects, request, length))
    return Errno.SUCCESS


def storage_write(guest: Guest, slot_ptr: int, index: int, buffer_ptr: int, length: int) -> Errno:
    """Write `length` bytes into a slot of the contract that the transaction runs, unless the slot is locked."""
    rights = guest.rights
    if not (rights.deterministic and rights.write_storage):
        return Errno.FORBIDDEN
    if index + length > END_MAX:
        return Errno.INVAL
    check_transfer(length)
    memory = guest.memory
    slot = memory.read(slot_ptr, SLOT_SIZE)
    if slot in guest.run.locked_slots:
        return Errno.FORBIDDEN
    data = memory.read(buffer_ptr, length)
    ask(guest.effects, StorageWrite(slot, index, data))
    guest.run.delta.write(slot, index, data)
    return Errno.SUCCESS
