"""What custom sections say about a module: its name and its version (spec/executor.md 2.3, 6.1)."""

from __future__ import annotations

from typing import Final

from ..wasm_binary.cursor import Cursor, WasmFormatError
from ..wasm_binary.sections import SectionId, WasmBinary

NAMES: Final = "name"
VERSION: Final = "genvm.version"
MODULE_NAME: Final = 0  # id of the subsection


def module_name(binary: WasmBinary) -> str:
    """Read the module's name from its name section; "" if there is none that can be read."""
    try:
        cursor = binary.cursor(SectionId.CUSTOM, NAMES)
        while binary.find(SectionId.CUSTOM, NAMES) and cursor.pos < cursor.end:
            number, size = cursor.byte(), cursor.u32()
            start = cursor.skip(size)
            if number == MODULE_NAME:
                return Cursor(binary.data, start, start + size).name()
    except WasmFormatError:
        pass  # names are for people: a damaged section is like none
    return ""


def version_text(binary: WasmBinary) -> str | None:
    """Read the first section `genvm.version`; what is not UTF-8 becomes U+FFFD, which no version contains."""
    section = binary.find(SectionId.CUSTOM, VERSION)
    return None if section is None else binary.data[section.start : section.end].decode(errors="replace")
