"""Long steps, shown while they last: a spinner with a clock on a terminal, else a line for what takes seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Item = TypeVar("Item")

BAR_ITEMS_MIN: Final = 20
LONG_STEPS: Final = ("compile", "wait")  # told also where nobody watches


class StepDisplay:
    """Shows steps on standard error; the context's end is the end of the last step, and of the moving picture.

    It is an `executor.python_runtime.progress.Progress`.
    """

    def __init__(self) -> None:
        self._live: Progress | None = None
        self._over = False
        self._task: TaskID | None = None

    def __enter__(self) -> StepDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._end_step()
        self._over = True
        if self._live is not None:
            self._live.stop()
            self._live = None

    def step(self, name: str, detail: str) -> None:
        """Tell that a step begins, and that the one before is over."""
        if self._over or not sys.stderr.isatty():
            if name in LONG_STEPS:
                click.echo(f"{name}: {detail}", err=True)
            return
        self._end_step()
        if self._live is None:
            self._live = _spinner()
            self._live.start()
        self._task = self._live.add_task(f"{name}: {detail}", total=1)

    def _end_step(self) -> None:
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=1)
            self._task = None


def _spinner() -> Progress:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="+"),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False)


def watched(items: Sequence[Item]) -> Iterator[Item]:
    """Go through items; with a bar on a terminal where they are many."""
    if len(items) < BAR_ITEMS_MIN or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        yield from bar.track(items, description="runs")
