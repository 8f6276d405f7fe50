"""All steps of the transformation, one after the other."""

from __future__ import annotations

from ...wasm_binary.names import function_names
from ...wasm_binary.sections import WasmBinary
from .code_module import CodeModule
from .harden import harden
from .recipe import Recipe
from .slim import slim
from .split import split


def transform(source: bytes, recipe: Recipe) -> CodeModule:
    """Make the code module and its start state. The same input gives the same bytes, on every machine.

    Raises:
        WasmFormatError: the source is malformed or not of the expected make.
    """
    slimmed, kept = slim(source, recipe.keep)
    hardened, moved = harden(slimmed, recipe.framed)
    all_names = function_names(WasmBinary.parse(slimmed))
    names = {index: name for index, name in all_names.items() if index in kept}
    names |= {new: f"{all_names[old]} (unframed)" for old, new in moved.items()}
    return split(hardened, recipe.exports, names)
