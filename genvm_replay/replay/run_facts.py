"""What a recorded run says, gathered in one pass over its lines: the side of a comparison. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from .. import calldata
from ..calldata import CalldataError
from ..executor.storage_delta import StorageDelta
from ..executor.storage_slots import CODE_SLOT
from ..journal.bookkeeping import attempts_of
from ..journal.events import (
    ConsumeResult,
    DeployContract,
    EthSend,
    Event,
    GetCalldata,
    GetLeaderNondetResult,
    ModuleCall,
    PostEvent,
    PostMessage,
    PostNondetResult,
    StorageRead,
    StorageWrite,
    WriteStream,
)
from ..journal.stored import StoredRun

RETURN: Final = 0  # result codes (spec/executor.md 2.1)
CODE_AT: Final = 4  # behind its u32 size
STDERR: Final = 2
STDERR_BYTES_MAX: Final = 64 << 10  # the end, where the traceback is
TRACEBACK: Final = b"Traceback (most recent call last):"


@dataclass(slots=True, kw_only=True)
class RunFacts:
    """One run, by what people compare.

    Attributes:
        inputs: what the run was given: the message, the call, rights, limits, the hash of the code.
        delta: what it leaves in storage; empty if it failed.
        known: every byte of its contract's storage that it read or wrote, as of its end.
        sent: messages, deployments and Ethereum transactions, then events, in their order; empty if it failed.
        answers: results of nondeterministic blocks, and what modules were asked and said, by place.
        hashes: footer hashes, an error's fingerprint, and the Python traceback on standard error of a run that failed.
        bookkeeping: what may differ between equal runs.
    """

    contract: bytes
    inputs: dict[str, Any]
    result: dict[str, Any]
    bookkeeping: dict[str, Any]
    hashes: dict[str, Any]
    code: bytes | None = None
    delta: StorageDelta = field(default_factory=StorageDelta)
    known: StorageDelta = field(default_factory=StorageDelta)
    sent: list[Any] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    stderr: bytearray = field(default_factory=bytearray)


def facts_of(run: StoredRun) -> RunFacts:
    """Gather the facts of a run.

    Raises:
        JournalError: an event can't be read; which one is told.
    """
    header, footer = run.header, run.footer
    payload = footer.payload
    message = msgspec.structs.asdict(header.message)
    inputs = {
        **message,
        "permissions": header.permissions,
        "limits": msgspec.structs.asdict(header.limits),
        "code_hash": footer.code_hash,
    }
    found = RunFacts(
        contract=header.message.contract_address,
        inputs=inputs,
        result={
            "kind": footer.kind,
            "value": decoded(payload) if footer.kind == "return" else payload.decode(errors="replace"),
            "interrupted": footer.interrupted,
        },
        bookkeeping=_bookkeeping(run),
        hashes={"memory_hash": footer.memory_hash, "storage_hash": footer.storage_hash},
    )
    for line in run.lines():
        counts: dict[str, int] = {}
        for event in run.read_line(line.name):
            _note(found, line.name, event, counts)
    if footer.kind != "return":
        found.delta, found.sent = StorageDelta(), []
        begin = found.stderr.rfind(TRACEBACK)
        if begin >= 0:
            found.hashes["traceback"] = found.stderr[begin:].decode(errors="replace").rstrip()
    return found


def _bookkeeping(run: StoredRun) -> dict[str, Any]:
    header, summary = run.header, run.summary
    told: dict[str, Any] = {"tx": header.tx, "role": header.role, "parent": header.parent}
    told |= {"pins": msgspec.structs.asdict(header.pins), "image": run.footer.image, "root": run.root}
    told["runners"] = run.footer.runners
    told["attempts"] = [{"line": one.line, "call": one.call, **one.facts} for one in attempts_of(run)]
    if summary is not None:
        told |= {"recorded": summary.created_at, "run": summary.id, "release": summary.release}
    return told


def _note(found: RunFacts, line: str, event: Event, counts: dict[str, int]) -> None:
    """Take one event."""
    request, answer = event.request, event.answer
    match request:
        case GetCalldata():
            found.inputs["call"] = decoded(answer.value)
        case StorageRead() if request.address == found.contract and isinstance(answer.value, bytes):
            if found.code is None and (request.slot, request.index) == (CODE_SLOT, CODE_AT):
                found.code = answer.value
            found.known.write(request.slot, request.index, answer.value)
        case WriteStream(stream=stream) if stream == STDERR:
            found.stderr += request.data
            del found.stderr[:-STDERR_BYTES_MAX]
        case StorageWrite() if not answer.error:
            found.known.write(request.slot, request.index, request.data)
            found.delta.write(request.slot, request.index, request.data)
        case PostMessage() | DeployContract() | EthSend() | PostEvent() if not answer.error:
            found.sent.append(shown_request(request))
        case PostNondetResult():
            found.answers[f"block {request.call_no}"] = block_result(request.result)
        case GetLeaderNondetResult() if isinstance(answer.value, bytes):
            found.answers[f"block {request.call_no}"] = block_result(answer.value)
        case ModuleCall():
            number = counts[request.module] = counts.get(request.module, -1) + 1
            place = f"{line} {request.module} {number}"
            found.answers[f"{place} asked"] = decoded(request.message)
            found.answers[f"{place} answered"] = decoded(answer.value)
        case ConsumeResult():
            ended = decoded(request.payload[1:])
            if request.payload[:1] != bytes((RETURN,)) and isinstance(ended, Mapping):
                found.hashes["fingerprint"] = ended.get("fingerprint")
        case _:
            pass


def shown_request(request: Any) -> dict[str, Any]:
    """A request with its calldata and its numbers decoded."""
    told: dict[str, Any] = {"kind": str(request.__struct_config__.tag).partition("/")[0]}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if name in ("calldata", "blob"):
            value = decoded(value)
        elif name in ("value", "salt_nonce"):
            value = int.from_bytes(value, "little")
        told[name] = value
    return told


def block_result(result: bytes) -> dict[str, Any]:
    """The result of a nondeterministic block: its code, and its value or message (spec/executor.md 2.1)."""
    if not result:
        return {"code": None, "value": b""}
    data = result[1:]
    return {
        "code": result[0],
        "value": decoded(data) if result[0] == RETURN else data.decode(errors="replace"),
    }


def decoded(value: object) -> Any:
    """Calldata as its value; what is none as it is."""
    if not isinstance(value, bytes):
        return value
    try:
        return calldata.decode(value)
    except (CalldataError, ValueError, RecursionError):
        return value
