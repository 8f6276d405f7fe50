"""`bisect`: where two executions part, of two runs, or of one on two builds, with other code or other runners."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genvm_replay.cli.arguments import read_contract
from genvm_replay.cli.context import BUILDS, Settings, pass_settings, shared_options
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.one_run import one_run
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import emit
from genvm_replay.cli.parting_view import parting_json, parting_text
from genvm_replay.cli.replays import runners_option
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.database_store import DatabaseStore
    from genvm_replay.journal.stored import StoredRun
    from genvm_replay.replay.sides import Side


@click.command()
@click.argument("tx_a", metavar="TX_A")
@click.argument("tx_b", metavar="[TX_B]", required=False)
@click.option("--run-a", metavar="ID", type=int, help="Which run of TX_A. [default: the oldest]")
@click.option("--run-b", metavar="ID", type=int, help="Which run of TX_B. [default: the oldest]")
@click.option("--build-a", type=click.Choice(BUILDS), help="The build of the first. [default: fuel]")
@click.option("--build-b", type=click.Choice(BUILDS), help="The build of the second. [default: fuel]")
@click.option(
    "--code", metavar="FILE", type=click.Path(path_type=Path), help="Another contract for the second."
)
@runners_option
@click.option(
    "--runners-b",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Other runner archives for the second.",
)
@shared_options()
@pass_settings
@click.pass_context
def bisect(
    context: click.Context,
    settings: Settings,
    /,
    tx_a: str,
    tx_b: str | None,
    runners_dir: Path | None,
    **options: Any,
) -> None:
    """Find where two executions part: of TX_A and TX_B, or of TX_A on two builds, with other code or other runners.

    Both are run up to the same amount of fuel, again and again, and memory, stack, requests and end are compared, at
    most log2(fuel) + 2 times. Told are the amount of fuel at which they part, where each is there, and what differs.
    Builds that don't count fuel (fast, epoch) are compared request by request.
    """
    from genvm_replay.replay.bisect import bisect_runs, bisect_sides

    code, other = options["code"], ("code", "build_a", "build_b", "runners_b", "run_b")
    if tx_b is None and all(options[name] is None for name in other):
        raise UsageError(
            "give a second execution: TX_B, --run-b, --build-a, --build-b, --code or --runners-b"
        )
    contract = None if code is None else read_contract(code)
    with open_store(settings) as store:
        runs = [
            store.load_run(one_run(store, tx, options[run]).id)
            for tx, run in ((tx_a, "run_a"), (tx_b or tx_a, "run_b"))
        ]
        first, second = _sides(settings, store, runs, contract, runners_dir, options)
        plain = tx_b is not None and all(options[name] is None for name in other[:-1])
        parting = bisect_runs(first.run, second.run, first.bench) if plain else bisect_sides(first, second)
        names = _names(first, second)
        if settings.json:
            ids = [run.summary.id if run.summary else None for run in runs]
            emit({"runs": ids, "sides": list(names)} | parting_json(parting))
        else:
            click.echo(parting_text(parting, names))
    if parting.point is not None:
        context.exit(FAILED)


def _sides(
    settings: Settings,
    store: DatabaseStore,
    runs: list[StoredRun],
    contract: bytes | None,
    runners_dir: Path | None,
    options: dict[str, Any],
) -> tuple[Side, Side]:
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.sides import METERED_TWIN, Side
    from genvm_replay.replay.workbench import Workbench

    builds = [Build(options[name] or Build.FUEL) for name in ("build_a", "build_b")]
    python = any(
        run.footer.image for run in runs
    )  # only these need the interpreter, which takes a while to compile
    needed = {METERED_TWIN.get(build, build) for build in builds} if python else {Build.FUEL}
    bench = make_bench(settings, store, sorted(needed), runners_dir=runners_dir)
    other = options["runners_b"]
    benches = bench, bench if other is None else Workbench(store, lambda: bench.runtime, runners_dir=other)
    supposed = contract is not None
    return (
        Side(run=runs[0], bench=benches[0], build=builds[0], supposed=supposed),
        Side(
            run=runs[1],
            bench=benches[1],
            build=builds[1],
            supposed=supposed,
            code=contract,
            other_runners=other is not None,
        ),
    )


def _names(first: Side, second: Side) -> tuple[str, str]:
    return (first.name, second.name) if first.name != second.name else ("the first", "the second")
