"""Rewrites function bodies: banned floats trap, calls are counted (spec/executor.md 8.2, 8.3).

A function that calls others charges the account at its entry and gives back at every exit. Its body becomes

    charge; block (results) ...the body, with its own `end`... give back; end

The block is as deep as the function was, so branches to the function's level end at it, and their indices stay; each
`return` and tail call gives back first. A function without calls only checks the account: nobody reads it meanwhile.
"""

from __future__ import annotations

from typing import Final

from ..wasm_binary import encode
from ..wasm_binary.cursor import Cursor
from ..wasm_binary.entries import FUNCTION_TYPE, Body, FunctionType
from ..wasm_binary.instructions import Instruction
from ..wasm_binary.opcodes import BRANCH_TABLE, CALL, END
from ..wasm_binary.value_types import VALUE_TYPES, read_value_type
from .account import SLOTS_MAX, AccountCode
from .exact_height import exact_height
from .invalid import InvalidContractModule
from .language import (
    BLOCK,
    CALL_INDIRECT,
    FLOAT_ARITHMETIC,
    RETURN,
    TAIL_CALLS,
    VOID,
)
from .quick_height import TokenEffects, quick_height, tokens_of
from .scan import Scan
from .signatures import Signatures

TYPE_BYTES: Final = bytes(VALUE_TYPES)
CALLS: Final = frozenset([CALL, CALL_INDIRECT])
EXITS: Final = frozenset([RETURN, *TAIL_CALLS])
_calls: Final = Scan(CALLS)
_exits: Final = Scan(EXITS)
_exits_and_floats: Final = Scan(EXITS | FLOAT_ARITHMETIC)


class BodyRewriter:
    """Rewrites the bodies of one module."""

    def __init__(
        self, data: bytes, signatures: Signatures, account: AccountCode, *, deterministic: bool
    ) -> None:
        self._data = data
        self._signatures = signatures
        self._account = account
        self._effects = TokenEffects(signatures)
        self._banned = FLOAT_ARITHMETIC if deterministic else frozenset[int]()
        self._scan = _exits_and_floats if deterministic else _exits
        self._result_types: dict[bytes, bytes] = {}
        self.added_types: list[bytes] = []
        """Types to append to the module's: blocks with several results need one."""

    def rewrite(self, body: Body, function: FunctionType) -> bytes:
        """Make the new body, without its size.

        Raises:
            InvalidContractModule, WasmFormatError: the body is malformed, uses what contracts may not, or needs more
                slots than there are.
        """
        data = self._data
        count, start = _locals(data, body)
        found = list(self._scan(data, start, body.end))
        slots = count + self._height(start, body.end, found, function)
        if slots > SLOTS_MAX:
            raise InvalidContractModule(body.start, f"a function of {slots} slots, at most {SLOTS_MAX}")
        declared = data[body.start : start]
        if not any(item.opcode in CALLS for item in _calls(data, start, body.end)):
            return b"".join(
                [declared, self._account.check(slots), *self._edited(start, body.end, found, b"")]
            )
        leave = self._account.give_back(slots)
        return b"".join(
            [
                declared,
                self._account.charge(slots),
                bytes([BLOCK]),
                self._block_type(function.results),
                *self._edited(start, body.end, found, leave),
                leave,
                bytes([END]),
            ]
        )

    def _height(self, start: int, end: int, found: list[Instruction], function: FunctionType) -> int:
        tables = [item for item in found if item.opcode == BRANCH_TABLE]
        tokens = tokens_of(self._data, start, end, tables)
        height = quick_height(tokens, len(function.results), self._effects)
        return exact_height(self._data, start, end, function, self._signatures) if height is None else height

    def _edited(self, start: int, end: int, found: list[Instruction], leave: bytes) -> list[bytes]:
        """The body with `leave` before its exits, and a trap before banned floats."""
        parts: list[bytes] = []
        for item in found:
            inserted = leave if item.opcode in EXITS else self._account.stop_float
            if inserted and item.opcode in EXITS | self._banned:
                parts += [self._data[start : item.start], inserted]
                start = item.start
        return [*parts, self._data[start:end]]

    def _block_type(self, results: bytes) -> bytes:
        if len(results) <= 1:
            return results or bytes([VOID])
        known = self._result_types.get(results)
        if known is None:
            index = len(self._signatures.types) + len(self.added_types)
            self.added_types.append(bytes([FUNCTION_TYPE, 0]) + encode.sized(results))
            known = self._result_types[results] = encode.signed(index)
        return known


def _locals(data: bytes, body: Body) -> tuple[int, int]:
    """How many locals a body declares, and where its instructions begin."""
    cursor = Cursor(data, body.start, body.end)
    groups = cursor.count()
    start, end = cursor.pos, cursor.pos + 2 * groups
    counts, types = data[start:end:2], data[start + 1 : end : 2]
    if end <= body.end and counts.isascii() and not types.strip(TYPE_BYTES):
        return sum(counts), end
    count = 0
    for _ in range(groups):
        count += cursor.u32()
        read_value_type(cursor)
    return count, cursor.pos
