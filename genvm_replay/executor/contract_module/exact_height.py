"""The maximum height of a body's operand stack, instruction by instruction (WebAssembly core 3.0, appendix A.3).

The height is that of the specification's validation algorithm after each instruction, code that can't be reached
included: there, an operand that is missing on the stack of the block is simply not taken. The fast way: `quick_height`.
"""

from __future__ import annotations

from typing import NamedTuple

from ..wasm_binary.cursor import Cursor
from ..wasm_binary.entries import FunctionType
from ..wasm_binary.instructions import Instruction, walk
from ..wasm_binary.opcodes import BRANCH_TABLE, CALL, END
from .invalid import InvalidContractModule
from .language import BLOCK, BRANCH_IF, CALL_INDIRECT, EFFECTS, ELSE, IF, JUMPS, LOOP
from .signatures import Signatures


class _Frame(NamedTuple):
    base: int  # height outside the block, its parameters taken
    params: int
    results: int
    label: int  # values that a branch to it carries


class _Stack:
    def __init__(self, code: bytes, function: FunctionType, signatures: Signatures) -> None:
        results = len(function.results)
        self.code = code
        self.signatures = signatures
        self.frames = [_Frame(0, 0, results, results)]
        self.height = 0

    def step(self, instruction: Instruction) -> None:
        opcode = instruction.opcode
        if not self.frames:
            raise InvalidContractModule(instruction.start, "an instruction after the last end")
        if opcode == END:
            frame = self.frames.pop()
            self.height = frame.base + frame.results
        elif opcode == ELSE:
            self.height = self.frames[-1].base + self.frames[-1].params
        elif opcode in (BLOCK, LOOP, IF):
            self.enter(instruction)
        elif opcode in JUMPS or opcode == BRANCH_TABLE:
            self.height = self.frames[-1].base
        else:
            pops, pushes = self.effect(instruction)
            self.take(pops)
            self.height += pushes

    def take(self, count: int) -> None:
        self.height = max(self.frames[-1].base, self.height - count)

    def enter(self, instruction: Instruction) -> None:
        block = self.signatures.block(self.code, instruction.immediates, instruction.end)
        params, results = len(block.params), len(block.results)
        self.take(params + (instruction.opcode == IF))
        self.frames.append(
            _Frame(self.height, params, results, params if instruction.opcode == LOOP else results)
        )
        self.height += params

    def effect(self, instruction: Instruction) -> tuple[int, int]:
        opcode, offset = instruction.opcode, instruction.start
        known = EFFECTS.get(opcode)
        if known is None and opcode not in (CALL, CALL_INDIRECT):
            raise InvalidContractModule(offset, f"instruction {opcode:#x}, which contracts may not use")
        if known is not None and opcode != BRANCH_IF:
            return known
        index = Cursor(self.code, instruction.immediates, instruction.end).u32()
        if opcode == BRANCH_IF:
            if index >= len(self.frames):
                raise InvalidContractModule(offset, f"label {index} of {len(self.frames)}")
            carried = self.frames[-1 - index].label
            return carried + 1, carried
        indirect = opcode == CALL_INDIRECT
        called = (self.signatures.type if indirect else self.signatures.function)(index, offset)
        return len(called.params) + indirect, len(called.results)


def exact_height(code: bytes, start: int, end: int, function: FunctionType, signatures: Signatures) -> int:
    """Compute the maximum for the instructions `code[start:end]` of a function.

    Raises:
        InvalidContractModule, WasmFormatError: the body is malformed or uses what contracts may not. A body that passes
            may still be invalid, and the number means nothing then.
    """
    stack = _Stack(code, function, signatures)
    highest = 0
    for instruction in walk(code, start, end):
        stack.step(instruction)
        highest = max(highest, stack.height)
    if stack.frames:
        raise InvalidContractModule(end, f"{len(stack.frames)} blocks without end")
    return highest
