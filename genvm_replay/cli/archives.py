"""`export` and `import`: runs in a file that needs nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit, hexed, size
from genvm_replay.cli.replays import find_runs
from genvm_replay.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.archive import ArchivedRun


@click.command()
@click.argument("tx", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs of the journal.")
@click.option(
    "--to",
    "target",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; it must not be there yet.",
)
@shared_options()
@pass_settings
def export(settings: Settings, tx: tuple[str, ...], everything: bool, target: Path) -> None:
    """Write the runs of each TX to one file that needs nothing else.

    It has the record of each run, whole: code and storage as far as the run read them, answers, results, hashes,
    signatures. Each run is verified first. `import` takes the file into another journal; `verify FILE` checks it alone.
    """
    from genvm_replay.journal.archive import ArchiveWriter
    from genvm_replay.journal.transfer import export_run

    if everything == bool(tx):
        raise UsageError("give transactions, or --all")
    with open_store(settings) as store:
        found = [run for one in tx for run in find_runs(store, one)] if tx else find_runs(store, None)
        with _new_file(target) as out:
            writer = ArchiveWriter(out)
            for summary in {run.id: run for run in found}.values():
                export_run(store, summary, writer)
            count, written = writer.finish(), out.tell()
    if settings.json:
        emit({"file": str(target), "runs": count, "bytes": written})
    else:
        click.echo(f"{target}: {count} runs, {size(written)}")


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@shared_options()
@pass_settings
def import_(settings: Settings, file: Path) -> None:
    """Take the runs of an archive FILE into the journal.

    The whole file is verified before the first run is committed. A run that is here already is passed over.
    """
    from genvm_replay.journal.transfer import import_run, opened

    for archived in archived_runs(file):
        opened(archived)
    with open_store(settings, to_write=True) as store:
        for archived in archived_runs(file):
            run_id = import_run(store, archived)
            root = hexed(archived.record.root)
            if settings.json:
                emit({"run": run_id, "root": root, "imported": run_id is not None})
            else:
                click.echo(f"root {root}: " + ("here already" if run_id is None else f"run {run_id}"))


def archived_runs(path: Path) -> Iterator[ArchivedRun]:
    """The runs of an archive file, one at a time.

    Raises:
        UsageError: it can't be read. JournalError: it is no archive, or damaged.
    """
    from genvm_replay.errors import JournalError
    from genvm_replay.journal.archive import read_archive

    try:
        with path.open("rb") as file:
            yield from read_archive(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from error
    except JournalError as error:
        if type(error) is JournalError:
            raise JournalError(f"{path}: {error}") from error
        raise


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears when it is whole, or not at all."""
    if path.exists():
        raise UsageError(f"{path} is there already; choose another name")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        raise EnvironmentProblem(f"can't write {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
