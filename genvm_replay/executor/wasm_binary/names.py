"""The function names of the custom section "name" (WebAssembly core 3.0, appendix "Name Section")."""

from __future__ import annotations

from typing import Final

from .cursor import Cursor, WasmFormatError
from .sections import SectionId, WasmBinary

FUNCTION_NAMES: Final = 1  # id of the subsection


def function_names(binary: WasmBinary) -> dict[int, str]:
    """Read function index -> name, in the order of the section; empty if there is no name section.

    Bytes that are not UTF-8 are replaced: names are for people and no part of a module's meaning.
    """
    section = binary.find(SectionId.CUSTOM, "name")
    if section is None:
        return {}
    cursor = Cursor(binary.data, section.start, section.end)
    while cursor.pos < cursor.end:
        number = cursor.byte()
        size = cursor.u32()
        start = cursor.skip(size)
        if number == FUNCTION_NAMES:
            return _name_map(Cursor(binary.data, start, start + size))
    return {}


def indices_by_name(names: dict[int, str]) -> dict[str, list[int]]:
    """Turn the map round. Names repeat: C has static functions."""
    indices: dict[str, list[int]] = {}
    for index, name in names.items():
        indices.setdefault(name, []).append(index)
    return indices


def one_function(indices: dict[str, list[int]], name: str) -> int:
    """Look up a name that exactly one function must have."""
    found = indices.get(name, [])
    if len(found) != 1:
        raise WasmFormatError(0, f"exactly one function named {name!r}, not {len(found)}")
    return found[0]


def _name_map(cursor: Cursor) -> dict[int, str]:
    names: dict[int, str] = {}
    for _ in range(cursor.count()):
        index = cursor.u32()
        names[index] = cursor.take(cursor.u32()).decode(errors="replace")
    cursor.finish("function names")
    return names
