"""`report`: what a re-execution finds, on the terminal or as one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import ENVIRONMENT, FAILED
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import printable, short
from genvm_replay.cli.replays import find_runs, runners_option
from genvm_replay.cli.verdicts import finish, replay_one
from genvm_replay.errors import EnvironmentProblem

if TYPE_CHECKING:
    from genvm_replay.cli.verdicts import Verdict

WORDS: Final = {True: "identical", False: "different", None: "not checked"}
RUN_ROWS: Final = ("tx", "run", "role", "events", "other_pins", "prefix_only", "error")
html_option: Final = click.option(
    "--html",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an HTML page to FILE instead, one that needs no other file and no network.",
)


@click.command()
@click.argument("tx")
@html_option
@click.option("--run", "run_id", metavar="ID", type=int, help="Only this run of TX.")
@runners_option
@shared_options()
@pass_settings
@click.pass_context
def report(
    context: click.Context,
    settings: Settings,
    tx: str,
    target: Path | None,
    run_id: int | None,
    runners_dir: Path | None,
) -> None:
    """Re-execute the runs of transaction TX and report on each: what differed first, where, and why.

    Told are the first difference, the VM and the line of the contract that it happened in, what it changed in the end,
    and a class of cause with its evidence. Unlike `replay`, it also searches the records of identical runs for answers
    that can't have been given.
    """
    from genvm_replay.executor.engine import Build

    with open_store(settings) as store:
        found = find_runs(store, tx, run_id)
        bench = make_bench(settings, store, [Build.EPOCH], runners_dir=runners_dir)
        verdicts = [replay_one(bench, run, None, thorough=True).whole() for run in found]
    if target is None:
        finish(context, settings, iter(verdicts), good="identical")
        return
    write_page(target, page(verdicts))
    outcomes = {verdict.told["identical"] for verdict in verdicts}
    context.exit(ENVIRONMENT if None in outcomes else FAILED if False in outcomes else 0)


def page(verdicts: list[Verdict]) -> str:
    """The report as HTML. Every value is escaped: a contract or a journal of somebody else may hold markup."""
    return html_page(f"Report on {verdicts[0].told['tx']}", "\n".join(section(one.told) for one in verdicts))


def html_page(title: str, sections: str) -> str:
    """A page that needs no other file; `sections` is HTML."""
    template = Template(files("genvm_replay.cli").joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(title=text(title), runs=sections)


def write_page(target: Path, content: str) -> None:
    """Write a page, and say where it is.

    Raises:
        EnvironmentProblem: it can't be written.
    """
    try:
        target.write_text(content, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"can't write {target}: {error.strerror}") from error
    click.echo(str(target), err=True)


def section(told: dict[str, Any]) -> str:
    """One run."""
    word = WORDS[told["identical"]]
    parts = [f'<section class="{word.replace(" ", "-")}"><h2>{text(word)}</h2>']
    parts.append(rows({name: told[name] for name in RUN_ROWS if told.get(name) not in (None, "", [], False)}))
    if "divergence" in told:
        found = told["divergence"]
        at = found["line"] if found["seq"] is None else f"{found['line']}[{found['seq']}]"
        first = {"at": at, "field": found["field"], "recorded": found["expected"], "now": found["actual"]}
        parts += ["<h3>First difference</h3>", rows(first)]
    if "explanation" in told:
        parts.append(explained(told["explanation"]))
    return "\n".join([*parts, "</section>"])


def explained(told: dict[str, Any]) -> str:
    """Place, consequences and cause of a difference."""
    parts, cause = [], told["cause"]
    place = {"VM": told["vm"], "contract": told["contract_line"]}
    if any(place.values()):
        parts += ["<h3>Where the contract was</h3>", rows({k: v for k, v in place.items() if v})]
    if told["traceback"]:
        parts.append(f"<pre>{text(told['traceback'])}</pre>")
    parts.append("<h3>What it changed in the end</h3>")
    if told["unknown_end"]:
        parts.append(f"<p>Not known: {text(told['unknown_end'])}</p>")
    elif told["changes"]:
        cells = (
            f"<tr><td>{text(one['level'])}</td><td>{text(one['place'])}</td>"
            f"<td>{value(one['first'])}</td><td>{value(one['second'])}</td></tr>"
            for one in told["changes"]
        )
        head = "<tr><th>level</th><th>what</th><th>recorded</th><th>now</th></tr>"
        parts.append(f"<table>{head}{''.join(cells)}</table>")
    else:
        parts.append("<p>Nothing.</p>")
    if told.get("vms"):
        cells = (
            f"<tr><td>{text(one['vm'])}</td><td>{text(one['what'])}</td><td>{value(one.get('result'))}</td></tr>"
            for one in told["vms"]
        )
        parts.append(f"<h3>VMs of the re-execution</h3><table>{''.join(cells)}</table>")
    proved = "proved" if cause["proved"] else "likely"
    parts.append(f"<h3>Cause: {text(cause['title'])} ({proved})</h3>")
    parts.append(f"<ul>{''.join(f'<li>{text(one)}</li>' for one in cause['evidence'])}</ul>")
    return "\n".join(parts)


def rows(facts: dict[str, Any]) -> str:
    """Names and values as a table."""
    return (
        "<table>"
        + "".join(f"<tr><th>{text(k)}</th><td>{value(v)}</td></tr>" for k, v in facts.items())
        + "</table>"
    )


def value(shown: object) -> str:
    """A value of JSON on one line, cut where it is long."""
    return text(", ".join(map(str, shown)) if isinstance(shown, list) else short(shown))


def text(raw: object) -> str:
    """Text without meaning to a browser."""
    return escape(printable(str(raw)))
