"""`replay` and `verify`: is a record still what it was, and does it come out the same again?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from genvm_replay.cli.context import BUILDS, Settings, open_bench, open_store, pass_settings, shared_options
from genvm_replay.cli.errors import ENVIRONMENT, FAILED
from genvm_replay.cli.output import divergence_json, divergence_text, emit, hexed, printable
from genvm_replay.errors import EnvironmentProblem, JournalDamaged, JournalError, UsageError

if TYPE_CHECKING:
    from genvm_replay.executor.engine import Build
    from genvm_replay.journal.source import RunSummary
    from genvm_replay.journal.store import Store
    from genvm_replay.replay.workbench import Workbench

PAGE = 500  # runs listed at once


@click.command()
@click.argument("tx", required=False)
@click.option("--all", "everything", is_flag=True, help="All runs of the journal, oldest first.")
@click.option(
    "--build",
    type=click.Choice(BUILDS),
    help="What to run on. A run with a fuel limit takes fuel, a stopped one epoch, always. [default: fast]",
)
@shared_options()
@pass_settings
@click.pass_context
def replay(
    context: click.Context, settings: Settings, tx: str | None, everything: bool, build: str | None
) -> None:
    """Re-execute recorded runs from the journal alone, compare all.

    TX is a transaction id or its first digits, at least 4. Compared are every request of the contract with the recorded
    one, the result, what was written to storage, the changed pages of memory, and the root of the record. The first
    difference is told.
    """
    if everything == (tx is not None):
        raise UsageError("give a transaction, or --all")
    from genvm_replay.executor.engine import Build

    chosen = Build(build) if build else None
    with open_bench(settings, [chosen or Build.FAST]) as bench:
        found = find_runs(bench.store, tx)
        verdicts = (_replay_one(bench, run, chosen) for run in _watched(found))
        _finish(context, settings, verdicts, good="identical")


@click.command()
@click.argument("tx", nargs=-1)
@shared_options()
@pass_settings
@click.pass_context
def verify(context: click.Context, settings: Settings, tx: tuple[str, ...]) -> None:
    """Check stored runs against their hashes; runs no contract.

    Checks the runs of each TX, or all runs of the journal.
    """
    with open_store(settings) as store:
        found = [run for one in tx for run in find_runs(store, one)] if tx else find_runs(store, None)
        verdicts = (_verify_one(store, run) for run in _watched(found))
        _finish(context, settings, verdicts, good="ok")


def find_runs(store: Store, tx: str | None) -> list[RunSummary]:
    """The runs of a transaction, or all; oldest first.

    Raises:
        UsageError: there is no such transaction.
    """
    found: list[RunSummary] = []
    while page := store.find_runs(tx, limit=PAGE, before=found[-1].id if found else None):
        found += page
    if not found and tx is not None:
        raise UsageError(f"there is no transaction {tx} in {store.database.path}; `runs` lists them")
    return found[::-1]


def _watched(found: list[RunSummary]) -> Iterable[RunSummary]:
    from genvm_replay.cli.progress import watched

    return watched(found)


Verdict = tuple[dict[str, Any], str]  # as JSON, and the details for people


def _replay_one(bench: Workbench, summary: RunSummary, build: Build | None) -> Verdict:
    from genvm_replay.replay.reexecute import natural_build, reexecute

    told: dict[str, Any] = {"tx": hexed(summary.tx), "run": summary.id, "role": summary.role}
    try:
        run = bench.store.load_run(summary.id)
        natural = natural_build(run)
        free = run.header.limits.fuel is None and not run.footer.interrupted
        report = reexecute(run, bench, build if free and build else natural)
    except JournalDamaged as damage:
        return told | {
            "identical": False,
            "damaged": True,
            "divergence": divergence_json(damage),
        }, divergence_text(damage)
    except (JournalError, EnvironmentProblem) as error:
        return told | {"identical": None, "error": str(error)}, f"  {printable(str(error))}"
    told |= {"identical": report.identical, "events": report.events, "seconds": round(report.seconds, 6)}
    told |= {"other_pins": list(report.other_pins), "prefix_only": report.prefix_only}
    notes = []
    if report.prefix_only:
        notes.append("  the run was stopped from outside; what it did until then was compared")
    if report.divergence is None:
        return told, "\n".join(notes)
    if report.other_pins:
        notes.append(
            f"  other than recorded: {', '.join(report.other_pins)}; the difference may come from there"
        )
    notes.insert(0, divergence_text(report.divergence))
    return told | {"divergence": divergence_json(report.divergence)}, "\n".join(notes)


def _verify_one(store: Store, summary: RunSummary) -> Verdict:
    told: dict[str, Any] = {"tx": hexed(summary.tx), "run": summary.id, "role": summary.role}
    try:
        store.verify_run(summary.id)
    except JournalDamaged as damage:
        return told | {"ok": False, "divergence": divergence_json(damage)}, divergence_text(damage)
    except JournalError as error:
        return told | {"ok": None, "error": str(error)}, f"  {printable(str(error))}"
    return told | {"ok": True, "events": summary.event_count}, ""


def _finish(context: click.Context, settings: Settings, verdicts: Iterator[Verdict], *, good: str) -> None:
    """Print verdicts as they come, then a summary; the exit code says whether all are good."""
    counts: dict[str, int] = {}
    for told, details in verdicts:
        word = _word(told, good)
        counts[word] = counts.get(word, 0) + 1
        if settings.json:
            emit(told)
        else:
            _print_verdict(told, word, details, good)
    if not settings.json:
        total = sum(counts.values())
        shown = ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to do"
        if total != 1:
            click.echo(f"{total} runs: {shown}")
    if "NOT CHECKED" in counts:
        context.exit(ENVIRONMENT)
    if counts.keys() - {good}:
        context.exit(FAILED)


def _word(told: dict[str, Any], good: str) -> str:
    verdict = told.get("identical", told.get("ok"))
    if verdict is None:
        return "NOT CHECKED"
    damaged = "ok" in told or told.get("damaged")
    return good if verdict else "DAMAGED" if damaged else "DIFFERENT"


def _print_verdict(told: dict[str, Any], word: str, details: str, good: str) -> None:
    colour = "green" if word == good else "red"
    events = f"  {told['events']} events" if "events" in told else ""
    took = f"  {told['seconds'] * 1000:.1f} ms" if "seconds" in told else ""
    click.echo(
        f"{told['tx']}  run {told['run']}  {told['role']}  {click.style(word, fg=colour)}{events}{took}"
    )
    if details:
        click.echo(details)
