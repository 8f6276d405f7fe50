"""Results that nobody acknowledges: kept over a restart, within bounds of number, size and age."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genvm_replay.errors import JournalError
from genvm_replay.manager.results import Finished, Results, RunStatus
from genvm_replay.manager.retention import Retention

NOW = datetime.now(UTC)


def accepted(run_id: int, key: str | None = None) -> RunStatus:
    return RunStatus(run_id, "v0.2.0", NOW, None, None, None, "ab" * 32, key)


def over(run_id: int, *, key: str | None = None, text: str = "", age_s: float = 0) -> RunStatus:
    finished = Finished(NOW - timedelta(seconds=age_s), "exited", 0, stdout=text, genvm_log=[{"a": "\0"}])
    return RunStatus(run_id, "v0.2.0", NOW, NOW, NOW, finished, "ab" * 32, key)


async def stored(results: Results, *runs: RunStatus) -> None:
    for run in runs:
        await results.accept(accepted(run.run_id, run.idempotency_key))
        await results.finish(run, None)


@pytest.mark.parametrize(
    "bounds", [{"count_max": 2}, {"bytes_max": 3000}, {"age_s": 3600.0}], ids=["number", "size", "age"]
)
def test_the_oldest_goes_first(tmp_path: Path, bounds: dict) -> None:
    """From memory and from the journal; its key is free again."""

    async def scene() -> None:
        path = str(tmp_path / "journal.db")
        results = Results(path)
        assert await results.start() == ([], 0)
        runs = [
            over(1, key="k", text="x" * 1000, age_s=9000),
            over(2, text="y" * 1000),
            over(3, text="\0z\ud800"),
        ]
        await stored(results, *runs)
        retention = Retention(results, **bounds)
        retention.start(runs)
        assert [run.run_id for run in retention.all()] == [2, 3]
        assert (retention.get(1), retention.by_key("k")) == (None, None)
        await retention.close()
        await results.close()
        results = Results(path)
        known, last_id = await results.start()
        assert [run.run_id for run in known] == [2, 3]
        assert known[1].finished.stdout == "\0z?"  # type: ignore[union-attr]
        assert known[1].finished.genvm_log == [{"a": "\0"}]  # type: ignore[union-attr]
        await results.forget([3])
        await results.close()
        results = Results(path)
        assert (await results.start())[1] == last_id == 3
        await results.close()

    asyncio.run(scene())


def test_one_bad_record_fails_alone(tmp_path: Path) -> None:
    """What shares its transaction is written all the same."""

    async def scene() -> None:
        results = Results(str(tmp_path / "journal.db"))
        await results.start()
        good = [over(number) for number in range(1, 6)]
        tasks = [stored(results, run) for run in good[:3]]
        twice = [results.accept(accepted(9)), results.accept(accepted(9))]
        *_, first, second = await asyncio.gather(*tasks, *twice, return_exceptions=True)
        assert first is None
        assert isinstance(second, Exception)
        with pytest.raises(JournalError):
            await results.finish(over(9), b"no record")
        await results.close()
        results = Results(str(tmp_path / "journal.db"))
        known, _ = await results.start()
        assert {run.run_id: run.finished.cause for run in known} == {  # type: ignore[union-attr]
            1: "exited",
            2: "exited",
            3: "exited",
            9: "lost",
        }
        await results.close()

    asyncio.run(scene())
