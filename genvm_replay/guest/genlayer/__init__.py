"""GenLayer contracts in Python. A contract begins with `from genlayer import *` (sdk.md section 1.1)."""

import typing

from genlayer.py.storage import Array, DynArray, TreeMap, allow_storage
from genlayer.py.types import *

if typing.TYPE_CHECKING:
    import genlayer.gl as gl  # noqa: PLR0402
else:

    class _GlOnDemand:
        """Stands for the module `genlayer.gl` until something needs it: plain tools import this package too.

        Importing `genlayer.gl`, which the runner does first, puts the module itself in this place.
        """

        def __getattr__(self, name: str) -> typing.Any:
            import genlayer.gl

            return getattr(genlayer.gl, name)

    gl = _GlOnDemand()

__all__ = (
    "Address",
    "Array",
    "DynArray",
    "Keccak256",
    "TreeMap",
    "allow_storage",
    "bigint",
    "gl",
    "i104",
    "i112",
    "i120",
    "i128",
    "i136",
    "i144",
    "i152",
    "i16",
    "i160",
    "i168",
    "i176",
    "i184",
    "i192",
    "i200",
    "i208",
    "i216",
    "i224",
    "i232",
    "i24",
    "i240",
    "i248",
    "i256",
    "i32",
    "i40",
    "i48",
    "i56",
    "i64",
    "i72",
    "i8",
    "i80",
    "i88",
    "i96",
    "u104",
    "u112",
    "u120",
    "u128",
    "u136",
    "u144",
    "u152",
    "u16",
    "u160",
    "u168",
    "u176",
    "u184",
    "u192",
    "u200",
    "u208",
    "u216",
    "u224",
    "u232",
    "u24",
    "u240",
    "u248",
    "u256",
    "u32",
    "u40",
    "u48",
    "u56",
    "u64",
    "u72",
    "u8",
    "u80",
    "u88",
    "u96",
)
