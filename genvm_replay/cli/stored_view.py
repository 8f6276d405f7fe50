"""Recorded runs and their events, as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from genvm_replay.cli.output import (
    STREAMS,
    TX_DIGITS,
    facts,
    hexed,
    plain,
    printable,
    result_json,
    short,
    size,
)
from genvm_replay.cli.sent_view import sent_by, sent_json, sent_lines
from genvm_replay.cli.stderr_view import stderr_of

if TYPE_CHECKING:
    from genvm_replay.journal.events import Event
    from genvm_replay.journal.source import RunSummary
    from genvm_replay.journal.stored import StoredRun

COLUMNS: Final = ("run", "tx", "contract", "method", "result", "events", "stored", "recorded (UTC)", "role")
METHOD_CHARS_MAX: Final = 24
SLOT_BYTES_SHOWN: Final = 6


def summary_json(run: RunSummary) -> dict[str, Any]:
    from genvm_replay.calldata import Address

    told = {name: plain(getattr(run, name)) for name in run.__dataclass_fields__}
    told["run"] = told.pop("id")
    return told | {"contract": Address(run.contract).checksummed}


def summary_row(run: RunSummary) -> list[str]:
    from genvm_replay.calldata import Address

    method = "(deploy)" if run.method is None else run.method[:METHOD_CHARS_MAX]
    result = run.kind if run.status == "finished" else f"{run.kind}, {run.status}"
    return [
        str(run.id),
        hexed(run.tx)[: TX_DIGITS + 2],
        Address(run.contract).checksummed,
        method,
        result,
        f"{run.event_count:,}",
        size(run.stored_bytes),
        run.created_at[:19].replace("T", " "),
        run.role,
    ]


def run_json(summary: RunSummary, run: StoredRun) -> dict[str, Any]:
    import msgspec

    from genvm_replay.executor.outcome import Outcome

    header, footer = run.header, run.footer
    told = summary_json(summary)
    told["result"] = result_json(Outcome(kind=footer.kind, payload=footer.payload))
    told |= sent_json(*sent_by(run), header.message.contract_address)
    told["permissions"] = header.permissions
    for name, part in (("message", header.message), ("pins", header.pins), ("limits", header.limits)):
        told[name] = {field: plain(value) for field, value in msgspec.structs.asdict(part).items()}
    for name in ("code_hash", "image", "storage_hash", "memory_hash", "interrupted"):
        told[name] = plain(getattr(footer, name))
    told["stderr"] = stderr_of(run)
    told["lines"] = [
        {"name": line.name, "events": line.count, "head": hexed(line.head)} for line in run.all_lines()
    ]
    return told


def run_text(summary: RunSummary, run: StoredRun) -> str:
    told = run_json(summary, run)
    message, result, limits = told["message"], told["result"], told["limits"]
    rows = {
        "run": f"{told['run']}, {told['role']}, {told['status']}, recorded {told['created_at']}",
        "tx": told["tx"],
        "contract": told["contract"],
        "method": "(deploy)" if told["method"] is None else told["method"],
        "sender": message["sender_address"],
        "value": str(message["value"]),
        "time": message["datetime"],
        "rights": told["permissions"],
        "result": f"{result['kind']} {short(result['value'])}",
        "limits": ", ".join(f"{name} {value}" for name, value in limits.items() if value is not None),
        **told["pins"],
        "image": told["image"] or "none",
        "code": told["code_hash"] or "none",
        "storage": told["storage_hash"],
        "memory": told["memory_hash"] or "none",
        "root": told["root"],
        "events": ", ".join(f"{line['events']} on {line['name']}" for line in told["lines"]) or "none",
        "stored": f"{size(summary.stored_bytes)} (of {size(summary.raw_bytes)})",
    }
    sent = sent_lines(*sent_by(run), run.header.message.contract_address)
    return "\n".join([facts({name: printable(value) for name, value in rows.items()}), *sent])


def _as_text(value: object) -> str:
    """Calldata in its text form; what is none as it is."""
    from genvm_replay.calldata import CalldataError, decode
    from genvm_replay.calldata.text import to_text

    try:
        return short(to_text(decode(value)) if isinstance(value, bytes) else value)
    except CalldataError:
        return short(value)


def event_json(line: str, seq: int, event: Event) -> dict[str, Any]:
    from genvm_replay.calldata.jsonform import to_json
    from genvm_replay.journal.bookkeeping import facts_of
    from genvm_replay.journal.events import ModuleAttempt

    request = event.request
    told = {
        "line": line,
        "seq": seq,
        "kind": request.__struct_config__.tag,
        "request": {name: plain(getattr(request, name)) for name in request.__struct_fields__},
        "answer": {"error": event.answer.error, "value": plain(event.answer.value)},
    }
    return told | {"facts": to_json(facts_of(request))} if isinstance(request, ModuleAttempt) else told


def event_text(line: str, seq: int, event: Event, contract: bytes) -> str:
    """An event for people; what is the same in nearly all of them is left out."""
    request, answer = event.request, event.answer
    kind = str(request.__struct_config__.tag).partition("/")[0]
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    shown = {name: short(value) for name, value in fields.items() if (name, value) != ("state", 0)}
    if fields.get("address") == contract:
        del shown["address"]
    if "slot" in fields:
        shown["slot"] = f"{hexed(fields['slot'][:SLOT_BYTES_SHOWN])}..."
    if kind == "write_stream":
        shown["stream"] = STREAMS.get(fields["stream"], shown["stream"])
        shown["data"] = short(repr(bytes(fields["data"]).decode(errors="replace")))
    came = "" if answer.value is None else f" -> {short(answer.value)}"
    if kind == "module_attempt":
        shown["facts"] = _as_text(fields["facts"])
    if kind == "module_call":
        shown["message"], came = _as_text(fields["message"]), f" -> {_as_text(answer.value)}"
    failed = f" -> host error {answer.error}" if answer.error else ""
    words = [f"{printable(line)}[{seq}]", kind, *(f"{name}={value}" for name, value in shown.items())]
    return " ".join(words) + came + failed
