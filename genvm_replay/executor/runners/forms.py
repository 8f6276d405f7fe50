"""Contract code to archive: zip, then wasm, then text (spec/executor.md 6.1)."""

from __future__ import annotations

from typing import Final

from .archive import Archive
from .text_archive import read_text
from .wasm_module import WASM_MAGIC, read_wasm
from .zip_archive import read_zip

NO_VERSION: Final = "v*.*.*"


def read_contract(code: bytes) -> Archive:
    """Read contract code, whatever its form.

    What its `version` and its `runner.json` say is not looked at yet.

    Raises:
        VmError: `invalid_contract`, with the detail that the protocol knows.
    """
    archive = read_zip(code)
    if archive is not None:
        return archive
    return read_wasm(code) if code.startswith(WASM_MAGIC) else read_text(code)


def version_pattern(code: bytes) -> str:
    """What `parse-version-pattern` prints: the version file just as it stands (spec/executor.md 1.4).

    Raises:
        VmError: no contract, or its version file is no UTF-8.
    """
    text = read_contract(code).version_text
    return NO_VERSION if text is None else text
