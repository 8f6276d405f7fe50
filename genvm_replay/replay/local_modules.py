"""The modules of a local node: where nondeterministic blocks find the web and the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import EnvironmentProblem
from ..host_bridge.module_client import ModuleClient
from ..host_bridge.modules import Modules, Said, asking_for_attempts, hello_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How modules are asked.

    Attributes:
        keep_raw: what providers answered is recorded as it came.
        through: what is put between the run and the modules, such as a cassette.
    """

    keep_raw: bool = False
    through: Callable[[Modules], Modules] = lambda modules: modules


class _Reaching:
    """Says what to do where a module can't be reached."""

    def __init__(self, client: ModuleClient) -> None:
        self._client = client

    def call(self, module: str, message: bytes) -> Said:
        """Ask a module."""
        try:
            return self._client.call(module, message)
        except EnvironmentProblem as problem:
            raise EnvironmentProblem(
                f"the contract needs the {module} module: {problem}; start it (`genvm-replay modules {module}`), "
                f"name its configuration (--modules FILE), or say where it is (--{module} URL); nothing was recorded"
            ) from problem


class ReachedModules:
    """The modules, and the first failure to reach one: a transaction that met one is not worth recording."""

    def __init__(self, client: ModuleClient, asking: Asking) -> None:
        self._modules = asking.through(_Reaching(client))
        self.cancel = client.cancel
        self.failure: EnvironmentProblem | None = None

    def call(self, module: str, message: bytes) -> Said:
        """Ask a module."""
        try:
            return self._modules.call(module, message)
        except EnvironmentProblem as problem:
            self.failure = self.failure or problem
            raise


@contextmanager
def reached_modules(addresses: Mapping[str, str], tx: bytes, asking: Asking) -> Iterator[ReachedModules]:
    """Modules for one transaction, asked where they are (`ws://host:port` by name); connected when first needed."""
    name = f"0x{tx.hex()}"
    hello = hello_of(name, {"node_address": "local", "tx_id": name})
    client = ModuleClient(addresses, asking_for_attempts(hello, keep_raw=asking.keep_raw))
    try:
        yield ReachedModules(client, asking)
    finally:
        client.finish()
