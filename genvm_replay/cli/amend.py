"""`sign` and `redact`: what may be added to or removed from a run after it was recorded. Its root stays."""

from __future__ import annotations

from pathlib import Path

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit, hexed
from genvm_replay.cli.proofs import AT, CHOSEN, KEY_BYTES_MAX, one_run, read_file, read_place
from genvm_replay.cli.replays import find_runs
from genvm_replay.errors import UsageError


@click.command()
@click.argument("tx")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Private Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` writes it. It is not stored.",
)
@shared_options()
@pass_settings
def sign(settings: Settings, tx: str, key_file: Path) -> None:
    """Sign the roots of the runs of transaction TX; `verify` and proofs check the signatures.

    Each run is verified first: a damaged one is not signed.
    """
    from genvm_replay.journal import amendments
    from genvm_replay.journal.signing import read_private_key, sign

    key = read_private_key(read_file(key_file, KEY_BYTES_MAX), str(key_file))
    with open_store(settings, to_write=True) as store:
        for summary in find_runs(store, tx):
            store.verify_run(summary.id)
            public, signature = sign(summary.root, key)
            amendments.add_signature(store.database, summary.id, public, signature)
            if settings.json:
                emit({"run": summary.id, "root": hexed(summary.root), "public_key": public.hex()})
            else:
                click.echo(f"run {summary.id}, root {hexed(summary.root)}: signed by {public.hex()}")


@click.command()
@click.argument("tx")
@AT
@CHOSEN
@click.option(
    "--field", metavar="NAME", help="Only this payload, such as answer.value. [default: all of the event]"
)
@click.option("--reason", metavar="TEXT", default="", help="Kept beside the hash of what was removed.")
@shared_options()
@pass_settings
def redact(
    settings: Settings, tx: str, place: str, run_id: int | None, field: str | None, reason: str
) -> None:
    """Remove the payload of an event, such as a prompt and its answer, from the whole journal, for good.

    The hash of the payload stays, so that chain, root, signatures and proofs of the run hold. The run can't be
    re-executed any more. Payloads that stand in their event can't be removed: those below 16 bytes, and up to 4 KiB
    those of storage, calldata and streams. A copy of the text that the contract stored or returned is another payload.
    """
    from genvm_replay.journal import amendments

    line, seq = read_place(place)
    with open_store(settings, to_write=True) as store:
        found = one_run(store, tx, run_id).payloads_of(line, seq)
        chosen = [digest for name, digest in found if field in (None, name)]
        if not chosen:
            names = ", ".join(name for name, _ in found) or "none"
            raise UsageError(
                f"{line}[{seq}] has no such payload that is stored apart; those that are: {names}"
            )
        runs = amendments.redact(store.database, chosen, reason)
    payloads = [digest.hex() for digest in chosen]
    if settings.json:
        emit({"payloads": payloads, "runs": runs})
    else:
        click.echo(f"removed {', '.join(payloads)}; named by run {', '.join(map(str, runs))}")
