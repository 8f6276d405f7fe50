"""The same maximum as `exact_height`, about ten times faster, for valid bodies without unreachable code.

One regular expression cuts a body into tokens: an instruction, or a jump with the `end` or `else` after it. A table
turns tokens into numbers: a change of height, or a code from SPECIAL on. So most instructions cost one addition and one
comparison. Where nothing jumps, the height at an `end` is right by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from ..wasm_binary.cursor import Cursor, WasmFormatError
from ..wasm_binary.instructions import Instruction
from ..wasm_binary.opcodes import BRANCH_TABLE, END, PREFIX_MIN, pattern
from .invalid import InvalidContractModule
from .language import BLOCK, CALL_INDIRECT, CONTROL, EFFECTS, ELSE, IF, JUMPS, LOOP
from .signatures import Signatures

SPECIAL: Final = 1 << 24  # above any height: bodies are smaller
END_LIVE, ENTER, JUMP_END, ANY_ELSE, UNKNOWN = range(SPECIAL, 6 * SPECIAL, SPECIAL)
AFTER_JUMP: Final = {END: JUMP_END, ELSE: ANY_ELSE}


# What matches no pattern is a token of one byte and leads to UNKNOWN.
_TOKEN: Final = b"|".join([pattern(EFFECTS), pattern(CONTROL), pattern(JUMPS) + rb"[\x05\x0b]", b"."])
_tokens: Final = re.compile(_TOKEN, re.DOTALL).findall
_effect: Final = re.compile(pattern(EFFECTS), re.DOTALL)


class _Block(NamedTuple):
    operands: int  # the parameters, and the condition of an `if`
    params: int
    results: int


class TokenEffects(dict[bytes, int]):
    """Token -> its number. Fills itself: a module has far fewer different tokens than instructions."""

    def __init__(self, signatures: Signatures) -> None:
        super().__init__({bytes([END]): END_LIVE, bytes([ELSE]): ANY_ELSE})
        self.signatures = signatures
        self.blocks: list[_Block] = []
        """Kinds of blocks; ENTER and the position in this list make the number of a token."""

    def __missing__(self, token: bytes) -> int:
        try:
            number = self._number(token)
        except (InvalidContractModule, WasmFormatError):
            number = UNKNOWN
        self[token] = number
        return number

    def _number(self, token: bytes) -> int:
        opcode = token[0]
        if _effect.fullmatch(token):
            pops, pushes = EFFECTS[opcode if opcode < PREFIX_MIN else opcode << 16 | Cursor(token, 1).u32()]
            return pushes - pops
        if len(token) == 1:
            return UNKNOWN
        if opcode in JUMPS or opcode == BRANCH_TABLE:
            return AFTER_JUMP.get(token[-1], UNKNOWN)
        if opcode in (BLOCK, LOOP, IF):
            block = self.signatures.block(token, 1, len(token))
            params, results = len(block.params), len(block.results)
            self.blocks.append(_Block(params + (opcode == IF), params, results))
            return ENTER + len(self.blocks) - 1
        index = Cursor(token, 1).u32()
        indirect = opcode == CALL_INDIRECT
        called = (self.signatures.type if indirect else self.signatures.function)(index, 0)
        return len(called.results) - len(called.params) - indirect


def tokens_of(code: bytes, start: int, end: int, branch_tables: Iterable[Instruction]) -> list[bytes]:
    """Cut `code[start:end]` into tokens. A br_table, of any length, becomes a short one.

    Args:
        branch_tables: all of them, in order.
    """
    tokens: list[bytes] = []
    for table in branch_tables:
        tokens += _tokens(code, start, table.start)
        start = table.end + 1
        tokens.append(bytes([BRANCH_TABLE]) + code[table.end : start])
    return tokens + _tokens(code, start, end) if tokens else _tokens(code, start, end)


def quick_height(tokens: list[bytes], results: int, effects: TokenEffects) -> int | None:
    """Compute the maximum height of a body that leaves `results`; None: only `exact_height` can."""
    height = highest = 0
    outer = [(0, _Block(0, 0, results))]
    for number in map(effects.__getitem__, tokens):
        height += number
        if height <= highest:
            continue
        if number < SPECIAL:
            highest = height
            continue
        if number >= UNKNOWN or not outer:
            return None
        height -= number
        if number == END_LIVE:
            outer.pop()
        elif number < JUMP_END:
            block = effects.blocks[number - ENTER]
            outer.append((height - block.operands, block))
            height += block.params - block.operands
        elif number == JUMP_END:
            base, block = outer.pop()
            height = base + block.results
            highest = max(highest, height)
        else:
            base, block = outer[-1]
            height = base + block.params
    return None if outer else highest
