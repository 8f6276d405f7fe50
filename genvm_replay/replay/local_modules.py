"""The modules of a local node: where nondeterministic blocks find the web and the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..errors import EnvironmentProblem
from ..host_bridge.module_client import ModuleClient


class ReachedModules:
    """The modules, and the first failure to reach one: a transaction that met one is not worth recording."""

    def __init__(self, client: ModuleClient) -> None:
        self._client = client
        self.cancel = client.cancel
        self.failure: EnvironmentProblem | None = None

    def call(self, module: str, message: bytes) -> bytes:
        """Ask a module."""
        try:
            return self._client.call(module, message)
        except EnvironmentProblem as problem:
            text = (
                f"the contract needs the {module} module: {problem}; start it, or say where it is (--{module} URL); "
                "nothing was recorded"
            )
            self.failure = self.failure or EnvironmentProblem(text)
            raise


@contextmanager
def reached_modules(addresses: Mapping[str, str], tx: bytes) -> Iterator[ReachedModules]:
    """Modules for one transaction, asked where they are (`ws://host:port` by name); connected when first needed."""
    name = f"0x{tx.hex()}"
    client = ModuleClient(addresses, {"cookie": name, "host_data": {"node_address": "local", "tx_id": name}})
    try:
        yield ReachedModules(client)
    finally:
        client.finish()
