"""`triage`: which factor a difference follows, the record, the build, the runners, or chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.explanation_view import explanation_json, explanation_text
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import divergence_json, divergence_text, emit, hexed, printable, table
from genvm_replay.cli.replays import find_runs, runners_option

if TYPE_CHECKING:
    from genvm_replay.journal.stored import StoredRun
    from genvm_replay.replay.triage import Trial
    from genvm_replay.replay.workbench import Workbench

COLUMNS: Final = ("build", "runners", "re-execution", "came out")
RECORDED, BUILT_IN = "recorded", "built-in"


@click.command()
@click.argument("tx")
@runners_option
@shared_options()
@pass_settings
@click.pass_context
def triage(context: click.Context, settings: Settings, tx: str, runners_dir: Path | None) -> None:
    """Re-execute the runs of transaction TX in every way, and say which factor a difference follows.

    Each run is re-executed twice on each build: fast, epoch, fuel and Pulley, wasmtime's interpreter. A run that used
    official runner archives is re-executed with these (--runners) and with the built-in runners. A run with a fuel
    limit can only be re-executed on the fuel build, one that was stopped only on epoch. The exit code is 1 if anything
    differs.
    """
    from genvm_replay.executor.engine import BUILDS
    from genvm_replay.journal.store import at_one_moment

    good = True
    with open_store(settings) as store:
        found = find_runs(store, tx)
        bench = make_bench(settings, store, BUILDS, runners_dir=runners_dir)
        for summary in found:
            with at_one_moment(store, summary):
                run = store.load_run(summary.id)
                run.verify()
                good &= _triage_one(settings, run, bench, two=runners_dir is not None)
    context.exit(0 if good else FAILED)


def _triage_one(settings: Settings, run: StoredRun, bench: Workbench, *, two: bool) -> bool:
    from genvm_replay.replay.examine import explain
    from genvm_replay.replay.reexecute import ARCHIVE
    from genvm_replay.replay.triage import factor_of, trials
    from genvm_replay.replay.workbench import Workbench

    benches = {RECORDED: bench}
    if two and any(runner.endswith(f" {ARCHIVE}") for runner in run.footer.runners):
        benches[BUILT_IN] = Workbench(bench.store, lambda: bench.runtime)
    made = list(trials(run, benches))
    factor = factor_of(made)
    first = next((trial.found for trial in made if trial.found is not None), None)
    explanation = None if first is None else explain(run, bench, first)
    assert run.summary is not None
    if settings.json:
        told: dict[str, Any] = {"tx": hexed(run.header.tx), "run": run.summary.id}
        told |= {"factor": factor.kind, "text": factor.text, "trials": [_trial_json(one) for one in made]}
        if explanation is not None:
            told["explanation"] = explanation_json(explanation)
        emit(told)
    else:
        click.echo(f"{hexed(run.header.tx)}  run {run.summary.id}  {run.header.role}")
        click.echo(table(COLUMNS, [_row(one) for one in made]))
        click.echo(f"{factor.kind}: {factor.text}")
        if explanation is not None:
            click.echo(divergence_text(explanation.found))
            click.echo(explanation_text(explanation))
    return factor.kind == "nothing"


def _trial_json(made: Trial) -> dict[str, Any]:
    return {
        "build": made.build,
        "runners": made.runners,
        "repetition": made.repetition + 1,
        "divergence": None if made.found is None else divergence_json(made.found),
        "problem": made.problem,
    }


def _row(made: Trial) -> tuple[str, str, str, str]:
    found = made.found
    if found is None:
        came = f"not run: {made.problem}" if made.problem else "identical"
    else:
        at = found.line if found.seq is None else f"{found.line}[{found.seq}]"
        came = f"differs at {at}, {found.field}"
    return made.build, made.runners, str(made.repetition + 1), printable(came)
