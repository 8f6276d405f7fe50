"""`validate`, `sync` and `appeal`: a recorded transaction once more, in another role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.errors import DONE, FAILED
from genvm_replay.cli.module_options import ModuleChoice, module_options
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import printable
from genvm_replay.cli.replays import find_runs, runners_option
from genvm_replay.cli.rounds import tell
from genvm_replay.cli.transaction_options import (
    DEADLINE_SECONDS,
    DEADLINE_SECONDS_MAX,
)
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.run import Role
    from genvm_replay.replay.rerun import Rerun, RerunOptions

COUNT_MAX: Final = 1_000
SUFFIX_CHARS: Final = 5  # of the number behind a name
Command = TypeVar("Command", bound=Callable[..., Any])


def read_name(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Read the name of a run: a few characters that a terminal can show."""
    from genvm_replay.replay.rerun import NAME_CHARS_MAX

    if not text.isprintable() or len(text) > NAME_CHARS_MAX - SUFFIX_CHARS:
        problem = f"a name has at most {NAME_CHARS_MAX - SUFFIX_CHARS} characters, all of them printable"
        raise click.BadParameter(problem, ctx=context, param=parameter)
    return text


def role_options(*, asks_modules: bool) -> Callable[[Command], Command]:
    """Add the options of a run in another role."""

    def add(command: Command) -> Command:
        options = (
            click.option(
                "--run",
                "run_id",
                metavar="RUN",
                type=click.IntRange(1),
                help="The leader's run. [default: the newest]",
            ),
            click.option(
                "--deadline",
                metavar="SECONDS",
                type=click.FloatRange(0, DEADLINE_SECONDS_MAX),
                default=DEADLINE_SECONDS,
                help="Stop each run after so long; 0: never. Not for runs with a fuel limit. [default: 60]",
            ),
            click.option(
                "--state",
                type=click.Choice(["local"]),
                help="Read what the record does not show from the local node's state, as it is now. [default: refuse]",
            ),
            click.option(
                "--name",
                metavar="NAME",
                default="",
                callback=read_name,
                help="What to call the run, NAME-1 and so on where there are several. [default: its number among"
                " those about the same leader's run]",
            ),
            runners_option,
            *(module_options() if asks_modules else ()),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return add


def count_option(text: str) -> Callable[[Command], Command]:
    """Add the option for the number of runs."""
    return click.option(
        "--count", metavar="N", type=click.IntRange(1, COUNT_MAX), default=1, help=f"{text} [default: 1]"
    )


@click.command()
@click.argument("tx")
@count_option("How many validators, one after the other.")
@role_options(asks_modules=True)
@shared_options()
@pass_settings
@click.pass_context
def validate(context: click.Context, settings: Settings, /, tx: str, count: int, **options: Any) -> None:
    """Run transaction TX as a validator of its leader, and record the vote.

    The state comes from the leader's record, the deterministic part is computed anew. The validator functions of its
    nondeterministic blocks judge the leader's recorded results, with answers of the modules at --llm and --web.
    """
    context.exit(_run(settings, tx, ["validator"] * count, **options))


@click.command()
@click.argument("tx")
@role_options(asks_modules=False)
@shared_options()
@pass_settings
@click.pass_context
def sync(context: click.Context, settings: Settings, /, tx: str, **options: Any) -> None:
    """Run transaction TX with its leader's nondeterministic results as they are.

    Nothing nondeterministic is run and no module is asked. Recorded; the vote is about the deterministic part alone.
    """
    context.exit(_run(settings, tx, ["sync"], **options))


@click.command()
@click.argument("tx")
@count_option("How many validators judge the old leader.")
@role_options(asks_modules=True)
@shared_options()
@pass_settings
@click.pass_context
def appeal(context: click.Context, settings: Settings, /, tx: str, count: int, **options: Any) -> None:
    """Run transaction TX with a new leader, and judge the old one again.

    The new leader asks the modules at --llm and --web afresh. Then the contract's own validator functions judge the
    results of the old leader. This opens a round; `validate` then judges the new leader. An old leader that came to no
    result is not judged.
    """
    context.exit(_run(settings, tx, ["leader", *["appeal"] * count], **options))


def _run(settings: Settings, tx: str, roles: Sequence[str], **options: Any) -> int:
    """Run in these roles over one leader's record, tell the verdicts; gives the exit code."""
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.rerun import rerun
    from genvm_replay.replay.roles import RULES, why_unjudgeable
    from genvm_replay.replay.rounds import leader_to_judge, verdicts

    chosen, runners = options.pop("run_id"), options.pop("runners_dir")
    modules = ModuleChoice.taken_from(options) if "keep_raw" in options else ModuleChoice()
    asked = _options(**options)
    with open_store(settings, to_write=True) as store:
        leader = leader_to_judge(store, find_runs(store, tx), chosen)
        if roles[0] == "leader" and why_unjudgeable(leader.footer):
            roles = roles[:1]
        fuel = leader.header.limits.fuel
        build = Build.EPOCH if fuel is None else Build.FUEL
        bench = make_bench(settings, store, [build], runners_dir=runners)
        made: list[Rerun] = []
        try:
            with modules.opened() as (addresses, asking):
                asked = replace(asked, modules=addresses, asking=asking)
                for number, role in enumerate(roles, 1):
                    name = f"{asked.name}-{number}" if asked.name and len(roles) > 1 else asked.name
                    made.append(rerun(bench, leader, _role(role), replace(asked, name=name)))
        finally:  # what was recorded is told, also where a later run could not be made
            ids = {one.run_id for one in made}
            found = [one for one in verdicts(store, find_runs(store, tx)) if one.run_id in ids]
            if found:
                tell(settings, found)
    for one in made:
        for what in one.refused[:1]:
            click.echo(
                f"note: run {one.run_id} asked for {printable(what)}: not in the record, refused", err=True
            )
    judged = [one for one in found if RULES[_role(one.role)].votes]
    return DONE if all(one.vote.word == "agree" for one in judged) else FAILED


def _role(name: str) -> Role:
    from genvm_replay.replay.roles import RULES

    return next(role for role in RULES if role == name)


def _options(deadline: float, state: str | None, name: str) -> RerunOptions:
    from genvm_replay.replay.rerun import RerunOptions

    if isnan(deadline):
        raise UsageError("--deadline: give a number of seconds")
    return RerunOptions(
        deadline_ms=round(deadline * 1000) or None,
        local_state=state == "local",
        name=name,
    )
