"""`diff`: two recorded runs side by side, of one journal, of two, or of archive files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genvm_replay.cli.context import Settings, pass_settings, shared_options
from genvm_replay.cli.diff_page import diff_page
from genvm_replay.cli.diff_view import difference_json, difference_text
from genvm_replay.cli.errors import FAILED
from genvm_replay.cli.opening import open_store
from genvm_replay.cli.output import emit
from genvm_replay.cli.replays import TX_PREFIX, find_runs, runners_option
from genvm_replay.cli.report import html_option, write_page
from genvm_replay.cli.vms_view import trees_json, trees_text
from genvm_replay.errors import UsageError

if TYPE_CHECKING:
    from genvm_replay.journal.stored import StoredRun
    from genvm_replay.replay.compare import Comparison
    from genvm_replay.replay.field_names import FieldNames
    from genvm_replay.replay.run_facts import RunFacts
    from genvm_replay.replay.vm_trees import Trees


@click.command()
@click.argument("first", metavar="TX_A")
@click.argument("second", metavar="TX_B")
@click.option("--db-b", metavar="URL", help="The journal of TX_B. [default: that of TX_A]")
@click.option("--run-a", metavar="N", type=click.IntRange(1), help="Which run of TX_A. [default: its first]")
@click.option("--run-b", metavar="N", type=click.IntRange(1), help="Which run of TX_B. [default: its last]")
@click.option(
    "--all", "every", is_flag=True, help="All differences of the events, not only the first a line."
)
@click.option(
    "--records-only", is_flag=True, help="Compare what is recorded; don't run it again for VMs and memory."
)
@html_option
@runners_option
@shared_options()
@pass_settings
@click.pass_context
def diff(
    context: click.Context,
    settings: Settings,
    /,
    first: str,
    second: str,
    db_b: str | None,
    target: Path | None,
    runners_dir: Path | None,
    **options: Any,
) -> None:
    """Compare two recorded runs, level by level.

    Levels: what they were given, the result, what they left in storage by field of the contract, messages and events,
    VMs, answers of models and web pages, fingerprints, the events. For VMs, and for the bytes of memory in which they
    differ, runs that are not the same are run again from their records. TX_A and TX_B are transactions or archive
    files, and may be the same transaction with several runs. What may differ between equal runs, such as ids and
    versions, is told apart and does not count. The exit code is 1 if the runs differ.
    """
    from genvm_replay.replay.compare import compare_facts, stream
    from genvm_replay.replay.run_facts import facts_of

    with ExitStack() as stack:
        one = _open(stack, settings, first, options["run_a"], last=False)
        other_settings = replace(settings, db=db_b) if db_b else settings
        other = _open(stack, other_settings, second, options["run_b"], last=True)
        facts = facts_of(one), facts_of(other)
        found = compare_facts(*facts, _names(settings, *facts))
        found.differences += stream(one, other, every=options["every"])
        trees = None
        if not (found.same or options["records_only"]):
            trees = _trees(settings, one, other, runners_dir)
            found.differences += trees.differences
    if target is None:
        _tell(settings, found, trees)
    else:
        write_page(target, diff_page(found, trees, f"Comparison of {first} and {second}"))
    context.exit(0 if found.same else FAILED)


def _open(stack: ExitStack, settings: Settings, name: str, number: int | None, *, last: bool) -> StoredRun:
    """The run that a word names.

    Raises:
        UsageError: there is none. JournalDamaged: it does not verify.
    """
    if not TX_PREFIX.fullmatch(name) and Path(name).is_file():
        runs = dict(enumerate(_archived(Path(name)), 1))
    else:
        store = stack.enter_context(open_store(settings))
        runs = {summary.id: store.load_run(summary.id) for summary in find_runs(store, name)}
    chosen = number or (max(runs) if last else min(runs))
    if chosen not in runs:
        raise UsageError(f"{name} has no run {chosen}; it has {', '.join(map(str, sorted(runs)))}")
    run = runs[chosen]
    run.verify()
    return run


def _archived(file: Path) -> Iterator[StoredRun]:
    from genvm_replay.cli.archives import archived_runs
    from genvm_replay.journal.transfer import opened

    found = [opened(archived) for archived in archived_runs(file)]
    if not found:
        raise UsageError(f"{file} has no run")
    yield from found


def _names(settings: Settings, one: RunFacts, other: RunFacts) -> FieldNames:
    """Names of storage fields; the contract is asked for its layout only where the runs left different storage."""
    from genvm_replay.executor.engine import Build
    from genvm_replay.replay.field_names import NO_NAMES, Pieces, field_names
    from genvm_replay.replay.storage_layout import storage_layout

    if one.delta.hash() == other.delta.hash() or one.code is None or one.code != other.code:
        return NO_NAMES
    from genvm_replay.cli.opening import make_runtime

    layout = storage_layout(make_runtime(settings, [Build.EPOCH]), one.code)
    return field_names(layout, Pieces(one.known), Pieces(other.known))


def _trees(settings: Settings, one: StoredRun, other: StoredRun, runners_dir: Path | None) -> Trees:
    """Run both again, for their VMs and memories."""
    from genvm_replay.cli.opening import make_bench
    from genvm_replay.executor.engine import Build
    from genvm_replay.journal.memory_store import MemoryStore
    from genvm_replay.replay.vm_trees import compare_vms

    bench = make_bench(settings, MemoryStore(), [Build.FUEL], runners_dir=runners_dir)
    try:
        return compare_vms(one, other, (bench, bench))
    finally:
        bench.close()


def _tell(settings: Settings, found: Comparison, trees: Trees | None) -> None:
    if settings.json:
        memory = () if trees is None else trees.memory
        told = [difference_json(one) for one in (*found.differences, *memory)]
        apart = [difference_json(one) for one in found.bookkeeping]
        vms = None if trees is None else trees_json(trees)
        emit({"same": found.same, "differences": told, "bookkeeping": apart, "vms": vms})
        return
    for line in difference_text(found):
        click.echo(line)
    for line in trees_text(trees) if trees is not None else ():
        click.echo(line)
