"""Make deep recursion end at the same point on every engine.

CPython stops runaway recursion by looking at the stack pointer of the *linear* memory. A function that
never moves it is invisible to that guard, and recursion through it ends where the engine's native stack
ends: another place in each build, so not deterministic. Of CPython's recursions only the chains through
`_Py_Dealloc` are of that kind (found by checking all callers of `_Py_CheckRecursiveCall`; tested with
300,000 levels on all builds). Each listed function gets a wrapper that takes a frame of linear memory,
calls it, and gives the frame back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from ...wasm_binary import encode
from ...wasm_binary.cursor import Cursor, WasmFormatError
from ...wasm_binary.entries import (
    FunctionType,
    imported_functions,
    read_body,
    read_function_type,
)
from ...wasm_binary.names import function_names, indices_by_name, one_function
from ...wasm_binary.sections import SectionId, WasmBinary

STACK_POINTER: Final = 0  # index of the global; clang and wasm-ld put it first
SUB: Final = b"\x6b"  # i32.sub
ADD: Final = b"\x6a"  # i32.add
FRAME_SIZE: Final = 16  # the stack alignment of the C ABI, so the smallest frame


def harden(source: bytes, framed: Collection[str]) -> tuple[bytes, Mapping[int, int]]:
    """Give the named functions a stack frame of FRAME_SIZE bytes each.

    A wrapper takes the place, and so the index, of its function: direct calls, the table and exports all
    reach it. The function itself moves to a new index at the end.

    Returns:
        The new module, and where functions moved: the index that the wrapper has now -> that of the function.
    """
    binary = WasmBinary.parse(source)
    imported = imported_functions(binary)
    types = binary.vector(SectionId.TYPE, read_function_type)
    type_of = binary.vector(SectionId.FUNCTION, Cursor.u32)
    bodies = [
        encode.sized(source[body.start : body.end]) for body in binary.vector(SectionId.CODE, read_body)
    ]
    if len(bodies) != len(type_of):
        raise WasmFormatError(0, "as many function bodies as declared functions")
    moved = _moves(binary, framed, imported, len(bodies))
    for index in moved:
        position = index - imported
        if type_of[position] >= len(types):
            raise WasmFormatError(0, f"a type {type_of[position]}")
        bodies.append(bodies[position])
        bodies[position] = encode.sized(_wrapper(moved[index], types[type_of[position]]))
        type_of.append(type_of[position])
    changed = {
        SectionId.FUNCTION: encode.vector([encode.unsigned(type_index) for type_index in type_of]),
        SectionId.CODE: encode.vector(bodies),
    }
    return binary.rewrite(changed), moved


def _moves(binary: WasmBinary, framed: Collection[str], imported: int, count: int) -> dict[int, int]:
    indices = indices_by_name(function_names(binary))
    found = sorted(one_function(indices, name) for name in framed)
    for index in found:
        if not imported <= index < imported + count:
            raise WasmFormatError(0, f"a function {index} with a body")
    return {index: imported + count + position for position, index in enumerate(found)}


def _wrapper(target: int, signature: FunctionType) -> bytes:
    """`sp -= FRAME_SIZE; target(all parameters); sp += FRAME_SIZE`, results stay on the operand stack."""
    pointer = encode.unsigned(STACK_POINTER)
    take = b"\x23" + pointer + b"\x41" + encode.signed(FRAME_SIZE)  # global.get, i32.const
    put = b"\x24" + pointer  # global.set
    parameters = b"".join(b"\x20" + encode.unsigned(index) for index in range(len(signature.params)))
    call = b"\x10" + encode.unsigned(target)
    return b"\x00" + take + SUB + put + parameters + call + take + ADD + put + b"\x0b"
