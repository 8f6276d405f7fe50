"""The table of the host protocol: a row a method (spec/executor.md 1.2).

A row lists the parts of a request in the order of its fields, which is the order of the wire: first those of fixed
size, then the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from struct import Struct
from typing import Final

from ..journal import events
from ..journal.events import Request
from .parts import ADDRESS, SLOT, U8, U32, U64, Fixed, Json, Part, Slice, Topics, VmResult
from .replies import ACKNOWLEDGEMENT, ERROR_ONLY, NOTHING, RAW, SLICE, U256, VM_RESULT, Reply
from .replies import U64 as U64_REPLY

BLOB: Final = Slice(attrgetter("slice_bytes_max"))
STORED: Final = Slice(attrgetter("storage_bytes_max"))


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the host protocol.

    Attributes:
        id: the first byte of a request.
        name: of the method of `Host`, which is its name in the protocol.
    """

    id: int
    name: str
    request: type[Request]
    fixed: tuple[Fixed, ...]
    parts: tuple[Part, ...]
    reply: Reply
    head: Struct = field(init=False)  # method byte and fixed fields
    sizes: tuple[tuple[int, int], ...] = field(init=False)  # (index, size): `struct` pads and cuts silently

    def __post_init__(self) -> None:
        sizes = tuple((at, one.size) for at, one in enumerate(self.fixed) if one.size is not None)
        object.__setattr__(self, "head", Struct("<B" + "".join(one.code for one in self.fixed)))
        object.__setattr__(self, "sizes", sizes)
        count = len(self.fixed) + sum(part.count for part in self.parts)
        assert count == len(self.request.__struct_fields__), self.name


METHODS: Final = (
    Method(0, "get_calldata", events.GetCalldata, (), (), SLICE),
    Method(1, "storage_read", events.StorageRead, (U8, ADDRESS, SLOT, U32, U32), (), RAW),
    Method(2, "storage_write", events.StorageWrite, (SLOT, U32), (STORED,), ERROR_ONLY),
    Method(3, "consume_result", events.ConsumeResult, (), (BLOB,), ACKNOWLEDGEMENT),
    Method(4, "get_leader_nondet_result", events.GetLeaderNondetResult, (U32,), (), VM_RESULT),
    Method(5, "post_nondet_result", events.PostNondetResult, (U32,), (VmResult(),), ERROR_ONLY),
    Method(6, "post_message", events.PostMessage, (ADDRESS,), (BLOB, Json("value", "on")), ERROR_ONLY),
    Method(7, "post_event", events.PostEvent, (), (Topics(), BLOB), ERROR_ONLY),
    Method(8, "consume_fuel", events.ConsumeFuel, (U64,), (), NOTHING),
    Method(
        *(9, "deploy_contract", events.DeployContract),
        *((), (BLOB, BLOB, Json("value", "on", "salt_nonce")), ERROR_ONLY),
    ),
    Method(10, "eth_call", events.EthCall, (ADDRESS,), (BLOB,), SLICE),
    Method(11, "eth_send", events.EthSend, (ADDRESS,), (BLOB, Json("value")), ERROR_ONLY),
    Method(12, "get_balance", events.GetBalance, (ADDRESS,), (), U256),
    Method(13, "remaining_fuel_as_gen", events.RemainingFuelAsGen, (), (), U64_REPLY),
    Method(14, "notify_nondet_disagreement", events.NotifyNondetDisagreement, (U32,), (), NOTHING),
)
assert [method.id for method in METHODS] == list(range(len(METHODS)))
BY_REQUEST: Final[dict[type[Request], Method]] = {method.request: method for method in METHODS}
assert len(BY_REQUEST) == len(METHODS), "two methods share a request"
