"""`runs` and `show`: what the journal holds. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings, open_store, pass_settings, shared_options
from genvm_replay.cli.output import (
    STREAMS,
    TX_DIGITS,
    emit,
    facts,
    hexed,
    plain,
    printable,
    short,
    size,
    table,
)

if TYPE_CHECKING:
    from genvm_replay.journal.events import Event
    from genvm_replay.journal.source import RunSummary
    from genvm_replay.journal.stored import StoredRun

COLUMNS: Final = ("run", "tx", "contract", "method", "result", "events", "stored", "recorded (UTC)", "role")
METHOD_CHARS_MAX: Final = 24


@click.command()
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many at most."
)
@click.option("--contract", metavar="ADDRESS", help="Only runs of this contract.")
@shared_options()
@pass_settings
def runs(settings: Settings, limit: int, contract: str | None) -> None:
    """List the recorded runs, newest first."""
    from genvm_replay.calldata import Address

    address = Address.parse(contract).raw if contract else None
    with open_store(settings) as store:
        found = store.find_runs(contract=address, limit=limit)
    if settings.json:
        for run in found:
            emit(_summary_json(run))
    elif found:
        click.echo(table(COLUMNS, [_summary_row(run) for run in found]))
    else:
        click.echo("no runs", err=True)


@click.command()
@click.argument("tx")
@click.option("--events", is_flag=True, help="Also every event: what the contract asked, and the answer.")
@click.option("--line", metavar="NAME", help="Only the events of this line, such as main.")
@shared_options()
@pass_settings
def show(settings: Settings, tx: str, events: bool, line: str | None) -> None:
    """Show the recorded runs of transaction TX, with or without events.

    TX is a transaction id or its first digits, at least 4. With --json each event is one object on a line of its own,
    after the object of its run.
    """
    from genvm_replay.cli.replays import find_runs

    with open_store(settings) as store:
        for summary in find_runs(store, tx):
            run = store.load_run(summary.id)
            if settings.json:
                emit(_run_json(summary, run))
            else:
                click.echo(_run_text(summary, run))
            for name, seq, event in _events(run, line) if events or line else ():
                if settings.json:
                    emit(_event_json(name, seq, event))
                else:
                    click.echo(_event_text(name, seq, event))


def _summary_json(run: RunSummary) -> dict[str, Any]:
    from genvm_replay.calldata import Address

    told = {name: plain(getattr(run, name)) for name in run.__dataclass_fields__}
    told["run"] = told.pop("id")
    return told | {"contract": Address(run.contract).checksummed}


def _summary_row(run: RunSummary) -> list[str]:
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


def _run_json(summary: RunSummary, run: StoredRun) -> dict[str, Any]:
    import msgspec

    from genvm_replay.cli.output import result_json
    from genvm_replay.executor.outcome import Outcome

    header, footer = run.header, run.footer
    told = _summary_json(summary)
    told["result"] = result_json(Outcome(kind=footer.kind, payload=footer.payload))
    told["permissions"] = header.permissions
    for name, part in (("message", header.message), ("pins", header.pins), ("limits", header.limits)):
        told[name] = {field: plain(value) for field, value in msgspec.structs.asdict(part).items()}
    for name in ("code_hash", "image", "storage_hash", "memory_hash", "interrupted"):
        told[name] = plain(getattr(footer, name))
    told["lines"] = [
        {"name": line.name, "events": line.count, "head": hexed(line.head)} for line in run.lines()
    ]
    return told


def _run_text(summary: RunSummary, run: StoredRun) -> str:
    told = _run_json(summary, run)
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
    return facts({name: printable(value) for name, value in rows.items()})


def _events(run: StoredRun, line: str | None) -> Iterator[tuple[str, int, Event]]:
    from genvm_replay.errors import UsageError

    names = [summary.name for summary in run.lines()]
    if line is not None and line not in names:
        raise UsageError(f"the run has no line {line!r}; its lines: {', '.join(names) or 'none'}")
    for name in names if line is None else [line]:
        for seq, event in enumerate(run.read_line(name)):
            yield name, seq, event


def _event_json(line: str, seq: int, event: Event) -> dict[str, Any]:
    request = event.request
    return {
        "line": line,
        "seq": seq,
        "kind": request.__struct_config__.tag,
        "request": {name: plain(getattr(request, name)) for name in request.__struct_fields__},
        "answer": {"error": event.answer.error, "value": plain(event.answer.value)},
    }


def _event_text(line: str, seq: int, event: Event) -> str:
    request, answer = event.request, event.answer
    kind = str(request.__struct_config__.tag).partition("/")[0]
    shown = {name: getattr(request, name) for name in request.__struct_fields__}
    if kind == "write_stream":
        text = bytes(shown["data"]).decode(errors="replace")
        shown = {"stream": STREAMS.get(shown["stream"], shown["stream"]), "data": repr(text)}
    fields = " ".join(f"{name}={short(value)}" for name, value in shown.items())
    came = "" if answer.value is None else f" -> {short(answer.value)}"
    failed = f" -> host error {answer.error}" if answer.error else ""
    return f"{printable(line)}[{seq}] {kind} {fields}{came}{failed}".rstrip()
