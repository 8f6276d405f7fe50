"""`rounds`: who led a transaction, who judged whom, and how; and the table that the commands of the roles print too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import (
    calldata_json,
    divergence_json,
    divergence_text,
    emit,
    hexed,
    printable,
    short,
    table,
)
from genvm_replay.cli.replays import find_runs

if TYPE_CHECKING:
    from genvm_replay.replay.rounds import Verdict

COLUMNS: Final = (
    "round",
    "run",
    "role",
    "name",
    "of run",
    "vote",
    "result",
    "result hash",
    "storage hash",
    "fingerprint",
    "first difference",
)
HASH_DIGITS: Final = 12
RESULT_CHARS: Final = 40
NAME_CHARS: Final = 20
VIOLATION: Final = "deterministic violation"


@click.command()
@click.argument("tx")
@shared_options()
@pass_settings
def rounds(settings: Settings, tx: str) -> None:
    """Show who led transaction TX, who judged whom, and how they voted.

    TX is a transaction id or its first digits, at least 4. Round 0 is that of the first leader; each appeal opens
    another. All is read from the journal, nothing is run. The vote of a syncing node is about the deterministic part
    alone.
    """
    from genvm_replay.replay.rounds import verdicts

    with open_store(settings) as store:
        found = verdicts(store, find_runs(store, tx))
    tell(settings, found)
    if not settings.json:
        for line in tallies(found):
            click.echo(line)


def tell(settings: Settings, found: Sequence[Verdict]) -> None:
    """Print verdicts: a table, and below it what was violated; or one JSON object for each."""
    if settings.json:
        for one in found:
            emit(verdict_json(one))
        return
    click.echo(table(COLUMNS, [_row(one) for one in found]))
    for one in found:
        if one.vote.word == VIOLATION and one.vote.difference is not None:
            click.echo(f"run {one.run_id} differs from run {one.leader_id}")
            click.echo(divergence_text(one.vote.difference))
            if one.other_pins:
                others = ", ".join(one.other_pins)
                click.echo(
                    f"    not the versions of the leader: {others}; the difference may come from there"
                )


def tallies(found: Sequence[Verdict]) -> list[str]:
    """The votes of each round on each leader's run, counted."""
    counts: dict[tuple[int, int], Counter[str]] = {}
    for one in found:
        if one.vote.word is not None and one.leader_id is not None and one.role != "sync":
            counts.setdefault((one.round, one.leader_id), Counter())[one.vote.word] += 1
    return [
        f"round {number}, on run {leader}: " + ", ".join(f"{count} {word}" for word, count in votes.items())
        for (number, leader), votes in counts.items()
    ]


def verdict_json(one: Verdict) -> dict[str, Any]:
    """A verdict with everything that is known of it."""
    difference = one.vote.difference
    return {
        "round": one.round,
        "run": one.run_id,
        "role": one.role,
        "name": one.name or None,
        "of_run": one.leader_id,
        "parent": None if one.parent is None else hexed(one.parent),
        "vote": one.vote.word,
        "disagrees_with_block": one.vote.block,
        "result": {"kind": one.kind, "value": _value(one)},
        "result_hash": hexed(one.result_hash),
        "storage_hash": hexed(one.storage_hash),
        "fingerprint": None if one.fingerprint is None else hexed(one.fingerprint),
        "other_pins": list(one.other_pins),
        "first_difference": None if difference is None else divergence_json(difference),
    }


def _value(one: Verdict) -> Any:
    return calldata_json(one.payload) if one.kind == "return" else one.payload.decode(errors="replace")


def _row(one: Verdict) -> list[str]:
    block = "" if one.vote.block is None else f" (block {one.vote.block})"
    value = _value(one)
    shown = (
        value if isinstance(value, str) and one.kind != "return" else json.dumps(value, ensure_ascii=False)
    )
    difference = one.vote.difference
    place = ""
    if difference is not None:
        at = "" if difference.seq is None else f"[{difference.seq}]"
        place = f"{difference.line}{at} {difference.field}"
    return [
        str(one.round),
        str(one.run_id),
        one.role,
        short(one.name, NAME_CHARS),
        _leader(one),
        f"{one.vote.word or '-'}{block}",
        short(f"{one.kind} {printable(shown)}", RESULT_CHARS),
        *(_digits(digest) for digest in (one.result_hash, one.storage_hash, one.fingerprint)),
        place,
    ]


def _leader(one: Verdict) -> str:
    if one.leader_id is None:
        return "" if one.parent is None else "not here"
    return str(one.leader_id)


def _digits(digest: bytes | None) -> str:
    return "" if digest is None else digest.hex()[:HASH_DIGITS]
