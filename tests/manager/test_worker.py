"""The process that runs start from: what it has loaded stays loaded, its descriptors are in nobody's way."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from genvm_replay.forking.server import NUMBER_MAX
from genvm_replay.manager.runs import Runs

from .conftest import MakeRuns
from .nodes import Node, ended, order, serving


def open_images(runs: Runs) -> list[str]:
    """Images of contracts that the launcher has mapped."""
    maps = Path(f"/proc/{runs.launcher.pid}/maps").read_text()
    return [line for line in maps.splitlines() if "image-contract-" in line]


def test_an_image_that_one_run_had_to_open_the_next_finds_open(make_runs: MakeRuns, tmp_path: Path) -> None:
    """Checking an image takes a quarter of a small transaction's time."""

    async def scene() -> None:
        async with make_runs() as runs:
            assert open_images(runs) == []
            for _ in range(2):
                node = Node("inc", 2)
                async with serving(node, tmp_path) as host:
                    assert (await ended(runs, await runs.start(order(host)))).error is None
                assert node.result == b"\x00\x11"
            assert len(open_images(runs)) == 1

    asyncio.run(scene())


def test_the_numbers_that_work_is_given_are_free(make_runs: MakeRuns) -> None:
    """Whatever the launcher has open, such as the images, has a higher number: else a run's pipe would take its place."""

    async def scene() -> None:
        async with make_runs() as runs:
            numbers = Path(f"/proc/{runs.launcher.pid}/fd")
            named = {number: os.readlink(numbers / str(number)) for number in range(3, NUMBER_MAX + 1)}
        assert set(named.values()) == {os.devnull}

    asyncio.run(scene())
