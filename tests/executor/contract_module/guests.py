"""Runs WebAssembly modules with and without the rules, on both engines."""

from __future__ import annotations

from functools import lru_cache

import wasmtime

from genvm_replay.executor.contract_module.module import prepare_contract_module
from genvm_replay.executor.engine import Build, new_contract_engine
from genvm_replay.executor.outcome import outcome_of

ENGINES = (Build.FAST, Build.PULLEY)
ACCOUNT = "genvm_replay:account"

engine = lru_cache(new_contract_engine)


def binary(module: str | bytes) -> bytes:
    return bytes(wasmtime.wat2wasm(module)) if isinstance(module, str) else module


class Guest:
    """An instance of a module without imports."""

    def __init__(
        self,
        module: str | bytes,
        build: Build = Build.FAST,
        *,
        rules: bool = True,
        deterministic: bool = True,
    ) -> None:
        code = binary(module)
        wasmtime.Module.validate(engine(build), code)
        if rules:
            code = prepare_contract_module(code, deterministic=deterministic).code
        self.store = wasmtime.Store(engine(build))
        self.exports = wasmtime.Instance(self.store, wasmtime.Module(engine(build), code), []).exports(
            self.store
        )

    def call(self, name: str = "run", *arguments: int) -> object:
        """The result of an exported function, or the name of the trap that ended it."""
        function = self.exports[name]
        assert isinstance(function, wasmtime.Func)
        try:
            return function(self.store, *arguments)
        except wasmtime.Trap as trap:
            return outcome_of(trap, self.account).payload.decode().removeprefix("wasm_trap ")

    def value(self, name: str) -> int:
        found = self.exports[name]
        assert isinstance(found, wasmtime.Global)
        return int(found.value(self.store))

    @property
    def account(self) -> int | None:
        return self.value(ACCOUNT) if ACCOUNT in self.exports else None

    def memory(self) -> bytes:
        found = self.exports["memory"]
        assert isinstance(found, wasmtime.Memory)
        return bytes(found.read(self.store))
