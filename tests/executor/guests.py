"""Guests for tests: real memory without an engine, and whole VMs made from WebAssembly text."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import wasmtime

from genvm_replay.executor.contract import Contract
from genvm_replay.executor.contract_program import WASM_IMPORTS
from genvm_replay.executor.effects import Effects
from genvm_replay.executor.engine import Build, new_engine
from genvm_replay.executor.guest import Guest
from genvm_replay.executor.instance import Instance, Program
from genvm_replay.executor.memory import GuestMemory
from genvm_replay.executor.memory_budget import MemoryBudget
from genvm_replay.executor.rights import Rights, RunState
from genvm_replay.executor.runners.archive import Archive
from genvm_replay.executor.vm_plan import VmPlan
from genvm_replay.executor.wasip1.descriptors import Descriptors
from genvm_replay.executor.wasip1.files import Directory, File, with_files
from genvm_replay.journal.events import OK, Answer, AnyRequest
from genvm_replay.journal.run import Message

MEMORY_BYTES = 65536
CONTRACT, SENDER = b"c" * 20, b"s" * 20
MESSAGE = Message(CONTRACT, SENDER, SENDER, "61999", 0, False, "2026-01-02T03:04:05.000006Z")
FILES = with_files(
    Directory("/"),
    {"/a.txt": File(b"hello world"), "/dir/b.bin": File(bytes(range(256)), seeks_from_end=True)},
)


class Script:
    """A door that answers by a function and keeps what was asked."""

    def __init__(self, answer: Callable[[AnyRequest], Answer] = lambda _: OK) -> None:
        self.asked: list[AnyRequest] = []
        self._answer = answer

    def perform(self, request: AnyRequest) -> Answer:
        self.asked.append(request)
        return self._answer(request)

    def line(self, name: str) -> Script:
        """Every line is the same."""
        return self


def plan(door: Effects, rights: Rights) -> VmPlan:
    """The main VM of a contract of version 0.1.10."""
    contract = Contract((0, 1, 10), Archive({}, 0))
    return VmPlan(contract=contract, message=MESSAGE, rights=rights, run=RunState(), effects=door)


def guest(door: Effects | None = None, rights: Rights | None = None, **changes: object) -> Guest:
    """A guest over 64 KiB of real memory and a small file tree."""
    made = Guest(
        plan=plan(door or Script(), rights or Rights()),
        descriptors=Descriptors.standard(FILES, b"message", MemoryBudget(1 << 24)),
        **changes,  # type: ignore[arg-type]
    )
    space = (ctypes.c_char * MEMORY_BYTES)()
    made.memory = GuestMemory(ctypes.addressof(space), lambda: len(space))
    return made


def start(text: str, door: Effects, build: Build = Build.EPOCH, **rights: object) -> Instance:
    """Instantiate WebAssembly text with all host functions."""
    engine = new_engine(build)
    program = Program(engine, wasmtime.Module(engine, text), build, WASM_IMPORTS)
    made = Guest(
        plan=plan(door, Rights(**rights)),  # type: ignore[arg-type]
        descriptors=Descriptors.standard(FILES, b"message", MemoryBudget(1 << 24)),
    )
    return Instance(program, made, fuel=1 << 20)
