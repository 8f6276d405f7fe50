"""What every way of ending means to the caller: one table from error class to exit code, and how errors are told.

No traceback reaches a user: what is not in the table is told in one line as an internal error, and in full only where
GENVM_REPLAY_TRACEBACK is set.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import click

from genvm_replay.cli.output import emit, printable
from genvm_replay.errors import EnvironmentProblem, JournalError, Mismatch, ProofBroken, UsageError

TRACEBACK_VARIABLE: Final = "GENVM_REPLAY_TRACEBACK"
DONE, FAILED, USAGE, ENVIRONMENT, INTERRUPTED, UNREAD = 0, 1, 2, 3, 130, 141

EXIT_CODES: Final = {
    DONE: "done; a contract returned, a comparison found no difference",
    FAILED: "the contract failed, a re-execution differs, a validator does not agree, a journal is damaged, "
    "a proof is false, lint found faults",
    USAGE: "wrong usage: an option, an argument, an unknown contract or transaction",
    ENVIRONMENT: "the environment: database, cache, runtime, files",
    INTERRUPTED: "stopped by Ctrl-C; nothing was committed",
    UNREAD: "whoever read the output went away, as `| head` does",
}
EXIT_CODES_HELP: Final = "\b\nExit codes:\n" + "\n".join(
    f"  {code:<4} {text}" for code, text in EXIT_CODES.items()
)


class Rule(NamedTuple):
    """How an error is told, and the exit code it gives."""

    errors: tuple[type[BaseException], ...]
    kind: str
    code: int


RULES: Final = (  # the first that fits counts
    Rule((click.Abort, KeyboardInterrupt), "interrupted", INTERRUPTED),
    Rule((Mismatch, ProofBroken), "difference", FAILED),
    Rule((UsageError, click.UsageError), "usage", USAGE),
    Rule((EnvironmentProblem, OSError, MemoryError, click.FileError), "environment", ENVIRONMENT),
    Rule((JournalError,), "journal", ENVIRONMENT),
    Rule((BaseException,), "internal", ENVIRONMENT),
)


def rule_for(error: BaseException) -> Rule:
    """The rule that tells an error."""
    return next(rule for rule in RULES if isinstance(error, rule.errors))


def guarded(work: Callable[[], object], *, as_json: bool) -> int:
    """Do the work of a program; give its exit code, whatever happens."""
    try:
        try:
            work()
            flush()
        except click.exceptions.Exit as end:
            flush()
            return end.exit_code
        except BrokenPipeError:
            raise
        except BaseException as error:
            return tell(error, as_json=as_json)
    except BrokenPipeError:
        with suppress(OSError):  # so that nothing tries to write the rest
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    return DONE


def flush() -> None:
    """Write out what was printed; a process can be without standard output."""
    if sys.stdout is not None:
        sys.stdout.flush()


def tell(error: BaseException, *, as_json: bool) -> int:
    """Tell an error on standard error, and as an object on standard output if asked for; give its exit code."""
    rule, text = rule_for(error), message_of(error)
    if os.environ.get(TRACEBACK_VARIABLE):
        click.echo("".join(traceback.format_exception(error)), err=True)
    label = {"internal": "internal error", "interrupted": "interrupted"}.get(rule.kind, "error")
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(f"{click.style(label, fg='red', bold=True)}: {printable(text)}", err=True, color=color)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(f"see: {error.ctx.command_path} --help", err=True)
    if as_json:
        with suppress(OSError):  # where the error is that nothing can be written
            emit({"error": {"kind": rule.kind, "message": text}})
            flush()
    return rule.code


def message_of(error: BaseException) -> str:
    """The text of an error for people: what is wrong, where, what to do."""
    kind = rule_for(error).kind
    if isinstance(error, click.ClickException):
        return error.format_message()
    if kind == "interrupted":
        return "nothing was committed"
    if isinstance(error, MemoryError):
        return "this machine has not enough free memory"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if kind == "internal":
        shown = traceback.format_exception_only(error)[-1].strip()
        return f"{shown}; please report this ({TRACEBACK_VARIABLE}=1 shows where it happened)"
    return str(error)
