"""Reads what people type for a transaction: JSON arguments, amounts, limits, the contract's file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.calldata import Value
    from genvm_replay.replay.local_node import CallOptions

CONTRACT_BYTES_MAX: Final = 16 << 20
MEMORY_BYTES_MAX: Final = 0xFFFF_FFFF
U64_MAX: Final = 2**64 - 1
YEAR_MIN: Final = 1970
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
            help="What it brings along.",
        ),
        click.option("--sender", metavar="ADDRESS", help="Who sends it. [default: a fixed address]"),
        click.option(
            "--datetime", "moment", metavar="RFC3339", help="The transaction's time. [default: now]"
        ),
        click.option(
            "--fuel",
            metavar="N",
            type=click.IntRange(1, U64_MAX),
            help="Instruction budget; runs on the fuel build. [default: none]",
        ),
        click.option(
            "--deadline",
            metavar="SECONDS",
            type=click.FloatRange(0, DEADLINE_SECONDS_MAX),
            default=DEADLINE_SECONDS,
            show_default=True,
            help="Stop after so long; 0: never.",
        ),
        click.option(
            "--memory-limit", metavar="BYTES", callback=read_size, help="Such as 64MiB. [default: 4 GiB]"
        ),
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
    deadline: float,
    memory_limit: int | None,
) -> CallOptions:
    """The options as the node takes them.

    Raises:
        UsageError: a time, an address or a number makes no sense.
    """
    from genvm_replay.calldata import Address
    from genvm_replay.executor.moment import parse_datetime
    from genvm_replay.replay.local_node import DEFAULT_SENDER, CallOptions

    try:
        if moment is not None and parse_datetime(moment).year < YEAR_MIN:
            raise UsageError(f"{moment} is before {YEAR_MIN}, where a contract's clock begins")
        deadline_ms = round(deadline * 1000)
    except (OverflowError, ValueError) as error:  # a year that does not exist, not a number
        raise UsageError(f"--datetime or --deadline: {error}") from error

    return CallOptions(
        sender=Address.parse(sender) if sender else DEFAULT_SENDER,
        value=value,
        datetime=moment,
        fuel=fuel,
        deadline_ms=deadline_ms or None,
        memory_bytes=memory_limit or MEMORY_BYTES_MAX,
    )


def read_values(texts: Sequence[str]) -> list[Value]:
    """Read arguments: each is one JSON value."""
    return [_read_value(text) for text in texts]


def read_kwargs(text: str | None) -> dict[str, Value]:
    """Read keyword arguments."""
    value = {} if text is None else _read_value(text)
    if not isinstance(value, dict):
        raise UsageError(f"--kwargs wants one JSON object, not {text!r}")
    return value


def _read_value(text: str) -> Value:
    from genvm_replay import calldata
    from genvm_replay.calldata.jsonform import from_json_text

    try:
        value = from_json_text(text)
        calldata.encode(value)
    except (calldata.CalldataError, ValueError, RecursionError) as error:
        raise UsageError(f"{text[:80]!r} ... has no calldata form: {error}") from error
    except UsageError as error:
        if re.match(r"--?[A-Za-z]", text):
            raise UsageError(f"there is no option {text!r}") from error
        raise
    return value


def read_contract(path: Path) -> bytes:
    """Read a contract's code.

    Raises:
        UsageError: it is not there, not readable, no file, or larger than CONTRACT_BYTES_MAX.
    """
    try:
        with path.open("rb") as file:
            code = file.read(CONTRACT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"can't read the contract {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    if len(code) > CONTRACT_BYTES_MAX:
        raise UsageError(f"{path} is larger than {CONTRACT_BYTES_MAX >> 20} MiB: no contract")
    return code
