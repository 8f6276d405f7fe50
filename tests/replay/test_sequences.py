"""Generated sequences of calls on a storage-heavy contract: each agrees with a plain model and replays identically."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genvm_replay.calldata import Value
from genvm_replay.replay.local_node import DEFAULT_SENDER, LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import STORAGE, value

NAMES = st.sampled_from(["", "a", "b", "ß", "a long name that takes some bytes"])
AMOUNTS = st.integers(0, 300) | st.integers(0, 2**128 - 1)
TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=3)
NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)
CALLS = st.one_of(
    st.tuples(st.just("put"), st.tuples(NAMES, AMOUNTS, TEXTS)),
    st.tuples(st.just("drop"), st.tuples(NAMES)),
    st.tuples(st.just("note"), st.tuples(NAMES, st.integers(0, 2))),
    st.tuples(st.just("nest"), st.tuples(st.integers(0, 2), NAMES, NUMBERS)),
    st.tuples(st.just("shrink"), st.tuples(st.integers(0, 2))),
)


class Model:
    """The contract over dicts and lists. A call that raises changes nothing."""

    def __init__(self, start: int) -> None:
        self.total = start
        self.entries: dict[str, list[Any]] = {}
        self.log: list[list[Any]] = []
        self.nested: dict[str, dict[str, list[int]]] = {}

    def put(self, name: str, amount: int, tags: list[str]) -> Value:
        self.entries[name] = [name, amount, list(tags)]
        self.total += amount
        return len(self.entries)

    def drop(self, name: str) -> Value:
        self.total -= self.entries[name][1]
        del self.entries[name]
        return True

    def note(self, name: str, at: int) -> Value:
        entry = self.entries[name]
        if at > len(self.log):
            raise IndexError(at)
        self.log.append(entry[:2])
        self.log[at] = [name.upper(), self.log[at][1]]
        return None

    def nest(self, key: int, name: str, values: list[int]) -> Value:
        row = self.nested.setdefault(str(key), {}).setdefault(name, [])
        row += values
        return sum(row)

    def shrink(self, count: int) -> Value:
        if count > len(self.log):
            raise IndexError(count)
        del self.log[len(self.log) - count :]
        return None

    def dump(self) -> Value:
        return {
            "total": self.total,
            "entries": self.entries,
            "log": self.log,
            "nested": self.nested,
            "owner": DEFAULT_SENDER,
        }


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(start=st.integers(-(2**70), 2**70), calls=st.lists(CALLS, max_size=8))
def test_sequences(
    node: LocalNode, bench: Workbench, start: int, calls: list[tuple[str, tuple[Any, ...]]]
) -> None:
    """Every outcome is the model's, and every run replays to the same bytes."""
    model = Model(start)
    deployed = node.deploy(STORAGE.encode(), [start])
    value(deployed)
    runs = [deployed]
    for method, arguments in calls:
        done = node.call(deployed.address, method, list(arguments))
        runs.append(done)
        try:
            expected = getattr(model, method)(*arguments)
        except (KeyError, IndexError):
            assert done.report.outcome.kind != "return"
            continue
        assert value(done) == expected
    runs.append(node.call(deployed.address, "dump", view=True))
    assert value(runs[-1]) == model.dump()
    for run in runs:
        report = reexecute(bench.store.load_run(run.run_id), bench)
        assert report.identical, (run, report.divergence)
