"""`at`: the state of a guest at a point of a recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.one_run import one_run, run_option
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import emit, hexed
from genvm_replay.cli.replays import runners_option
from genvm_replay.cli.state_view import state_json, state_text
from genvm_replay.cli.stored_view import event_json, event_text
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.replay.fuel_clock import GuestState
    from genvm_replay.replay.storage_view import FieldState
    from genvm_replay.replay.workbench import Workbench

FUEL_MAX = (1 << 63) - 1


@click.command()
@click.argument("tx")
@click.option(
    "--event", metavar="N", type=int, help="Stop where the run asks for event N; `show --events` lists them."
)
@click.option("--line", metavar="NAME", default="main", help="The line that --event counts. [default: main]")
@click.option(
    "--step", metavar="K", type=int, default=0, help="So many events on from --event; -1 for one back."
)
@click.option(
    "--fuel",
    metavar="F",
    type=click.IntRange(0, FUEL_MAX),
    help="Stop where the main VM has used so much fuel; its end, if it uses less.",
)
@run_option
@runners_option
@shared_options()
@pass_settings
def at(
    settings: Settings,
    tx: str,
    event: int | None,
    line: str,
    step: int,
    fuel: int | None,
    run_id: int | None,
    runners_dir: Path | None,
) -> None:
    """Show the state of the guest at one point of transaction TX.

    The record is run again, on the fuel build, up to --event or --fuel. Shown are the VMs that are running there: where
    in the contract a Python guest is, with its local variables, the fuel used, the pages of memory that have changed,
    and what has been read of storage and written there so far, by field of the contract.
    """
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.fuel_clock import state_at_event, state_at_fuel

    if (event is None) == (fuel is None):
        raise UsageError("give a point: --event N or --fuel F")
    if event is None and step:
        raise UsageError("--step counts events: it goes with --event")
    with open_store(settings) as store:
        summary = one_run(store, tx, run_id)
        run = store.load_run(summary.id)
        bench = make_bench(settings, store, [Build.FUEL], runners_dir=runners_dir)
        told = {"tx": hexed(summary.tx), "run": summary.id}
        shown = ""
        if event is not None:
            seq = event + step
            state = state_at_event(run, bench, seq, line, with_locals=True)
            asked = run.event(line, seq)
            told["event"] = event_json(line, seq, asked)
            shown = event_text(line, seq, asked, summary.contract)
        else:
            assert fuel is not None
            state = state_at_fuel(run, bench, fuel, with_locals=True)
        fields = _fields(bench, state)
        if settings.json:
            emit(told | state_json(state, fields))
        else:
            click.echo(state_text(state, shown, fields))


def _fields(bench: Workbench, state: GuestState) -> list[FieldState]:
    """The storage at a point by field; nothing where the contract's layout is not known."""
    from genvm_replay.replay.storage_layout import storage_layout
    from genvm_replay.replay.storage_view import code_in, storage_view

    code = code_in(state.known)
    layout = [] if code is None else storage_layout(bench.runtime, code)
    return list(storage_view(layout, state.known, state.written))
