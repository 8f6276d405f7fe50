"""Random valid modules: functions that branch, loop and call each other, always end, and know their stack's height.

Every body is written instruction by instruction next to a model of its operand stack, so the generator is also an
independent answer to "how high does the stack get". A global bounds the number of calls, counters bound the loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from genvm_replay.executor.wasm_binary import encode

I32, I64, F32, F64 = 0x7F, 0x7E, 0x7D, 0x7C
TYPES: list[tuple[bytes, bytes]] = [
    (b"", b""),
    (bytes([I32]), bytes([I32])),
    (bytes([I64, I32]), bytes([I64])),
    (b"", bytes([I32, I64])),
    (bytes([I32]), bytes([I64, I32, F64])),
    (bytes([F64, F32]), bytes([F32])),
    (bytes([I32]), b""),
]
GLOBALS = (I32, I64, F32, F64, I32, I32)
CALLS_LEFT, USED_FLOATS = 4, 5  # globals that the generator needs itself
LOADS = {I32: (0x28, 0x2C, 0x2F), I64: (0x29, 0x30, 0x35), F32: (0x2A,), F64: (0x2B,)}
STORES = {I32: (0x36, 0x3A, 0x3B), I64: (0x37, 0x3C, 0x3E), F32: (0x38,), F64: (0x39,)}
CONSTANTS = {I32: b"\x41", I64: b"\x42", F32: b"\x43", F64: b"\x44"}
FLOAT_SIZE = {F32: 4, F64: 8}


class Operation(NamedTuple):
    opcode: int
    takes: tuple[int, ...]
    gives: int
    float_arithmetic: bool = False


def _operations() -> list[Operation]:
    rows: list[tuple[Sequence[int], tuple[int, ...], int]] = [
        (range(0x6A, 0x79), (I32, I32), I32),
        (range(0x46, 0x50), (I32, I32), I32),
        ([0x45, 0x67, 0x68, 0x69, 0xC0, 0xC1], (I32,), I32),
        (range(0x51, 0x5B), (I64, I64), I32),
        ([0x50, 0xA7], (I64,), I32),
        (range(0x7C, 0x8B), (I64, I64), I64),
        ([0x79, 0x7A, 0x7B, 0xC2, 0xC3, 0xC4], (I64,), I64),
        ([0xAC, 0xAD], (I32,), I64),
        ([0xBC], (F32,), I32),
        ([0xBD], (F64,), I64),
        ([0xBE], (I32,), F32),
        ([0xBF], (I64,), F64),
    ]
    arithmetic: list[tuple[Sequence[int], tuple[int, ...], int]] = [
        (range(0x5B, 0x61), (F32, F32), I32),
        (range(0x61, 0x67), (F64, F64), I32),
        (range(0x8B, 0x92), (F32,), F32),
        (range(0x92, 0x99), (F32, F32), F32),
        (range(0x99, 0xA0), (F64,), F64),
        (range(0xA0, 0xA7), (F64, F64), F64),
        ([0xA8, 0xA9], (F32,), I32),
        ([0xB0, 0xB1], (F64,), I64),
        ([0xB2, 0xB3], (I32,), F32),
        ([0xB9, 0xBA], (I64,), F64),
        ([0xB6], (F64,), F32),
        ([0xBB], (F32,), F64),
    ]
    return [Operation(opcode, takes, gives) for opcodes, takes, gives in rows for opcode in opcodes] + [
        Operation(opcode, takes, gives, True) for opcodes, takes, gives in arithmetic for opcode in opcodes
    ]


OPERATIONS = _operations()


class Block(NamedTuple):
    base: int
    results: bytes
    carried: bytes  # types that a branch to it takes along
    counter: int | None  # of a loop


class BodyWriter:
    """Writes one function."""

    def __init__(self, rng: Random, functions: Sequence[int], own: int, *, floats: bool) -> None:
        self.rng = rng
        self.functions = functions
        self.floats = floats
        self.params, self.results = TYPES[functions[own]]
        self.locals = bytearray(self.params + bytes(rng.choices((I32, I64, F32, F64), k=rng.randrange(5))))
        self.writable = range(len(self.locals))  # counters of loops come later
        self.out = bytearray()
        self.stack = bytearray()
        self.highest = 0
        self.blocks = [Block(0, self.results, self.results, None)]
        self.ended = [False]  # for each block: what follows can't be reached
        self.size_left = rng.randrange(10, 120)

    def write(self) -> bytes:
        """Gives the whole body. `slots` is known afterwards."""
        self.call_budget()
        self.statements(3)
        self.close()
        extra = self.locals[len(self.params) :]
        self.slots = len(extra) + self.highest
        groups = encode.vector([b"\x01" + bytes([kind]) for kind in extra])
        return encode.sized(groups + bytes(self.out))

    @property
    def dead(self) -> bool:
        return self.ended[-1]

    def emit(self, code: bytes, takes: int = 0, gives: bytes = b"") -> None:
        self.out += code
        base = self.blocks[-1].base
        assert self.dead or len(self.stack) - takes >= base
        del self.stack[max(base, len(self.stack) - takes) :]
        self.stack += gives
        self.highest = max(self.highest, len(self.stack))

    def call_budget(self) -> None:
        """Return at once when no calls are left."""
        self.emit(b"\x23" + bytes([CALLS_LEFT]), 0, bytes([I32]))
        self.emit(b"\x45", 1, bytes([I32]))
        self.open(b"\x04\x40", 1, b"", b"", None)
        for kind in self.results:
            self.constant(kind)
        self.jump(b"\x0f")
        self.close()
        self.emit(b"\x23" + bytes([CALLS_LEFT]), 0, bytes([I32]))
        self.emit(b"\x41\x01", 0, bytes([I32]))
        self.emit(b"\x6b", 2, bytes([I32]))
        self.emit(b"\x24" + bytes([CALLS_LEFT]), 1)

    # Blocks and jumps.

    def open(self, code: bytes, takes: int, params: bytes, results: bytes, counter: int | None) -> None:
        self.emit(code, takes)
        carried = params if counter is not None else results
        self.blocks.append(Block(len(self.stack), results, carried, counter))
        self.ended.append(False)
        self.stack += params
        self.highest = max(self.highest, len(self.stack))

    def close(self) -> None:
        """End a block, with its results on the stack."""
        block = self.blocks[-1]
        self.drop_rest()
        if not self.dead or self.rng.random() < 0.3:
            for kind in block.results:
                self.value(kind, 1)
        self.blocks.pop()
        self.ended.pop()
        self.out += b"\x0b"
        del self.stack[block.base :]
        self.stack += block.results
        self.highest = max(self.highest, len(self.stack))

    def alternative(self) -> None:
        block = self.blocks[-1]
        self.drop_rest()
        for kind in block.results if not self.dead else b"":
            self.value(kind, 1)
        self.out += b"\x05"
        del self.stack[block.base :]
        self.ended[-1] = False

    def drop_rest(self) -> None:
        """What `bare` left has the wrong type for the block's results."""
        while len(self.stack) > self.blocks[-1].base and self.dead:
            self.emit(b"\x1a", 1)

    def jump(self, code: bytes) -> None:
        self.out += code
        del self.stack[self.blocks[-1].base :]
        self.ended[-1] = True

    # Values: each pushes one value of a type.

    def constant(self, kind: int) -> None:
        if kind in FLOAT_SIZE:
            raw = self.rng.choice([bytes(8), b"\xff" * 8, self.rng.randbytes(8), b"\0\0\0\0\0\0\xf8\x3f"])
            self.emit(CONSTANTS[kind] + raw[-FLOAT_SIZE[kind] :], 0, bytes([kind]))
        else:
            bits = 32 if kind == I32 else 64
            value = self.rng.choice([0, 1, 7, -1, self.rng.randrange(-(1 << bits - 1), 1 << bits - 1)])
            self.emit(CONSTANTS[kind] + encode.signed(value), 0, bytes([kind]))

    def value(self, kind: int, depth: int) -> None:
        self.size_left -= 1
        if depth <= 0 or self.size_left <= 0:
            return self.leaf(kind)
        return self.rng.choice(
            [
                self.leaf,
                self.operation,
                self.operation,
                self.load,
                self.select,
                self.typed_block,
                self.typed_if,
                self.tee,
            ]
        )(kind, depth - 1)

    def leaf(self, kind: int, _depth: int = 0) -> None:
        own = [index for index, declared in enumerate(self.locals) if declared == kind]
        choice = self.rng.randrange(3)
        if choice == 0 and own:
            self.emit(b"\x20" + encode.unsigned(self.rng.choice(own)), 0, bytes([kind]))
        elif choice == 1:
            self.emit(b"\x23" + bytes([GLOBALS.index(kind)]), 0, bytes([kind]))
        else:
            self.constant(kind)

    def operation(self, kind: int, depth: int) -> None:
        fitting = [
            item for item in OPERATIONS if item.gives == kind and (self.floats or not item.float_arithmetic)
        ]
        item = self.rng.choice(fitting)
        for taken in item.takes:
            self.value(taken, depth)
        if item.float_arithmetic:
            self.emit(b"\x41\x01", 0, bytes([I32]))
            self.emit(b"\x24" + bytes([USED_FLOATS]), 1)
        self.emit(bytes([item.opcode]), len(item.takes), bytes([kind]))

    def address(self) -> None:
        """An address that is in bounds, mostly."""
        self.value(I32, 1)
        self.emit(b"\x41" + encode.signed(self.rng.choice([0xFF, 0xFFF, 0xFFFF, 0x10003])), 0, bytes([I32]))
        self.emit(b"\x71", 2, bytes([I32]))

    def load(self, kind: int, _depth: int) -> None:
        self.address()
        self.emit(bytes([self.rng.choice(LOADS[kind]), 0, 3]), 1, bytes([kind]))

    def select(self, kind: int, depth: int) -> None:
        for taken in (kind, kind, I32):
            self.value(taken, depth)
        self.emit(b"\x1b", 3, bytes([kind]))

    def typed_block(self, kind: int, depth: int) -> None:
        self.open(bytes([0x02, kind]), 0, b"", bytes([kind]), None)
        self.statements(depth)
        self.close()

    def typed_if(self, kind: int, depth: int) -> None:
        self.value(I32, depth)
        self.open(bytes([0x04, kind]), 1, b"", bytes([kind]), None)
        self.statements(depth)
        self.alternative()
        self.close()

    def tee(self, kind: int, depth: int) -> None:
        index = self.rng.choice(self.writable) if self.writable else None
        if index is None or self.locals[index] != kind:
            return self.leaf(kind)
        self.value(kind, depth)
        return self.emit(b"\x22" + encode.unsigned(index), 1, bytes([kind]))

    # Statements: each leaves the stack as it was, or jumps.

    def statements(self, depth: int) -> None:
        for _ in range(self.rng.randrange(4)):
            if self.size_left > 0:
                self.size_left -= 1
                self.rng.choice(STATEMENTS)(self, depth - 1)

    def set_variable(self, depth: int) -> None:
        if self.writable and self.rng.random() < 0.6:
            index = self.rng.choice(self.writable)
            self.value(self.locals[index], depth)
            self.emit(b"\x21" + encode.unsigned(index), 1)
        else:
            index = self.rng.randrange(4)
            self.value(GLOBALS[index], depth)
            self.emit(b"\x24" + bytes([index]), 1)

    def store(self, depth: int) -> None:
        kind = self.rng.choice(list(STORES))
        self.address()
        self.value(kind, depth)
        self.emit(bytes([self.rng.choice(STORES[kind]), 0, 1]), 2)

    def call(self, depth: int) -> None:
        index = self.rng.randrange(len(self.functions))
        params, results = TYPES[self.functions[index]]
        for kind in params:
            self.value(kind, depth)
        if self.rng.random() < 0.3:
            wrong = self.rng.random() < 0.1
            self.emit(b"\x41" + encode.signed(index + wrong), 0, bytes([I32]))
            self.emit(bytes([0x11, self.functions[index], 0]), len(params) + 1, results)
        else:
            self.emit(bytes([0x10, index]), len(params), results)
        for _ in results:
            self.emit(b"\x1a", 1)

    def tail_call(self, depth: int) -> None:
        fitting = [i for i, number in enumerate(self.functions) if TYPES[number][1] == self.results]
        index = self.rng.choice(fitting)
        self.junk()
        for kind in TYPES[self.functions[index]][0]:
            self.value(kind, depth)
        if self.rng.random() < 0.3:
            self.emit(b"\x41" + encode.signed(index), 0, bytes([I32]))
            self.jump(bytes([0x13, self.functions[index], 0]))
        else:
            self.jump(bytes([0x12, index]))

    def junk(self) -> None:
        """Values below what a branch carries, which it throws away."""
        for _ in range(self.rng.choice([0, 0, 1, 3])):
            self.leaf(self.rng.choice([I32, I64, F32, F64]))

    def branch(self, depth: int) -> None:
        label = self.rng.randrange(len(self.blocks))
        block = self.blocks[-1 - label]
        if block.counter is not None:
            return self.again(label, block.counter)
        self.junk()
        for kind in block.carried:
            self.value(kind, depth)
        return self.jump(b"\x0f" if label == len(self.blocks) - 1 and label % 2 else b"\x0c" + bytes([label]))

    def branch_if(self, depth: int) -> None:
        label = self.rng.randrange(len(self.blocks))
        block = self.blocks[-1 - label]
        if block.counter is not None:
            return self.again(label, block.counter)
        for kind in block.carried:
            self.value(kind, depth)
        self.value(I32, depth)
        self.emit(b"\x0d" + bytes([label]), 1 + len(block.carried), block.carried)
        for _ in block.carried:
            self.emit(b"\x1a", 1)
        return None

    def branch_table(self, depth: int) -> None:
        """To blocks that carry the same as a chosen one."""
        carried = self.rng.choice(self.blocks).carried
        fitting = [
            label
            for label, block in enumerate(reversed(self.blocks))
            if block.counter is None and block.carried == carried
        ]
        if not fitting:
            return
        labels = self.rng.choices(fitting, k=self.rng.choice([1, 2, 5, 130]))
        self.junk()
        for kind in carried:
            self.value(kind, depth)
        self.value(I32, depth)
        self.jump(b"\x0e" + encode.unsigned(len(labels) - 1) + bytes(labels))

    def again(self, label: int, counter: int) -> None:
        """Go on in a loop unless its counter is used up."""
        for code, takes in ((b"\x20" + encode.unsigned(counter), 0), (b"\x41\x01", 0), (b"\x6b", 2)):
            self.emit(code, takes, bytes([I32]))
        self.emit(b"\x22" + encode.unsigned(counter), 1, bytes([I32]))
        self.emit(b"\x41\x00", 0, bytes([I32]))
        self.emit(b"\x4a", 2, bytes([I32]))
        self.emit(b"\x0d" + bytes([label]), 1)

    def loop(self, depth: int) -> None:
        counter = len(self.locals)
        self.locals.append(0x7F)
        self.emit(b"\x41" + bytes([self.rng.randrange(4)]), 0, bytes([I32]))
        self.emit(b"\x21" + encode.unsigned(counter), 1)
        self.open(b"\x03\x40", 0, b"", b"", counter)
        self.statements(depth)
        if not self.dead:
            self.again(0, counter)
        self.close()

    def void_block(self, depth: int) -> None:
        self.open(b"\x02\x40", 0, b"", b"", None)
        self.statements(depth)
        self.close()

    def condition(self, depth: int) -> None:
        self.value(I32, depth)
        self.open(b"\x04\x40", 1, b"", b"", None)
        self.statements(depth)
        if self.rng.random() < 0.5:
            self.alternative()
            self.statements(depth)
        self.close()

    def wide_block(self, depth: int) -> None:
        """A block with parameters and several results (multi-value)."""
        index = self.rng.choice([3, 4])
        params, results = TYPES[index]
        for kind in params:
            self.value(kind, depth)
        self.open(bytes([0x02, index]), len(params), params, results, None)
        for _ in params:
            self.emit(b"\x1a", 1)
        self.statements(depth)
        self.close()
        for _ in results:
            self.emit(b"\x1a", 1)

    def stop(self, _depth: int) -> None:
        if self.rng.random() < 0.1:
            self.jump(b"\x00")

    def bulk(self, _depth: int) -> None:
        for _ in range(2):
            self.address()
        self.constant(I32) if self.rng.random() < 0.1 else self.emit(b"\x41\x09", 0, bytes([I32]))
        self.emit(self.rng.choice([b"\xfc\x0a\x00\x00", b"\xfc\x0b\x00"]), 3)

    def bare(self, _depth: int) -> None:
        """In unreachable code, operands may be missing."""
        if self.dead:
            self.emit(*self.rng.choice([(b"\x1a", 1), (b"\x45", 1, bytes([I32])), (b"\x1a", 1), (b"\x01",)]))


STATEMENTS = (
    *[BodyWriter.set_variable] * 3,
    *[BodyWriter.store] * 2,
    *[BodyWriter.call] * 4,
    BodyWriter.tail_call,
    BodyWriter.branch,
    *[BodyWriter.branch_if] * 2,
    BodyWriter.branch_table,
    *[BodyWriter.loop] * 2,
    BodyWriter.void_block,
    *[BodyWriter.condition] * 2,
    BodyWriter.wide_block,
    BodyWriter.stop,
    BodyWriter.bulk,
    *[BodyWriter.bare] * 2,
)


class Program(NamedTuple):
    """A module that exports its functions as f0, f1, ... and its memory and globals."""

    code: bytes
    functions: list[tuple[bytes, bytes]]
    slots: list[int]


def program(seed: int, *, floats: bool = False, calls: int = 60) -> Program:
    """Write a module.

    Args:
        calls: how many its functions may make altogether.
    """
    rng = Random(seed)
    functions = [rng.randrange(len(TYPES)) for _ in range(rng.randrange(2, 7))]
    writers = [BodyWriter(rng, functions, own, floats=floats) for own in range(len(functions))]
    bodies = [writer.write() for writer in writers]
    count = len(functions)
    starts = [*[CONSTANTS[k] + (bytes(FLOAT_SIZE[k]) if k in FLOAT_SIZE else b"\0") for k in GLOBALS]]
    starts[CALLS_LEFT] = b"\x41" + encode.signed(calls)
    exports = [encode.name(f"f{i}") + b"\x00" + bytes([i]) for i in range(count)]
    exports += [encode.name(f"g{i}") + b"\x03" + bytes([i]) for i in range(len(GLOBALS))]
    sections = [
        (1, [b"\x60" + encode.sized(params) + encode.sized(results) for params, results in TYPES]),
        (3, [bytes([number]) for number in functions]),
        (4, [b"\x70\x00" + bytes([count + 1])]),
        (5, [b"\x00\x01"]),
        (6, [bytes([kind, 1]) + start + b"\x0b" for kind, start in zip(GLOBALS, starts, strict=True)]),
        (7, [*exports, encode.name("memory") + b"\x02\x00"]),
        (9, [b"\x00\x41\x00\x0b" + encode.vector([bytes([i]) for i in range(count)])]),
        (10, bodies),
    ]
    code = encode.HEADER + b"".join(
        encode.section(number, encode.vector(items)) for number, items in sections
    )
    return Program(code, [TYPES[number] for number in functions], [writer.slots for writer in writers])
