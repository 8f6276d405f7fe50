"""`prepare`, and `genvm precompile`: do the waiting of a first start ahead of time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click

from genvm_replay.cli.context import BUILDS, Settings, pass_settings, shared_options
from genvm_replay.cli.opening import interruptible
from genvm_replay.cli.output import emit, facts, size
from genvm_replay.cli.progress import StepDisplay


@click.command()
@click.option(
    "--build",
    "more",
    type=click.Choice(BUILDS),
    multiple=True,
    help="Another build than epoch and fast; repeatable.",
)
@shared_options(db=False)
@pass_settings
def prepare(settings: Settings, more: tuple[str, ...]) -> None:
    """Make the Python runtime ready ahead of time, as a first run would.

    Checks the installed files, compiles the interpreter and takes the first image, into the cache.
    """
    _make_ready(settings, more)


@click.command()
@click.option("--info", is_flag=True, help="Say also what the code is compiled for.")
@shared_options(db=False)
@pass_settings
def precompile(settings: Settings, info: bool) -> None:
    """Make the Python runtime ready ahead of time, as a first run would."""
    from genvm_replay.executor.engine import ENGINE_VERSION, host_identity

    more_facts = {"engine": ENGINE_VERSION, "machine": host_identity()} if info else {}
    _make_ready(settings, (), more_facts)


def _make_ready(settings: Settings, more: tuple[str, ...], more_facts: Mapping[str, str] = {}) -> None:
    from genvm_replay.executor.engine import Build
    from genvm_replay.executor.python_runtime.prepare import prepare as make_ready
    from genvm_replay.executor.python_runtime.runtime import PythonRuntime

    folder = settings.cache_folder()
    builds = list(dict.fromkeys([Build.EPOCH, Build.FAST, *map(Build, more)]))
    with StepDisplay() as progress:

        def work() -> None:
            make_ready(folder, builds, progress)
            PythonRuntime(folder, progress).image_for({}, "sdk")

        interruptible(work)
    held = folder_size(folder)
    if settings.json:
        emit({"cache": str(folder), "bytes": held, "builds": list(builds), **more_facts})
    else:
        click.echo(
            facts({"ready": ", ".join(builds), "cache": str(folder), "size": size(held), **more_facts})
        )


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder; what vanishes meanwhile does not count."""
    total = 0
    for place, _, names in os.walk(folder):  # passes over folders that vanish
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).stat().st_size
    return total
