"""Leave out what a contract cannot import: 99 MB of code become 7, a minute of compilation becomes seconds.

python.wasm links numpy, scipy, pandas and more into one module, in link order, so a package is a range of
function indices. Bodies outside the kept ranges become stubs; no index changes, so tables, exports and the
kept code stay as they are, and what a kept program does is the same to the byte (measured with fuel counts
and memory hashes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Final

from ...wasm_binary import encode
from ...wasm_binary.cursor import Cursor, WasmFormatError
from ...wasm_binary.entries import (
    Body,
    FunctionType,
    Kind,
    imported_functions,
    read_body,
    read_export,
    read_function_type,
)
from ...wasm_binary.instructions import Search, skip_locals
from ...wasm_binary.names import function_names
from ...wasm_binary.opcodes import CALL, REF_FUNC, RETURN_CALL
from ...wasm_binary.sections import SectionId, WasmBinary
from ...wasm_binary.value_types import I32

TRAP_STUB: Final = encode.sized(b"\x00\x00\x0b")  # no locals; unreachable; end
NULL_STUB: Final = encode.sized(b"\x00\x41\x00\x0b")  # no locals; i32.const 0; end
MODULE_INIT: Final = "PyInit_"
MODULE_INIT_TYPE: Final = FunctionType(b"", bytes([I32]))
_find_references: Final = Search([CALL, RETURN_CALL, REF_FUNC])


def slim(source: bytes, keep: Sequence[range]) -> tuple[bytes, Set[int]]:
    """Replace the bodies of unneeded functions by stubs.

    Kept are the functions in `keep`, the exported ones, and what any kept function refers to directly.
    Calls through the table are not followed: a dropped function that is called so traps. An extension
    module's init function returns NULL instead, which `import` reports as an error of its own.

    Returns:
        The new module, and the indices of the functions that are as before, imports included.
    """
    binary = WasmBinary.parse(source)
    imported = imported_functions(binary)
    bodies = binary.vector(SectionId.CODE, read_body)
    exported = [
        item.index for item in binary.vector(SectionId.EXPORT, read_export) if item.kind is Kind.FUNCTION
    ]
    roots = [index for span in keep for index in span if index < imported + len(bodies)] + exported
    kept = _closure(source, bodies, imported, roots)
    null_stubs = _module_inits(binary, imported)
    parts = [encode.unsigned(len(bodies))]
    for index, body in enumerate(bodies, imported):
        if index in kept:
            parts += encode.unsigned(body.end - body.start), source[body.start : body.end]
        else:
            parts.append(NULL_STUB if index in null_stubs else TRAP_STUB)
    return binary.rewrite({SectionId.CODE: b"".join(parts)}), kept.union(range(imported))


def _closure(code: bytes, bodies: Sequence[Body], imported: int, roots: Iterable[int]) -> set[int]:
    kept = set(roots)
    unread = list(kept)
    while unread:
        index = unread.pop()
        if index < imported:
            continue
        if index >= imported + len(bodies):
            raise WasmFormatError(0, f"a function {index} with a body")
        new = set(_references(code, bodies[index - imported])) - kept
        kept |= new
        unread += new
    return kept


def _references(code: bytes, body: Body) -> Iterable[int]:
    start = skip_locals(code, body.start, body.end)
    return [
        Cursor(code, found.immediates, found.end).u32() for found in _find_references(code, start, body.end)
    ]


def _module_inits(binary: WasmBinary, imported: int) -> set[int]:
    """Functions that make an extension module: named PyInit_*, no parameters, one i32."""
    types = binary.vector(SectionId.TYPE, read_function_type)
    type_of = binary.vector(SectionId.FUNCTION, Cursor.u32)
    inits = set()
    for index, name in function_names(binary).items():
        if name.startswith(MODULE_INIT) and imported <= index < imported + len(type_of):
            type_index = type_of[index - imported]
            if type_index < len(types) and types[type_index] == MODULE_INIT_TYPE:
                inits.add(index)
    return inits
