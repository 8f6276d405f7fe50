"""Who takes and leaves how much: the types of a module's functions and blocks (WebAssembly core 3.0, 5.4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from ..wasm_binary.cursor import Cursor
from ..wasm_binary.entries import FunctionType
from ..wasm_binary.value_types import VALUE_TYPES
from .invalid import InvalidContractModule
from .language import VOID


@dataclass(frozen=True, slots=True)
class Signatures:
    """Types by index, and the type's index for every function, the imported ones first."""

    types: list[FunctionType]
    functions: list[int]

    def type(self, index: int, offset: int) -> FunctionType:
        """Look up a type; `offset` is blamed if it does not exist."""
        if index >= len(self.types):
            raise InvalidContractModule(offset, f"type {index} of {len(self.types)}")
        return self.types[index]

    def function(self, index: int, offset: int) -> FunctionType:
        """Look up the type of a function."""
        if index >= len(self.functions):
            raise InvalidContractModule(offset, f"function {index} of {len(self.functions)}")
        return self.type(self.functions[index], offset)

    def block(self, code: bytes, start: int, end: int) -> FunctionType:
        """Read the type of a block from its immediate."""
        first = code[start]
        if first == VOID:
            return FunctionType(b"", b"")
        if first in VALUE_TYPES:
            return FunctionType(b"", bytes([first]))
        return self.type(Cursor(code, start, end).u32(), start)
