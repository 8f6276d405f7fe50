"""The table of methods agrees with the host interface and with the specification's ids."""

from __future__ import annotations

import re

from genvm_replay.host_bridge.funnel import Funnel
from genvm_replay.host_bridge.host import Host
from genvm_replay.host_bridge.local_host import LocalHost
from genvm_replay.host_bridge.methods import METHODS

IDS = """`get_calldata` 0, `storage_read` 1, `storage_write` 2, `consume_result` 3, `get_leader_nondet_result` 4,
`post_nondet_result` 5, `post_message` 6, `post_event` 7, `consume_fuel` 8, `deploy_contract` 9, `eth_call` 10,
`eth_send` 11, `get_balance` 12, `remaining_fuel_as_gen` 13, `notify_nondet_disagreement` 14."""


def test_names_and_ids() -> None:
    """As in spec/executor.md 1.2."""
    assert [(m.name, str(m.id)) for m in METHODS] == re.findall(r"`(\w+)` (\d+)", IDS)


def test_every_method_is_in_the_interface() -> None:
    """A host has them all, and a request is named like its method."""
    names = {method.name for method in METHODS}
    assert names == {name for name in vars(Host) if not name.startswith("_")}
    assert all(callable(getattr(LocalHost, name)) and callable(getattr(Funnel, name)) for name in names)
    assert all(m.request.__struct_config__.tag == f"{m.name}/1" for m in METHODS)
