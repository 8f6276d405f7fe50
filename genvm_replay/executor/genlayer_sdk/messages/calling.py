"""Calls that bring something back from the chain or from another VM (spec/executor.md 4.2, 5.2 to 5.4)."""

from __future__ import annotations

from typing import Final

from .... import calldata
from ....calldata import Value
from ....journal.events import EthCall
from ...guest import Guest, SubVmStarter
from ...stops import InternalFailure
from ..asking import ask_bytes
from ..errno import Errno
from .payload import Refused, address, anything, fields, flag, raw, small

STATE_MAX: Final = 2


def eth_call(guest: Guest, payload: Value) -> bytes | None:
    """Call an Ethereum contract without changing anything; the raw answer."""
    got = fields(payload, {"address": address, "calldata": raw})
    _need_calls(guest)
    return ask_bytes(guest.effects, EthCall(got["address"], got["calldata"]))


def call_contract(guest: Guest, payload: Value) -> bytes | None:
    """Run a view method of another contract."""
    got = fields(payload, {"address": address, "calldata": anything, "state": small(STATE_MAX)})
    _need_calls(guest)
    call = calldata.encode(got["calldata"])
    return _starter(guest).call_contract(guest.as_caller(), got["address"], call, got["state"])


def _need_calls(guest: Guest) -> None:
    if not (guest.rights.deterministic and guest.rights.call_others):
        raise Refused(Errno.FORBIDDEN)


def run_nondet(guest: Guest, payload: Value) -> bytes | None:
    """Run a nondeterministic block, or take the leader's result of it."""
    got = fields(payload, {"data_leader": raw, "data_validator": raw})
    if not guest.rights.spawn_nondet:
        raise Refused(Errno.FORBIDDEN)
    return _starter(guest).run_nondet(guest.as_caller(), got["data_leader"], got["data_validator"])


def sandbox(guest: Guest, payload: Value) -> bytes | None:
    """Run something in a VM with fewer rights; every VM may."""
    got = fields(payload, {"data": raw, "allow_write_ops": flag})
    return _starter(guest).sandbox(guest.as_caller(), got["data"], allow_writes=got["allow_write_ops"])


def _starter(guest: Guest) -> SubVmStarter:
    if guest.sub_vms is None:
        raise InternalFailure("this VM can't start others")
    return guest.sub_vms
