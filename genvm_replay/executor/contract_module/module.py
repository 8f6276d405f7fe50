"""Prepares a contract module: checks the language, writes the rules into the code (spec/executor.md 8.2, 8.3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ..wasm_binary import encode
from ..wasm_binary.cursor import Cursor, WasmFormatError
from ..wasm_binary.entries import (
    Export,
    Import,
    Kind,
    encode_export,
    read_body,
    read_export,
    read_function_type,
    read_import,
)
from ..wasm_binary.sections import SectionId, WasmBinary
from .account import AccountCode
from .assemble import assemble, lengthened
from .bodies import BodyRewriter
from .constants import check_constants
from .custom import module_name, version_text
from .invalid import InvalidContractModule
from .signatures import Signatures

RESERVED: Final = "genvm_replay:"  # no contract may import what we export


@dataclass(frozen=True, slots=True)
class ContractModule:
    """A module that keeps the rules by itself.

    Attributes:
        code: the new bytes. Function indices are those of the original.
        name: from the name section; "" if it gives none. Fingerprints contain it.
        version: text of the first custom section `genvm.version`, not checked.
        function_count: of the original, imported ones included; the new code has as many.
        account: name of the exported i32 global that `account.stop_reason` explains after an `unreachable` trap.
        memory: name under which we export its memory, whether it does or not; None: it has none.
    """

    code: bytes
    name: str
    version: str | None
    function_count: int
    account: str
    memory: str | None


def prepare_contract_module(code: bytes, *, deterministic: bool) -> ContractModule:
    """Check and rewrite a module. The new code is valid if the original is: that is for the engine to say, before.

    Args:
        deterministic: let arithmetic on floats trap.

    Raises:
        InvalidContractModule: the module is malformed or uses what contracts may not.
    """
    try:
        return _prepare(WasmBinary.parse(code), deterministic)
    except WasmFormatError as error:
        raise InvalidContractModule(error.offset, f"not {error.expected}") from error


def _prepare(binary: WasmBinary, deterministic: bool) -> ContractModule:
    imports = binary.vector(SectionId.IMPORT, read_import)
    exports = binary.vector(SectionId.EXPORT, read_export)
    check_constants(binary)
    _check_imports(imports)
    defined = binary.vector(SectionId.FUNCTION, Cursor.u32)
    imported = [Cursor(item.type).u32() for item in imports if item.kind is Kind.FUNCTION]
    signatures = Signatures(binary.vector(SectionId.TYPE, read_function_type), imported + defined)
    bodies = binary.vector(SectionId.CODE, read_body)
    if len(bodies) != len(defined):
        raise InvalidContractModule(0, f"{len(bodies)} bodies for {len(defined)} functions")

    index = sum(item.kind is Kind.GLOBAL for item in imports) + binary.cursor(SectionId.GLOBAL).count()
    taken = {export.name for export in exports}
    account, added_exports = AccountCode(index), [Export(_unused(taken, "account"), Kind.GLOBAL, index)]
    if any(item.kind is Kind.MEMORY for item in imports) or binary.cursor(SectionId.MEMORY).count():
        added_exports.append(Export(_unused(taken, "memory"), Kind.MEMORY, 0))
    rewriter = BodyRewriter(binary.data, signatures, account, deterministic=deterministic)
    rewritten = [
        encode.sized(rewriter.rewrite(body, signatures.type(type_index, body.start)))
        for body, type_index in zip(bodies, defined, strict=True)
    ]
    added = {
        SectionId.GLOBAL: [account.declaration],
        SectionId.EXPORT: [encode_export(export) for export in added_exports],
        **({SectionId.TYPE: rewriter.added_types} if rewriter.added_types else {}),
    }
    changed = {section_id: lengthened(binary, section_id, items) for section_id, items in added.items()}
    if bodies:
        changed[SectionId.CODE] = encode.vector(rewritten)
    return ContractModule(
        code=assemble(binary, changed),
        name=module_name(binary),
        version=version_text(binary),
        function_count=len(signatures.functions),
        account=added_exports[0].name,
        memory=added_exports[1].name if added_exports[1:] else None,
    )


def _check_imports(imports: Collection[Import]) -> None:
    """Another module exports our global, but for its contract it does not exist: as an import, it is unresolved."""
    for item in imports:
        if item.name.startswith(RESERVED):
            raise InvalidContractModule(0, f"an import of the unknown {item.name!r}")


def _unused(taken: Collection[str], what: str) -> str:
    name = RESERVED + what
    while name in taken:
        name += "'"
    return name
