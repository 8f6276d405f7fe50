"""The root record of a contract's store, in slot 0 (sdk.md sections 2.1, 2.7)."""

import typing

from genlayer.py.storage.annotations import allow_storage, describe
from genlayer.py.storage.indirection import VLA, Indirection
from genlayer.py.storage.slot import ROOT_SLOT_ID, Manager, Slot
from genlayer.py.types import Address, u8, u256

_C = typing.TypeVar("_C")


@allow_storage
class Root:
    """Where the contract instance, its code, and the rules of upgrades are."""

    MANAGER: typing.ClassVar[Manager]  # the host-backed one, set when `genlayer.gl` is imported

    contract_instance: Indirection[None]
    code: Indirection[VLA[u8]]
    locked_slots: Indirection[VLA[u256]]
    upgraders: Indirection[VLA[Address]]

    @staticmethod
    def get() -> "Root":
        """Give the root of this contract's store."""
        root: Root = describe(Root).get(Slot(ROOT_SLOT_ID, Root.MANAGER), 0)
        return root

    def slot(self) -> Slot:
        """Give the root slot."""
        return typing.cast("Slot", self._gl_slot)  # type: ignore[attr-defined]

    def get_contract_instance(self, cls: type[_C], /) -> _C:
        """Give the contract as a view of class `cls`. Runs no constructor."""
        instance: _C = describe(cls).get(self.contract_instance.slot(), 0)
        return instance

    def lock_default(self) -> None:
        """Keep everyone but upgraders from writing to root, code, locked slots and upgraders."""
        locked = self.locked_slots.get()
        for slot in (self.slot(), self.code.slot(), self.locked_slots.slot(), self.upgraders.slot()):
            locked.append(u256(slot.as_int()))
