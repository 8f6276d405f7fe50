"""A manager in a process of its own: takes runs by their JSON, a line each; prints what it answered. To be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from genvm_replay.manager.orders import read_order
from genvm_replay.manager.runs import Runs, RunSettings
from genvm_replay.manager.versions import Versions


async def main(journal: str, cache: str) -> None:
    async with Runs(RunSettings(journal, Path(cache), permits=4), Versions()) as runs:
        print("ready", flush=True)
        for line in iter(sys.stdin.buffer.readline, b""):
            run_id = await runs.start(read_order(line))
            print(run_id, flush=True)
            if b"wait" in line:
                events = runs.subscribe(run_id)
                while runs.status(run_id).finished is None:
                    await anext(events)
                print("finished", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
