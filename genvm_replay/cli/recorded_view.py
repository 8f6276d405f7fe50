"""Transactions that were just run and recorded, and messages that were not carried out; as JSON and for people."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from genvm_replay.cli.context import Settings
from genvm_replay.cli.output import emit, facts, hexed, printable, result_json, size
from genvm_replay.cli.sent_view import message_json, message_text, sent_json, sent_lines

if TYPE_CHECKING:
    from genvm_replay.replay.delivery import Delivery
    from genvm_replay.replay.local_node import Recorded


def show(
    settings: Settings, recorded: Recorded, *, deployed: bool = False, parent: bytes | None = None
) -> bool:
    """Print a recorded transaction; gives whether the contract returned.

    Args:
        parent: id of the transaction that sent this one as a message.
    """
    if settings.json:
        _print_json(recorded, parent)
    else:
        _print_text(recorded, deployed=deployed)
    return recorded.report.outcome.kind == "return"


def show_delivery(settings: Settings, delivery: Delivery) -> bool:
    """Print what became of a message; gives whether it was carried out and the contract returned."""
    parent, sender = delivery.parent.tx, delivery.parent.message.contract_address
    if not settings.json:
        click.echo(f"\n-> {message_text(delivery.sent, sender)}")
    if delivery.recorded is not None:
        return show(settings, delivery.recorded, deployed=delivery.recorded.message.is_init, parent=parent)
    if settings.json:
        message = message_json(delivery.sent, sender)
        emit({"parent": hexed(parent), "not_delivered": delivery.refusal, "message": message})
    else:
        click.echo(facts({"not delivered": printable(delivery.refusal)}))
    return False


def _print_json(recorded: Recorded, parent: bytes | None) -> None:
    report, streams = recorded.report, recorded.streams
    emit(
        {
            "tx": hexed(recorded.tx),
            "address": recorded.address.checksummed,
            "result": result_json(report.outcome),
            "stdout": streams.stdout.decode(errors="replace"),
            "stderr": streams.stderr.decode(errors="replace"),
            "traces": streams.traces,
            "parent": None if parent is None else hexed(parent),
            **sent_json(recorded.messages, recorded.emitted, recorded.message.contract_address),
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
        "cause": "" if report.outcome.cause == shown else printable(report.outcome.cause),
        "fuel": "" if report.fuel_used is None else f"{report.fuel_used:,} used",
        "recorded": f"{recorded.event_count} events, {size(recorded.stored_bytes)}",
    }
    click.echo(facts({name: value for name, value in rows.items() if value}))
    for line in sent_lines(recorded.messages, recorded.emitted, recorded.message.contract_address):
        click.echo(line)
