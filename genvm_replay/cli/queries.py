"""`query`: runs, events, storage changes, answers of models and attempts by contract, method, result, error, time."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit, short, table
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.query import RunFilter

WHAT: Final = ("runs", "events", "storage", "answers", "attempts")
RESULTS: Final = ("return", "user_error", "vm_error", "internal_error")
ROLES: Final = ("leader", "validator", "sync", "appeal", "replay")
LEFT_OUT: Final = ("fingerprint", "stored_bytes", "recorded_at", "parent", "root", "sender", "hash", "status")
CELL_CHARS: Final = 42
TX_CHARS: Final = 14


@click.command()
@click.argument("what", type=click.Choice(WHAT), default="runs")
@click.option("--contract", metavar="ADDRESS", help="Only of this contract.")
@click.option("--method", metavar="NAME", help="Only calls of this method.")
@click.option("--result", type=click.Choice(RESULTS), help="Only runs that ended so.")
@click.option("--error", metavar="TEXT", help="Only runs whose message contains this text.")
@click.option("--role", type=click.Choice(ROLES), help="Only runs in this role.")
@click.option("--sender", metavar="ADDRESS", help="Only transactions of this sender.")
@click.option("--fingerprint", metavar="HEX", help="Only errors with this fingerprint.")
@click.option("--since", metavar="TIME", help="Only transactions from this time on, RFC 3339.")
@click.option("--until", metavar="TIME", help="Only transactions before this time, RFC 3339.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="Of how many runs at most.",
)
@click.option(
    "--before", metavar="RUN", type=click.IntRange(1), help="Only runs before this one: the next page."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header line.")
@shared_options()
@pass_settings
def query(settings: Settings, /, what: Any, limit: int, as_csv: bool, **wanted: Any) -> None:
    """Search the journal, newest runs first.

    WHAT is runs, events (where they are stored), storage (slots that were written), answers (of nondeterministic
    blocks, models and web pages) or attempts (what the modules tried for them: backend, model, status, time, tokens,
    cost). Conditions add up. All but attempts can be read with SQL too: the views runs_view, events_view,
    storage_changes_view, nondet_answers_view and contracts_view.
    """
    from genvm_replay.journal.query import search

    if as_csv and settings.json:
        raise UsageError("give --csv or --json, not both")
    chosen = run_filter(**wanted)
    with open_store(settings) as store:
        rows, following = search(store.database, what, chosen, limit)
    if settings.json:
        for row in rows:
            emit(row)
    elif as_csv:
        click.echo(csv_text(rows), nl=False)
    elif rows:
        columns = [name for name in rows[0] if what == "attempts" or name not in LEFT_OUT]
        click.echo(table(columns, [[cell(name, row[name]) for name in columns] for row in rows]))
    else:
        click.echo("nothing found", err=True)
    if following is not None:
        click.echo(f"there are more: --before {following}", err=True)


def run_filter(
    contract: str | None,
    sender: str | None,
    fingerprint: str | None,
    since: str | None,
    until: str | None,
    **plain: Any,
) -> RunFilter:
    """The filter that options describe.

    Raises:
        UsageError: an address, a fingerprint or a time is none.
    """
    from genvm_replay.calldata import Address
    from genvm_replay.journal.query import RunFilter

    return RunFilter(
        contract=Address.parse(contract).raw if contract else None,
        sender=Address.parse(sender).raw if sender else None,
        fingerprint=_digest(fingerprint) if fingerprint else None,
        since=_moment(since) if since else None,
        until=_moment(until) if until else None,
        **plain,
    )


def csv_text(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV (RFC 4180, but lines end as on this system)."""
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue()


def cell(name: str, value: object) -> str:
    """A value of a table."""
    if value is None:
        return ""
    return str(value)[:TX_CHARS] if name == "tx" else short(str(value), CELL_CHARS)


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise UsageError(f"{text[:80]!r} is no fingerprint: give 64 hex digits") from error
    if len(digest) != 32:
        raise UsageError(f"{text[:80]!r} is no fingerprint: give 64 hex digits")
    return digest


def _moment(text: str) -> str:
    from genvm_replay.executor.moment import parse_datetime
    from genvm_replay.journal.run_columns import moment_of

    return moment_of(parse_datetime(text).isoformat())
