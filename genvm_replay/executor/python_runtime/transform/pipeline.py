"""All steps of the transformation, one after the other."""

from __future__ import annotations

from collections.abc import Mapping

from ...wasm_binary.names import function_names
from ...wasm_binary.sections import WasmBinary
from .code_module import CodeModule
from .graft import graft
from .harden import harden
from .recipe import NATIVE, Recipe
from .slim import slim
from .split import split


def transform(source: bytes, recipe: Recipe) -> CodeModule:
    """Make the code module and its start state. The same input gives the same bytes, on every machine.

    Raises:
        WasmFormatError: the source is malformed or not of the expected make.
    """
    slimmed, kept = slim(source, recipe.keep)
    added: Mapping[int, str] = {}
    if recipe.native is not None:
        slimmed, added = graft(slimmed, NATIVE.read_bytes(), recipe.native)
    hardened, moved = harden(slimmed, recipe.framed)
    all_names = function_names(WasmBinary.parse(slimmed))
    names = {index: name for index, name in all_names.items() if index in kept}
    names |= added
    names |= {new: f"{all_names[old]} (unframed)" for old, new in moved.items()}
    return split(hardened, recipe.exports, names)
