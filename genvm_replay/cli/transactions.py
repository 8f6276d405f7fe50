"""`deploy` and `call`: run a transaction on the local node and record it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.arguments import (
    call_options,
    read_contract,
    read_kwargs,
    read_values,
    transaction_options,
)
from genvm_replay.cli.context import Settings, open_bench, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.output import emit, facts, hexed, printable, result_json, size
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.replay.local_node import CallOptions, Recorded

# Negative numbers are arguments, not options; what is neither is refused in `arguments`.
ARGUMENTS: Final = {"ignore_unknown_options": True}
ARGUMENT_HELP: Final = """Each ARG is one JSON value: 5, true, '"text"', '[1, 2]', '{"key": null}'. What JSON lacks is
written {"$address": "0x..."} and {"$bytes": "hex digits"}."""


@click.command(context_settings=ARGUMENTS, epilog=ARGUMENT_HELP)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("args", metavar="[ARG]...", nargs=-1)
@transaction_options
@shared_options()
@pass_settings
@click.pass_context
def deploy(
    context: click.Context,
    settings: Settings,
    /,
    file: Path,
    args: tuple[str, ...],
    kwargs: str | None,
    **options: Any,
) -> None:
    """Deploy the contract in FILE and record the run. The ARGs go to its constructor."""
    code, sent = read_contract(file), call_options(**options)
    positional, named = read_values(args), read_kwargs(kwargs)
    with open_bench(settings, [_build(sent)], to_write=True) as bench:
        from genvm_replay.replay.local_node import LocalNode

        recorded = LocalNode(bench).deploy(code, positional, named, sent)
    _show(context, settings, recorded, deployed=True)


@click.command(context_settings=ARGUMENTS, epilog=ARGUMENT_HELP)
@click.argument("address")
@click.argument("method")
@click.argument("args", metavar="[ARG]...", nargs=-1)
@click.option("--view", is_flag=True, help="Without the rights to write and to send; changes nothing.")
@transaction_options
@shared_options()
@pass_settings
@click.pass_context
def call(
    context: click.Context,
    settings: Settings,
    /,
    address: str,
    method: str,
    args: tuple[str, ...],
    view: bool,
    kwargs: str | None,
    **options: Any,
) -> None:
    """Call METHOD of the contract at ADDRESS with the ARGs and record it."""
    from genvm_replay.calldata import Address

    target, sent = Address.parse(address), call_options(**options)
    positional, named = read_values(args), read_kwargs(kwargs)
    if not method.isprintable():
        raise UsageError(f"{method!r} is no name of a method")
    with open_bench(settings, [_build(sent)], to_write=True) as bench:
        from genvm_replay.replay.local_node import LocalNode

        recorded = LocalNode(bench).call(target, method, positional, named, sent, view=view)
    _show(context, settings, recorded)


def _build(options: CallOptions) -> Any:
    from genvm_replay.executor.engine import Build

    return Build.EPOCH if options.fuel is None else Build.FUEL


def _show(context: click.Context, settings: Settings, recorded: Recorded, *, deployed: bool = False) -> None:
    """Print a recorded transaction; the exit code says whether the contract returned."""
    if settings.json:
        _print_json(recorded)
    else:
        _print_text(recorded, deployed=deployed)
    if recorded.report.outcome.kind != "return":
        context.exit(FAILED)


def _print_json(recorded: Recorded) -> None:
    report, streams = recorded.report, recorded.streams
    emit(
        {
            "tx": hexed(recorded.tx),
            "address": recorded.address.checksummed,
            "result": result_json(report.outcome),
            "stdout": streams.stdout.decode(errors="replace"),
            "stderr": streams.stderr.decode(errors="replace"),
            "traces": streams.traces,
            "run": recorded.run_id,
            "root": hexed(recorded.root),
            "events": recorded.event_count,
            "stored_bytes": recorded.stored_bytes,
            "fuel_used": report.fuel_used,
            "interrupted": report.outcome.interrupted,
            "cause": report.outcome.cause,
            "traceback": report.traceback,
        }
    )


def _print_text(recorded: Recorded, *, deployed: bool) -> None:
    import json

    report, streams = recorded.report, recorded.streams
    click.echo(printable(streams.stdout.decode(errors="replace")), nl=False)
    sys.stdout.flush()
    click.echo(printable(streams.stderr.decode(errors="replace") + report.traceback), nl=False, err=True)
    result = result_json(report.outcome)
    good = result["kind"] == "return"
    shown = json.dumps(result["value"], ensure_ascii=False) if good else result["value"]
    rows = {
        "contract": recorded.address.checksummed if good or not deployed else "not deployed",
        "tx": hexed(recorded.tx),
        "result": f"{click.style(result['kind'], fg='green' if good else 'red')} {printable(shown)}",
        "cause": printable(report.outcome.cause),
        "fuel": "" if report.fuel_used is None else f"{report.fuel_used:,} used",
        "recorded": f"{recorded.event_count} events, {size(recorded.stored_bytes)}",
    }
    click.echo(facts({name: value for name, value in rows.items() if value}))
