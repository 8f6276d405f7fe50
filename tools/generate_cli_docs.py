"""Writes docs/cli.md from the commands themselves; `--check` only says whether it is current."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.cli import context, errors, genvm, main  # noqa: E402
from genvm_replay.cli.program import Program  # noqa: E402
from genvm_replay.forking.link import SOCKET_VARIABLE  # noqa: E402

TARGET = ROOT / "docs" / "cli.md"
HEAD = """# Command line

Made from the commands by `tools/generate_cli_docs.py`; do not edit. `--help` says the same.
"""
VARIABLES = {
    context.DB_VARIABLE: "the journal, where `--db` is not given",
    context.CACHE_VARIABLE: "the folder of the prepared Python runtime, where `--cache` is not given",
    context.RUNNERS_VARIABLE: "the folder of official runner archives for `replay`, where `--runners` is not given",
    errors.TRACEBACK_VARIABLE: "if set, errors are shown with their traceback",
    SOCKET_VARIABLE: "the socket of `genvm warm`, from which `genvm run` starts",
    "NO_COLOR": "if set, output has no colours",
}


def document() -> str:
    """The whole text."""
    parts = [HEAD, *program_parts(main.program), *program_parts(genvm.program)]
    codes = [f"| {code} | {text} |" for code, text in errors.EXIT_CODES.items()]
    parts += ["## Exit codes\n", "\n".join(["| code | meaning |", "|---|---|", *codes]), ""]
    variables = [f"| `{name}` | {text} |" for name, text in VARIABLES.items()]
    parts += ["## Environment\n", "\n".join(["| variable | meaning |", "|---|---|", *variables]), ""]
    return "\n".join(parts)


def program_parts(program: Program) -> Iterator[str]:
    """A program and its commands."""
    assert program.name is not None
    with click.Context(program, info_name=program.name) as outer:
        yield from command_parts(program, outer, level=2)
        for name in program.list_commands(outer):
            command = program.get_command(outer, name)
            assert command is not None
            with click.Context(command, info_name=name, parent=outer) as inner:
                yield from command_parts(command, inner, level=3)
                if isinstance(command, click.Group):
                    for part, below in command.commands.items():
                        with click.Context(below, info_name=part, parent=inner) as innermost:
                            yield from command_parts(below, innermost, level=4)


def command_parts(command: click.Command, at: click.Context, level: int) -> Iterator[str]:
    """Usage, help and options of one command."""
    yield f"{'#' * level} {at.command_path}\n"
    yield f"    {' '.join([at.command_path, *command.collect_usage_pieces(at)])}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    if command.epilog and level > 2:
        yield f"{inspect.cleandoc(command.epilog)}\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [option_row(option) for option in options if not option.hidden]
    if not rows:
        return
    yield "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n"


def option_row(option: click.Option) -> str:
    """A line of the table of options."""
    wants = "" if option.is_flag else f" {option.metavar or choices(option)}"
    default = f" [default: {shown(option.default)}]" if option.show_default else ""
    text = f"{option.help or 'Show the version and exit.'}{default}".replace("|", "\\|")
    return f"| `{', '.join(option.opts)}{wants}` | {text} |"


def shown(value: object) -> str:
    """A default as the help shows it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def choices(option: click.Option) -> str:
    """What an option without a name for its value takes."""
    assert isinstance(option.type, click.Choice), option
    return "\\|".join(option.type.choices)


def run() -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if the file is not current"
    )
    text = document()
    if not parser.parse_args().check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET} is not current: run tools/generate_cli_docs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(run())
