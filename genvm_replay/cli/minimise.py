"""`minimise`: a run that replays differently, as a test that fails."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from genvm_replay.cli.archives import new_file
from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.one_run import one_run, run_option
from genvm_replay.cli.opening import make_bench, open_store
from genvm_replay.cli.output import divergence_json, divergence_text, emit, hexed
from genvm_replay.cli.replays import runners_option
from genvm_replay.errors import UsageError


@click.command()
@click.argument("tx")
@click.option(
    "--to",
    "target",
    metavar="FILE.py",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The test to write; its archive goes beside it, as FILE.archive. Neither may be there yet.",
)
@run_option
@runners_option
@shared_options()
@pass_settings
def minimise(settings: Settings, tx: str, target: Path, run_id: int | None, runners_dir: Path | None) -> None:
    """Write a test that fails as long as transaction TX replays differently.

    The run is cut down to what still shows its first difference: the events up to there, and the lines that it takes.
    It goes into an archive file beside FILE.py, which is a test for pytest and needs nothing of the journal.
    """
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.minimise import minimise as minimised
    from genvm_replay.replay.reproduce import test_text, write_archive

    if target.suffix != ".py":
        raise UsageError(f"{target}: the name of a test ends in .py")
    archive = target.with_suffix(".archive")
    for path in (target, archive):
        if path.exists():
            raise UsageError(f"{path} is there already; choose another name")
    with open_store(settings) as store:
        summary = one_run(store, tx, run_id)
        bench = make_bench(settings, store, [Build.FAST], runners_dir=runners_dir)
        found = minimised(store.load_run(summary.id), bench)
    with ExitStack() as files:
        test, record = (files.enter_context(new_file(path)) for path in (target, archive))
        test.write(test_text(found.finished, found.difference, archive.name).encode())
        write_archive(found.finished, summary.method, record)
    told = {"file": str(target), "archive": str(archive)}
    if settings.json:
        counts = {"events": found.events, "events_before": found.events_before}
        divergence = {"divergence": divergence_json(found.difference)}
        emit({"tx": hexed(summary.tx), "run": summary.id} | told | counts | divergence)
    else:
        click.echo(f"{target}, {archive}: {found.events} of {found.events_before} events show it")
        click.echo(divergence_text(found.difference))
