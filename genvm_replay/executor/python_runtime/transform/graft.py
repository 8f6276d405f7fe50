"""Put our own native code beside CPython: Keccak-256 and calldata, see native/native.c.

The scion is a small module that imports functions of the stock by name. Its functions are appended, its calls are
renumbered, and one function of the stock then calls the scion's export instead of what it called. Both keep the stack
pointer in global 0, so they share one stack; other state the scion may not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ...wasm_binary import encode
from ...wasm_binary.cursor import Cursor, WasmFormatError
from ...wasm_binary.entries import (
    Body,
    FunctionType,
    Import,
    Kind,
    read_body,
    read_export,
    read_function_type,
    read_global,
    read_import,
)
from ...wasm_binary.instructions import Search, skip_locals
from ...wasm_binary.names import function_names, indices_by_name, one_function
from ...wasm_binary.opcodes import CALL, RETURN_CALL
from ...wasm_binary.sections import SectionId, WasmBinary
from .recipe import Splice

STATE: Final = (SectionId.TABLE, SectionId.START, SectionId.ELEMENT, SectionId.DATA, SectionId.TAG)
_find_calls: Final = Search([CALL, RETURN_CALL])


class _Functions(NamedTuple):
    """The functions of a module: signatures of all, imported ones first, and the bodies of the others."""

    imported: list[Import]
    types: list[FunctionType]
    type_of: list[int]  # by function index
    bodies: list[Body]

    def signature(self, index: int) -> FunctionType:
        return self.types[self.type_of[index]]


def graft(source: bytes, scion_bytes: bytes, splice: Splice) -> tuple[bytes, Mapping[int, str]]:
    """Append the scion's functions and attach it.

    Returns:
        The new module, and the names of the new functions by index.

    Raises:
        WasmFormatError: the scion has state, or imports what the stock has not or has with another signature.
    """
    stock, scion = WasmBinary.parse(source), WasmBinary.parse(scion_bytes)
    ours, theirs = _read(stock), _read(scion)
    _check_state(scion)
    by_name = indices_by_name(function_names(stock))
    index_of = [_stock_function(item, by_name, ours, theirs) for item in theirs.imported]
    first = len(ours.type_of)
    index_of += range(first, first + len(theirs.bodies))
    types = list(ours.types)
    new_types = [_type_index(types, theirs.signature(i)) for i in _own_indices(theirs)]
    bodies = [source[body.start : body.end] for body in ours.bodies]
    caller = one_function(by_name, splice.caller) - len(ours.imported)
    target = index_of[_exported(scion, splice.to)]
    callee = one_function(by_name, splice.callee)
    bodies[caller] = _renumber(source, ours.bodies[caller], {callee: target})
    moves = dict(enumerate(index_of))
    bodies += [_renumber(scion_bytes, body, moves) for body in theirs.bodies]
    type_of = ours.type_of[len(ours.imported) :] + new_types
    changed = {
        SectionId.TYPE: encode.vector([encode.function_type(*item) for item in types]),
        SectionId.FUNCTION: encode.vector([encode.unsigned(index) for index in type_of]),
        SectionId.CODE: encode.vector([encode.sized(body) for body in bodies]),
    }
    names = {index: f"{splice.to} {number}" for number, index in enumerate(index_of[len(theirs.imported) :])}
    return stock.rewrite(changed), names


def _read(binary: WasmBinary) -> _Functions:
    imports = [i for i in binary.vector(SectionId.IMPORT, read_import) if i.kind is Kind.FUNCTION]
    return _Functions(
        imports,
        binary.vector(SectionId.TYPE, read_function_type),
        [Cursor(item.type).u32() for item in imports] + binary.vector(SectionId.FUNCTION, Cursor.u32),
        binary.vector(SectionId.CODE, read_body),
    )


def _own_indices(functions: _Functions) -> range:
    return range(len(functions.imported), len(functions.type_of))


def _check_state(scion: WasmBinary) -> None:
    for section_id in STATE:
        if section := scion.find(section_id):
            raise WasmFormatError(section.head, f"no section {section_id.name} in native code")
    if [item.mutable for item in scion.vector(SectionId.GLOBAL, read_global)] not in ([], [True]):
        raise WasmFormatError(0, "the stack pointer as the only global of native code")


def _stock_function(item: Import, by_name: dict[str, list[int]], ours: _Functions, theirs: _Functions) -> int:
    index = one_function(by_name, item.name)
    if ours.signature(index) != theirs.types[Cursor(item.type).u32()]:
        raise WasmFormatError(0, f"{item.name} with the signature that native code has for it")
    return index


def _type_index(types: list[FunctionType], signature: FunctionType) -> int:
    if signature not in types:
        types.append(signature)
    return types.index(signature)


def _exported(scion: WasmBinary, name: str) -> int:
    found = [e.index for e in scion.vector(SectionId.EXPORT, read_export) if e.name == name]
    if len(found) != 1:
        raise WasmFormatError(0, f"native code that exports {name}")
    return found[0]


def _renumber(code: bytes, body: Body, moves: Mapping[int, int]) -> bytes:
    """Copy a body, its calls going to other functions as `moves` says."""
    parts: list[bytes] = []
    copied = body.start
    for found in _find_calls(code, skip_locals(code, body.start, body.end), body.end):
        index = Cursor(code, found.immediates, found.end).u32()
        if index in moves:
            parts += code[copied : found.immediates], encode.unsigned(moves[index])
            copied = found.end
    return b"".join([*parts, code[copied : body.end]])
