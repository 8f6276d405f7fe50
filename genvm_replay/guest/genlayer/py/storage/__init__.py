"""Persistent data of a contract (sdk.md section 2). Same bytes as the network's SDK, written in the same order."""

from genlayer.py.storage.annotations import allow_storage
from genlayer.py.storage.indirection import VLA, Indirection
from genlayer.py.storage.memory import copy_to_memory, generate_storage, inmem_allocate
from genlayer.py.storage.root import Root
from genlayer.py.storage.slot import ROOT_SLOT_ID, InmemManager, Manager, Slot
from genlayer.py.storage.tree_map import TreeMap
from genlayer.py.storage.types_table import register_known_types
from genlayer.py.storage.vec import Array, DynArray

__all__ = (
    "ROOT_SLOT_ID",
    "VLA",
    "Array",
    "DynArray",
    "Indirection",
    "InmemManager",
    "Manager",
    "Root",
    "Slot",
    "TreeMap",
    "allow_storage",
    "copy_to_memory",
    "generate_storage",
    "inmem_allocate",
)

register_known_types()
generate_storage(Root)
