"""A transaction that was just run and recorded, as JSON and for people."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from genvm_replay.cli.context import Settings
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.output import emit, facts, hexed, printable, result_json, size

if TYPE_CHECKING:
    from genvm_replay.replay.local_node import Recorded


def show(context: click.Context, settings: Settings, recorded: Recorded, *, deployed: bool = False) -> None:
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
