"""`prove` and `verify-proof`: one event of a run in a small file, which holds without the journal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit, facts, hexed, plain, printable, short
from genvm_replay.cli.replays import find_runs
from genvm_replay.errors import ProofBroken, UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.database_store import DatabaseStore
    from genvm_replay.journal.proof import Proven
    from genvm_replay.journal.stored import StoredRun

EVENT: Final = re.compile(r"(.+?)(?:\[([0-9]{1,18})\]|:([0-9]{1,18}))")
KEY_BYTES_MAX: Final = 1 << 16
CHOSEN = click.option("--run", "run_id", metavar="ID", type=int, help="Which run, where TX has several.")
AT = click.option(
    "--event", "place", metavar="LINE:SEQ", required=True, help="Which event, as `show --events` names it."
)


@click.command()
@click.argument("tx")
@AT
@CHOSEN
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="[default: stdout]",
)
@shared_options()
@pass_settings
def prove(settings: Settings, tx: str, place: str, run_id: int | None, output: Path | None) -> None:
    """Write the proof that an event is part of a run.

    It shows the event with its payloads, the header of the run and its signatures. It hides all else; events without a
    payload stored apart are shown with up to 127 neighbours. `verify-proof` checks it, on any machine.
    """
    from genvm_replay.journal.proof import encode_proof

    line, seq = read_place(place)
    with open_store(settings) as store:
        proof = encode_proof(one_run(store, tx, run_id).prove(line, seq))
    if output is None:
        click.echo(proof, nl=False)
        return
    output.write_bytes(proof)
    if settings.json:
        emit({"proof": str(output), "bytes": len(proof)})
    else:
        click.echo(f"wrote {output}, {len(proof)} bytes")


@click.command("verify-proof")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--root", metavar="HEX", help="The root of the run, from elsewhere: the proof must lead to it.")
@click.option(
    "--key", metavar="KEY", help="A public key, in hex or a PEM file: it must have signed the root."
)
@shared_options(db=False)
@pass_settings
def verify_proof(settings: Settings, file: Path, root: str | None, key: str | None) -> None:
    """Check a proof that `prove` wrote, and show what it proves.

    Needs nothing but FILE. A proof is worth what its root is worth: compare it with one that you have from elsewhere,
    by --root, or name a signer that you trust, by --key.
    """
    from genvm_replay.journal.proof import PROOF_BYTES_MAX, check_proof, decode_proof

    proven = check_proof(decode_proof(read_file(file, PROOF_BYTES_MAX)))
    if root is not None and proven.root.hex() != root.lower().removeprefix("0x"):
        raise ProofBroken(f"the proof is of a run with root {hexed(proven.root)}, not {root[:80]}")
    if key is not None and public_key(key) not in proven.signers:
        raise ProofBroken("the proof has no signature by that key")
    told = proven_json(proven)
    if settings.json:
        emit(told)
    else:
        click.echo(proven_text(told))


def proven_json(proven: Proven) -> dict[str, Any]:
    header = proven.header
    told: dict[str, Any] = {
        "ok": True,
        "root": hexed(proven.root),
        "tx": hexed(header.tx),
        "role": header.role,
        "contract": hexed(header.message.contract_address),
        "time": header.message.datetime,
        "line": proven.line,
        "seq": proven.seq,
        "redacted": [{"field": gone.field, "blake3": gone.digest.hex()} for gone in proven.missing],
        "signers": [key.hex() for key in proven.signers],
    }
    if proven.event is not None:
        request, answer = proven.event.request, proven.event.answer
        told["kind"] = request.__struct_config__.tag
        told["request"] = {name: plain(getattr(request, name)) for name in request.__struct_fields__}
        told["answer"] = {"error": answer.error, "value": plain(answer.value)}
    return told


def proven_text(told: dict[str, Any]) -> str:
    rows = {name: told[name] for name in ("tx", "role", "contract", "time", "root")}
    rows["event"] = f"{told['line']}[{told['seq']}] {told.get('kind', '(redacted)')}"
    for name, value in told.get("request", {}).items():
        rows[f"  {name}"] = short(value)
    if "answer" in told:
        rows["  answer"] = f"{short(told['answer']['value'])}, host error {told['answer']['error']}"
    for gone in told["redacted"]:
        rows[f"  {gone['field']}"] = f"redacted; its BLAKE3 is {gone['blake3']}"
    rows["signed by"] = ", ".join(told["signers"]) or "nobody"
    return facts({name: printable(value) for name, value in rows.items()}) + "\nthe proof holds"


def read_place(text: str) -> tuple[str, int]:
    """Line and index of an event, from `main:12` or `main[12]`."""
    found = EVENT.fullmatch(text)
    if found is None:
        raise UsageError(f"{text[:80]!r} names no event: give LINE:SEQ, such as main:12")
    return found[1], int(found[2] or found[3])


def one_run(store: DatabaseStore, tx: str, run_id: int | None) -> StoredRun:
    """The run of a transaction that is meant."""
    ids = [run.id for run in find_runs(store, tx)]
    if run_id is not None and run_id not in ids:
        raise UsageError(f"transaction {tx} has no run {run_id}; its runs: {', '.join(map(str, ids))}")
    if run_id is None and len(ids) > 1:
        raise UsageError(
            f"transaction {tx} has several runs: choose by --run one of {', '.join(map(str, ids))}"
        )
    return store.load_run(ids[0] if run_id is None else run_id)


def public_key(text: str) -> bytes:
    """A public key that was given as digits, or as the path of a file."""
    from genvm_replay.journal.signing import read_public_key

    path = Path(text)
    return read_public_key(read_file(path, KEY_BYTES_MAX) if path.is_file() else os.fsencode(text), text[:80])


def read_file(path: Path, size_max: int) -> bytes:
    """A whole file, `-` for standard input; never more than it may have."""
    stream = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    with stream:
        data = stream.read(size_max + 1)
    if len(data) > size_max:
        raise UsageError(f"{path} is larger than {size_max} bytes")
    return data
