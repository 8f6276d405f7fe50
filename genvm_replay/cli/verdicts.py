"""What a re-execution or a check of one run came to, and how a row of them is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genvm_replay.cli.context import Settings
from genvm_replay.cli.errors import ENVIRONMENT, FAILED
from genvm_replay.cli.explanation_view import explanation_json, explanation_text
from genvm_replay.cli.output import divergence_json, divergence_text, emit, hexed, printable
from genvm_replay.errors import EnvironmentProblem, JournalDamaged, JournalError

if TYPE_CHECKING:
    from genvm_replay.executor.engine import Build
    from genvm_replay.journal.source import RunSummary
    from genvm_replay.journal.store import Store
    from genvm_replay.replay.examine import Examined
    from genvm_replay.replay.workbench import Workbench

Verdict = tuple[dict[str, Any], str]  # as JSON, and the details for people


def replay_one(
    bench: Workbench, summary: RunSummary, build: Build | None, *, thorough: bool = False
) -> Verdict:
    """Re-execute one run; explain a difference.

    Args:
        thorough: see `examine`.
        build: None: the one that the run needs. Not heeded for runs that only one build can re-execute.
    """
    from genvm_replay.journal.store import at_one_moment
    from genvm_replay.replay.examine import examine
    from genvm_replay.replay.reexecute import natural_build

    told = _named(summary)
    try:
        with at_one_moment(bench.store, summary):
            run = bench.store.load_run(summary.id)
            any_build = run.header.limits.fuel is None and not run.footer.interrupted
            chosen = build if any_build and build else natural_build(run)
            examined = examine(run, bench, chosen, thorough=thorough)
    except JournalDamaged as damage:
        told |= {"identical": False, "damaged": True, "divergence": divergence_json(damage)}
        return told, divergence_text(damage)
    except (JournalError, EnvironmentProblem) as error:
        return told | {"identical": None, "error": str(error)}, f"    {printable(str(error))}"
    return _examined(told, examined)


def _examined(told: dict[str, Any], examined: Examined) -> Verdict:
    report, explanation = examined.report, examined.explanation
    told["identical"] = explanation is None
    notes = []
    if report is not None:
        told |= {"events": report.events, "seconds": round(report.seconds, 6)}
        told |= {"other_pins": list(report.other_pins), "prefix_only": report.prefix_only}
    if explanation is not None:
        found = explanation.found
        if isinstance(found, JournalDamaged):
            told["damaged"] = True
        told["divergence"] = divergence_json(found)
        told["explanation"] = explanation_json(explanation)
        notes += [divergence_text(found), explanation_text(explanation)]
        if report is not None and report.other_pins:
            others = ", ".join(report.other_pins)
            notes.append(f"    not the recorded versions here: {others}; the difference may come from there")
    if report is not None and report.prefix_only:
        notes.append("    the run was stopped from outside; what it did until then was compared")
    return told, "\n".join(notes)


def verify_one(store: Store, summary: RunSummary) -> Verdict:
    """Check the stored bytes of one run."""
    told = _named(summary)
    try:
        redacted = store.verify_run(summary.id)
    except JournalDamaged as damage:
        return told | {"ok": False, "divergence": divergence_json(damage)}, divergence_text(damage)
    except JournalError as error:
        return told | {"ok": None, "error": str(error)}, f"    {printable(str(error))}"
    told |= {"ok": True, "events": summary.event_count, "redacted": [str(gone) for gone in redacted]}
    return told, "\n".join(f"    {printable(text)}" for text in told["redacted"])


def verify_archives(files: Iterable[Path]) -> Iterator[Verdict]:
    """Check the runs of archives; they are counted from 1 in each file."""
    from genvm_replay.cli.archives import archived_runs
    from genvm_replay.journal.run_record import decode_header
    from genvm_replay.journal.transfer import opened

    for file in files:
        for number, archived in enumerate(archived_runs(file), 1):
            header = decode_header(archived.record.header)
            told: dict[str, Any] = {
                "tx": hexed(header.tx),
                "run": number,
                "role": header.role,
                "file": str(file),
            }
            try:
                run = opened(archived)
            except JournalDamaged as damage:
                yield told | {"ok": False, "divergence": divergence_json(damage)}, divergence_text(damage)
            else:
                yield told | {"ok": True, "events": sum(line.count for line in run.all_lines())}, ""


def _named(summary: RunSummary) -> dict[str, Any]:
    return {"tx": hexed(summary.tx), "run": summary.id, "role": summary.role}


def finish(context: click.Context, settings: Settings, verdicts: Iterator[Verdict], *, good: str) -> None:
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
