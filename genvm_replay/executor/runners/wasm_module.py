"""What the loader reads in a WebAssembly module: its version section and its name (spec/executor.md 6.1, 6.3)."""

from __future__ import annotations

from typing import Final

from ..wasm_binary import encode
from ..wasm_binary.cursor import Cursor, WasmFormatError
from ..wasm_binary.sections import SectionId, WasmBinary
from .archive import FILE, RUNNER_JSON, VERSION, Archive
from .refusal import NO_MODULE_NAME, refusal
from .version import DEFAULT_TEXT

WASM_MAGIC: Final = encode.HEADER
VERSION_SECTION: Final = "genvm.version"
START_ITSELF: Final = b'{"StartWasm":"file"}'
MODULE_NAME: Final = 0  # id of the subsection of the custom section "name"


def read_wasm(code: bytes) -> Archive:
    """Make the archive that a contract in WebAssembly stands for.

    Raises:
        VmError: its sections can't be told apart.
    """
    section = _parse(code).find(SectionId.CUSTOM, VERSION_SECTION)
    version = DEFAULT_TEXT.encode() if section is None else code[section.start : section.end]
    return Archive({RUNNER_JSON: START_ITSELF, VERSION: version, FILE: code}, len(code))


def module_name(code: bytes) -> str:
    """The name that a module gives itself: others import from it by this name.

    Raises:
        VmError: `invalid_contract wasm` if it has none; `invalid_contract` if it is no module.
    """
    binary = _parse(code)
    try:
        name = _module_name(binary)
    except WasmFormatError:  # engines ignore a damaged name section
        name = None
    if name is None:
        raise refusal("LinkWasm of a module without a name", NO_MODULE_NAME)
    return name


def _module_name(binary: WasmBinary) -> str | None:
    section = binary.find(SectionId.CUSTOM, "name")
    if section is None:
        return None
    cursor = Cursor(binary.data, section.start, section.end)
    while cursor.pos < cursor.end:
        number, size = cursor.byte(), cursor.u32()
        start = cursor.skip(size)
        if number == MODULE_NAME:
            return Cursor(binary.data, start, start + size).name()
    return None


def _parse(code: bytes) -> WasmBinary:
    try:
        return WasmBinary.parse(code)
    except WasmFormatError as error:
        raise refusal(str(error)) from error
