"""Part code from memory: a module whose memory starts empty, and what its memory would have held.

An instance of the code module costs nothing but its tables; its memory then comes from an image, mapped
copy on write over the empty one. For that the stack pointer, the only other state, is exported. Names are
dropped here: they are half of what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ...wasm_binary import encode
from ...wasm_binary.cursor import WasmFormatError
from ...wasm_binary.entries import (
    Export,
    Global,
    Kind,
    constant_i32,
    encode_export,
    read_data,
    read_export,
    read_global,
    read_import,
    read_limits,
)
from ...wasm_binary.names import function_names, indices_by_name, one_function
from ...wasm_binary.sections import SectionId, WasmBinary
from ...wasm_binary.value_types import I32
from .code_module import CodeModule, Segment

STACK_POINTER_NAME: Final = "__stack_pointer"
STACK_POINTER: Final = 0  # index of the global
PAGE: Final = 65_536
DROPPED: Final = frozenset({SectionId.DATA, SectionId.CUSTOM})


def split(source: bytes, exports: Sequence[str], names: Mapping[int, str]) -> CodeModule:
    """Take the data segments and the names out; export the stack pointer and functions found by name.

    Args:
        exports: functions to export; the source's own name section says where they are.
        names: to go with the outcome as they are.

    Raises:
        WasmFormatError: malformed, or with state that would be lost (several memories, other mutable globals,
            a start function, passive data, imports that are not functions), or a name is missing or ambiguous.
    """
    binary = WasmBinary.parse(source)
    _check_state(binary)
    memory = _only_memory(binary)
    content = [encode_export(export) for export in _exports(binary, exports)]
    return CodeModule(
        code=binary.rewrite({SectionId.EXPORT: encode.vector(content)}, drop=DROPPED),
        segments=_segments(binary, memory * PAGE),
        memory_pages=memory,
        stack_pointer=_stack_pointer(binary),
        names=names,
    )


def _check_state(binary: WasmBinary) -> None:
    for section_id in (SectionId.START, SectionId.DATA_COUNT):
        if section := binary.find(section_id):
            raise WasmFormatError(section.head, f"no section {section_id.name}")
    if binary.find(SectionId.EXPORT) is None:
        raise WasmFormatError(0, "exports")
    for item in binary.vector(SectionId.IMPORT, read_import):
        if item.kind is not Kind.FUNCTION:
            raise WasmFormatError(0, f"an imported function, not {item.module}.{item.name}")


def _only_memory(binary: WasmBinary) -> int:
    memories = binary.vector(SectionId.MEMORY, read_limits)
    if len(memories) != 1 or memories[0].flags != 0:
        raise WasmFormatError(0, "one 32-bit memory without maximum")
    return memories[0].minimum


def _stack_pointer(binary: WasmBinary) -> int:
    variables: list[Global] = binary.vector(SectionId.GLOBAL, read_global)
    mutable = [index for index, item in enumerate(variables) if item.mutable]
    if mutable != [STACK_POINTER] or variables[STACK_POINTER].type != I32:
        raise WasmFormatError(0, "the stack pointer as the only mutable global")
    return constant_i32(variables[STACK_POINTER].start, 0)


def _exports(binary: WasmBinary, wanted: Sequence[str]) -> list[Export]:
    exports = binary.vector(SectionId.EXPORT, read_export)
    present = {export.name for export in exports}
    indices = indices_by_name(function_names(binary))
    added = [
        Export(name, Kind.FUNCTION, one_function(indices, name)) for name in wanted if name not in present
    ]
    return [*exports, *added, Export(STACK_POINTER_NAME, Kind.GLOBAL, STACK_POINTER)]


def _segments(binary: WasmBinary, memory_size: int) -> tuple[Segment, ...]:
    segments = []
    for item in binary.vector(SectionId.DATA, read_data):
        if item.offset is None:
            raise WasmFormatError(item.start, "active data")
        offset = constant_i32(item.offset, item.start)
        if offset + item.end - item.start > memory_size:
            raise WasmFormatError(item.start, "data inside the memory")
        segments.append(Segment(offset, binary.data[item.start : item.end]))
    return tuple(segments)
