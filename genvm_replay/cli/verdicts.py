"""What a re-execution or a check of one run came to, and how a row of them is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from genvm_replay.cli.context import Settings
from genvm_replay.cli.errors import ENVIRONMENT, FAILED
from genvm_replay.cli.explanation_view import confirmation_text, explanation_json, explanation_text
from genvm_replay.cli.output import divergence_json, divergence_text, emit, hexed, printable
from genvm_replay.errors import EnvironmentProblem, JournalDamaged, JournalError

if TYPE_CHECKING:
    from genvm_replay.executor.engine import Build
    from genvm_replay.journal.source import RunSummary
    from genvm_replay.journal.store import Store
    from genvm_replay.replay.examine import Examined
    from genvm_replay.replay.workbench import Workbench


class Verdict(NamedTuple):
    """What is told of one run.

    Attributes:
        told: as JSON.
        details: for people.
        rest: does what takes another re-execution; gives the JSON again, and what it adds to the details.
    """

    told: dict[str, Any]
    details: str
    rest: Callable[[], tuple[dict[str, Any], str]] | None = None

    def whole(self) -> Verdict:
        """The same with the rest."""
        if self.rest is None:
            return self
        told, more = self.rest()
        return Verdict(told, "\n".join(part for part in (self.details, more) if part))


def replay_one(
    bench: Workbench, summary: RunSummary, build: Build | None, *, thorough: bool = False
) -> Verdict:
    """Re-execute one run; explain a difference.

    Args:
        thorough: see `examine`.
        build: None: one that goes on behind a difference. Not heeded for runs that only one build can re-execute.
    """
    from genvm_replay.journal.store import at_one_moment
    from genvm_replay.replay.examine import confirmed, examine

    told = _named(summary)
    try:
        with at_one_moment(bench.store, summary):
            run = bench.store.load_run(summary.id)
            any_build = run.header.limits.fuel is None and not run.footer.interrupted
            examined = examine(run, bench, build if any_build else None, thorough=thorough)
    except JournalDamaged as damage:
        told |= {"identical": False, "damaged": True, "divergence": divergence_json(damage)}
        return Verdict(told, divergence_text(damage))
    except (JournalError, EnvironmentProblem) as error:
        return Verdict(told | {"identical": None, "error": str(error)}, f"    {printable(str(error))}")
    told, details = _examined(told, examined)
    first = examined.explanation
    if first is None or examined.report is None or not first.open:
        return Verdict(told, details)

    def rest() -> tuple[dict[str, Any], str]:
        sure = confirmed(run, bench, first)
        return told | {"explanation": explanation_json(sure)}, confirmation_text(first, sure)

    return Verdict(told, details, rest)


def _examined(told: dict[str, Any], examined: Examined) -> tuple[dict[str, Any], str]:
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
        return Verdict(told | {"ok": False, "divergence": divergence_json(damage)}, divergence_text(damage))
    except JournalError as error:
        return Verdict(told | {"ok": None, "error": str(error)}, f"    {printable(str(error))}")
    told |= {"ok": True, "events": summary.event_count, "redacted": [str(gone) for gone in redacted]}
    return Verdict(told, "\n".join(f"    {printable(text)}" for text in told["redacted"]))


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
                found = {"ok": False, "divergence": divergence_json(damage)}
                yield Verdict(told | found, divergence_text(damage))
            else:
                yield Verdict(told | {"ok": True, "events": sum(line.count for line in run.all_lines())}, "")


def _named(summary: RunSummary) -> dict[str, Any]:
    return {"tx": hexed(summary.tx), "run": summary.id, "role": summary.role}


def finish(context: click.Context, settings: Settings, verdicts: Iterator[Verdict], *, good: str) -> None:
    """Print verdicts as they come, the first report of each before the rest, then a summary.

    The exit code says whether all are good.
    """
    counts: dict[str, int] = {}
    for verdict in verdicts:
        word = _word(verdict.told, good)
        counts[word] = counts.get(word, 0) + 1
        if settings.json:
            emit(verdict.whole().told)
            continue
        _print_verdict(verdict.told, word, verdict.details, good)  # what takes longer comes after
        more = verdict.rest()[1] if verdict.rest else ""
        if more:
            click.echo(more)
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
