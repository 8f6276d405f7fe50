"""`what-if` and `decisive`: a recorded transaction in a world in which something is otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from genvm_replay.cli.arguments import read_contract
from genvm_replay.cli.changes import ANSWER_FORM, fields_of, read_changes
from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.one_run import one_run, run_option
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import emit, hexed
from genvm_replay.cli.replays import runners_option
from genvm_replay.cli.what_if_view import decision_json, decision_text, what_if_json, what_if_text
from genvm_replay.errors import UsageError


@click.command("what-if")
@click.argument("tx")
@click.option(
    "--answer",
    "answers",
    metavar="CALL_NO=FILE",
    multiple=True,
    help=f"The result of nondeterministic block CALL_NO, from 0. FILE holds JSON, {ANSWER_FORM}.",
)
@click.option(
    "--storage",
    metavar="FIELD=VALUE",
    multiple=True,
    help="A field of the contract before the transaction, such as total=5 or entries['a'].tags[1]='\"x\"'; VALUE is"
    " JSON. Or bytes: SLOT[:OFFSET]=HEX, where SLOT has 64 hex digits.",
)
@click.option(
    "--code", metavar="FILE", type=click.Path(path_type=Path), help="Another contract, at the same address."
)
@click.option("--balance", "balances", metavar="ADDRESS=N", multiple=True, help="The balance of an address.")
@click.option("--record", is_flag=True, help="Journal the supposed run, as a transaction of its own.")
@run_option
@runners_option
@shared_options()
@pass_settings
@click.pass_context
def what_if(
    context: click.Context,
    settings: Settings,
    /,
    tx: str,
    code: Path | None,
    record: bool,
    run_id: int | None,
    runners_dir: Path | None,
    **changes: tuple[str, ...],
) -> None:
    """Run transaction TX again with something changed, and tell what that changes.

    Everything else is answered from the record. Where the supposed run asks for what the record doesn't know, it ends,
    and that is told (exit code 1). Nothing is journaled, unless with --record.
    """
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.what_if import Supposition

    fields, rest = fields_of(changes.pop("storage"))
    supposed, contract = read_changes(storage=rest, **changes), read_contract(code) if code else None
    if not (fields or rest or any(changes.values()) or code):
        raise UsageError("say what is to be changed: --answer, --storage, --code or --balance")
    with open_store(settings, to_write=record) as store:
        summary = one_run(store, tx, run_id)
        bench = make_bench(settings, store, [Build.EPOCH], runners_dir=runners_dir)
        supposition = Supposition(store.load_run(summary.id), bench)
        parts = [part for name, value in fields.items() for part in supposition.of_field(name, value)]
        found = supposition.suppose(replace(supposed, storage=(*supposed.storage, *parts)), contract)
        told = {"tx": hexed(summary.tx), "run": summary.id}
        journaled = None
        if record and found.finished is not None:
            journaled = hexed(found.finished.header.tx)
            told["recorded_as"] = store.commit(found.finished, method=summary.method)
            told["recorded_tx"] = journaled
        if settings.json:
            emit(told | what_if_json(found, summary.contract))
        else:
            click.echo(what_if_text(found, summary.contract))
            if journaled:
                click.echo(f"recorded  {journaled}")
    if found.supposed is None:
        context.exit(FAILED)


@click.command()
@click.argument("tx")
@run_option
@runners_option
@shared_options()
@pass_settings
def decisive(settings: Settings, tx: str, run_id: int | None, runners_dir: Path | None) -> None:
    """Tell which nondeterministic answers the result of transaction TX hangs on.

    The result of each nondeterministic block is replaced by an empty one and by an error, first each alone, then in
    larger sets, until the kind of the result, the storage hash or the vote becomes another.
    """
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.decisive import decide
    from genvm_replay.replay.what_if import Supposition

    with open_store(settings) as store:
        summary = one_run(store, tx, run_id)
        bench = make_bench(settings, store, [Build.EPOCH], runners_dir=runners_dir)
        decision = decide(Supposition(store.load_run(summary.id), bench))
    if settings.json:
        emit({"tx": hexed(summary.tx), "run": summary.id} | decision_json(decision))
    else:
        click.echo(decision_text(decision))
