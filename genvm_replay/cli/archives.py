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
from genvm_replay.cli.progress import watched
from genvm_replay.cli.replays import find_runs
from genvm_replay.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.archive import ArchivedRun
    from genvm_replay.journal.database_store import DatabaseStore
    from genvm_replay.journal.source import RunSummary


_target = click.option(
    "--to",
    "target",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; it must not be there yet.",
)


@click.command()
@click.argument("tx", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs of the journal.")
@_target
@shared_options()
@pass_settings
def export(settings: Settings, tx: tuple[str, ...], everything: bool, target: Path) -> None:
    """Write the runs of each TX to one file that needs nothing else.

    It has the record of each run, whole: code and storage as far as the run read them, answers, results, hashes,
    signatures. Each run is verified first. `import` takes the file into another journal; `verify FILE` checks it alone.
    """
    if everything == bool(tx):
        raise UsageError("give transactions, or --all")
    with open_store(settings) as store:
        found = [run for one in tx for run in find_runs(store, one)] if tx else find_runs(store, None)
        chosen = list({run.id: run for run in found}.values())
        written = _write_archive(store, chosen, target)
    if settings.json:
        emit({"file": str(target), "runs": len(chosen), "bytes": written})
    else:
        click.echo(f"{target}: {len(chosen)} runs, {size(written)}")


def _write_archive(store: DatabaseStore, chosen: list[RunSummary], target: Path) -> int:
    """Write runs to a new file, each verified first; its size."""
    from genvm_replay.journal.archive import ArchiveWriter
    from genvm_replay.journal.transfer import export_run

    with new_file(target) as out:
        writer = ArchiveWriter(out)
        for summary in watched(chosen):
            export_run(store, summary, writer)
        writer.finish()
        return out.tell()


@click.command()
@click.option(
    "--keep", metavar="N", type=click.IntRange(min=1), required=True, help="How many of the newest runs stay."
)
@_target
@shared_options()
@pass_settings
def prune(settings: Settings, keep: int, target: Path) -> None:
    """Move old runs into an archive file, and leave their roots.

    The file is written and verified before anything is removed. What runs later ones name as their parents stays; the
    local contracts and their storage stay too. `import` brings the runs back.
    """
    from genvm_replay.journal.prune import prunable, remove
    from genvm_replay.journal.transfer import opened

    with open_store(settings, to_write=True) as store:
        going = prunable(store, keep)
        if going:
            written = _write_archive(store, going, target)
            for archived in archived_runs(target):
                opened(archived)
            with target.open("rb") as file:
                digest = file_digest(file)
            remove(store, [run.id for run in going], archive=target.name, archive_hash=digest)
        else:
            written, digest = 0, b""
    if settings.json:
        file_name = str(target) if going else None
        emit(
            {
                "file": file_name,
                "runs": len(going),
                "bytes": written,
                "hash": hexed(digest) if going else None,
            }
        )
    elif going:
        click.echo(f"{target}: {len(going)} runs, {size(written)}, BLAKE3 {hexed(digest)}")
    else:
        click.echo("nothing to prune")


def file_digest(file: BinaryIO) -> bytes:
    """BLAKE3 of a file's bytes."""
    from blake3 import blake3

    digest = blake3()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.digest()


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
def new_file(path: Path) -> Iterator[BinaryIO]:
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
