"""`deploy` and `call`: run a transaction on the local node and record it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from genvm_replay.cli.arguments import read_contract, read_kwargs, read_values
from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import DONE, FAILED
from genvm_replay.cli.module_options import ModuleChoice
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.recorded_view import show, show_delivery
from genvm_replay.cli.transaction_options import call_options, transaction_options
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.store import Store
    from genvm_replay.replay.local_node import CallOptions, LocalNode, Recorded

# Negative numbers are arguments, not options; what is neither is refused in `arguments`.
ARGUMENTS: Final = {"ignore_unknown_options": True}
ARGUMENT_HELP: Final = """Each ARG is one JSON value: 5, true, '"text"', '[1, 2]', '{"key": null}'. What JSON lacks is
written {"$address": "0x..."} and {"$bytes": "hex digits"}."""


@click.command(context_settings=ARGUMENTS, epilog=ARGUMENT_HELP)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("args", metavar="[ARG]...", nargs=-1)
@transaction_options
@shared_options()
@pass_settings
@click.pass_context
def deploy(
    context: click.Context,
    settings: Settings,
    /,
    file: Path,
    args: tuple[str, ...],
    kwargs: str | None,
    deliver: bool,
    **options: Any,
) -> None:
    """Deploy the contract in FILE and record the run. The ARGs go to its constructor."""
    modules = ModuleChoice.taken_from(options)
    code, sent = read_contract(file), call_options(**options)
    positional, named = read_values(args), read_kwargs(kwargs)
    with open_store(settings, to_write=True) as store, modules.opened() as (addresses, asking):
        sent = replace(sent, modules=addresses, asking=asking)
        node = _node(settings, store, sent)
        recorded = node.deploy(code, positional, named, sent)
        good = _tell(settings, node, recorded, deliver=deliver, deployed=True)
    context.exit(DONE if good else FAILED)


@click.command(context_settings=ARGUMENTS, epilog=ARGUMENT_HELP)
@click.argument("address")
@click.argument("method")
@click.argument("args", metavar="[ARG]...", nargs=-1)
@click.option("--view", is_flag=True, help="Without the rights to write and to send; changes nothing.")
@transaction_options
@shared_options()
@pass_settings
@click.pass_context
def call(
    context: click.Context,
    settings: Settings,
    /,
    address: str,
    method: str,
    args: tuple[str, ...],
    view: bool,
    kwargs: str | None,
    deliver: bool,
    **options: Any,
) -> None:
    """Call METHOD of the contract at ADDRESS with the ARGs and record it."""
    from genvm_replay.calldata import Address

    modules = ModuleChoice.taken_from(options)
    target, sent = Address.parse(address), call_options(**options)
    positional, named = read_values(args), read_kwargs(kwargs)
    if not method.isprintable():
        raise UsageError(f"{method!r} is no name of a method")
    with open_store(settings, to_write=True) as store, modules.opened() as (addresses, asking):
        sent = replace(sent, modules=addresses, asking=asking)
        node = _node(settings, store, sent)
        recorded = node.call(target, method, positional, named, sent, view=view)
        good = _tell(settings, node, recorded, deliver=deliver)
    context.exit(DONE if good else FAILED)


def _tell(
    settings: Settings, node: LocalNode, recorded: Recorded, *, deliver: bool, deployed: bool = False
) -> bool:
    """Print a transaction, and with `deliver` those that it leads to; gives whether all returned."""
    good = show(settings, recorded, deployed=deployed)
    if deliver:
        from genvm_replay.replay.delivery import deliver_all

        for delivery in deliver_all(node, recorded):
            good &= show_delivery(settings, delivery)
    return good


def _node(settings: Settings, store: Store, options: CallOptions) -> LocalNode:
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.local_node import LocalNode

    return LocalNode(make_bench(settings, store, [Build.EPOCH if options.fuel is None else Build.FUEL]))
