"""The options that `deploy` and `call` share: who sends what, when, within which limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from genvm_replay.cli.module_options import module_options
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.replay.local_node import CallOptions

MEMORY_BYTES_MAX: Final = 0xFFFF_FFFF
U64_MAX: Final = 2**64 - 1
FUEL_MAX: Final = 2**63 - 1
DEADLINE_SECONDS: Final = 60.0
DEADLINE_SECONDS_MAX: Final = 86_400.0
UNITS: Final = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

Command = TypeVar("Command", bound=Callable[..., Any])


def read_size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read a number of bytes, with a unit or without: 65536, 512KiB, 64MiB, 1GiB."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,12})\s*(|KiB|MiB|GiB)", text, re.ASCII)
    count = int(match[1]) * UNITS[match[2]] if match else 0
    if not 0 < count <= MEMORY_BYTES_MAX:
        problem = f"{text!r} is no size from 1 byte to 4 GiB - 1, such as 64MiB"
        raise click.BadParameter(problem, ctx=context, param=parameter)
    return count


def transaction_options(command: Command) -> Command:
    """Add the options that `deploy` and `call` share."""
    options = (
        click.option("--kwargs", metavar="JSON", help="Keyword arguments: one JSON object."),
        click.option(
            "--value",
            metavar="N",
            type=click.IntRange(0, U64_MAX),
            default=0,
            help="Coins that the transaction brings along. [default: 0]",
        ),
        click.option("--sender", metavar="ADDRESS", help="Who sends it. [default: a fixed address]"),
        click.option(
            "--datetime", "moment", metavar="RFC3339", help="The transaction's time. [default: now]"
        ),
        click.option(
            "--deliver",
            is_flag=True,
            help="Carry out the messages and deployments that it sends, and what these send: at most 64.",
        ),
        click.option(
            "--fuel",
            metavar="N",
            type=click.IntRange(1, FUEL_MAX),
            help="Budget of instructions, on the fuel build. [default: none]",
        ),
        click.option(
            "--deadline",
            metavar="SECONDS",
            type=click.FloatRange(0, DEADLINE_SECONDS_MAX),
            help="Stop the contract after so long; 0: never. Not with --fuel. [default: 60]",
        ),
        click.option(
            "--memory-limit",
            metavar="BYTES",
            callback=read_size,
            help="Memory of the contract, such as 64MiB. [default: 4 GiB]",
        ),
        *module_options(),
    )
    for option in reversed(options):
        command = option(command)
    return command


def call_options(
    *,
    value: int,
    sender: str | None,
    moment: str | None,
    fuel: int | None,
    deadline: float | None,
    memory_limit: int | None,
) -> CallOptions:
    """The options as the node takes them.

    Raises:
        UsageError: a time, an address or a number makes no sense.
    """
    from genvm_replay.calldata import Address
    from genvm_replay.executor.moment import parse_datetime
    from genvm_replay.replay.local_node import DEFAULT_SENDER, CallOptions

    if fuel is not None and deadline:
        click.echo("note: a run with --fuel is stopped by its fuel alone, not by the deadline", err=True)
    if fuel is not None:
        deadline = 0
    elif deadline is None:
        deadline = DEADLINE_SECONDS
    try:
        deadline_ms = round(deadline * 1000)
    except (OverflowError, ValueError) as error:  # not a number
        raise UsageError(f"--deadline: {error}") from error
    if moment is not None:
        parse_datetime(moment)
    return CallOptions(
        sender=Address.parse(sender) if sender else DEFAULT_SENDER,
        value=value,
        datetime=moment,
        fuel=fuel,
        deadline_ms=deadline_ms or None,
        memory_bytes=memory_limit or MEMORY_BYTES_MAX,
    )
