"""The factor that a difference follows is read off the outcomes of all re-executions."""

from __future__ import annotations

import msgspec
import pytest

from genvm_replay.errors import Divergence
from genvm_replay.executor.engine import BUILDS, Build
from genvm_replay.journal.events import Event, WriteStream
from genvm_replay.replay.local_node import CallOptions
from genvm_replay.replay.triage import Trial, builds_for, factor_of, trials

from .contracts import EVERYTHING
from .test_divergence import forged


def table(outcome, runners=("recorded",)) -> list[Trial]:
    """Trials whose difference is at the event that `outcome(build, runners, repetition)` gives; None: identical."""
    made = []
    for runner in runners:
        for build in BUILDS:
            for repetition in range(2):
                seq = outcome(build, runner, repetition)
                found = None if seq is None else Divergence("main", seq, "data", b"a", b"b")
                made.append(Trial(build, runner, repetition, found))
    return made


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("nothing", lambda *_: None),
        ("record", lambda *_: 5),
        ("engine", lambda build, *_: 5 if build is Build.PULLEY else None),
        ("engine", lambda build, *_: 5 if build is Build.FUEL else None),
        ("engine", lambda build, *_: 5 if build is Build.FUEL else 6),
        ("leak", lambda build, _, repetition: 5 + repetition if build is Build.FAST else None),
        ("leak", lambda _build, _runner, repetition: 5 if repetition else None),
    ],
)
def test_factors(kind, outcome):
    assert factor_of(table(outcome)).kind == kind


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("runner", lambda _, runner, __: 5 if runner == "built-in" else None),
        ("engine", lambda build, *_: 5 if build is Build.PULLEY else None),
        ("several", lambda build, runner, _: 5 if build is Build.FUEL and runner == "built-in" else None),
        ("record", lambda *_: 5),
    ],
)
def test_factors_with_two_sets_of_runners(kind, outcome):
    assert factor_of(table(outcome, ("recorded", "built-in"))).kind == kind


def test_the_second_engine_is_named():
    assert "Pulley" in factor_of(table(lambda build, *_: 5 if build is Build.PULLEY else None)).text
    assert "fuel" in factor_of(table(lambda build, *_: 5 if build is Build.FUEL else None)).text


def test_a_real_run_on_every_build(node, bench):
    """Identical everywhere; a forged record differs everywhere in the same way."""
    address = node.deploy(EVERYTHING.encode()).address
    run = bench.store.load_run(node.call(address, "all", ["word"]).run_id)
    made = list(trials(run, {"recorded": bench}))
    assert [trial.build for trial in made] == [build for build in BUILDS for _ in range(2)]
    assert factor_of(made).kind == "nothing"

    def other(event: Event) -> Event:
        if isinstance(event.request, WriteStream):
            return Event(msgspec.structs.replace(event.request, data=b"forged"), event.answer)
        return event

    forgery = forged(run.header, [other(event) for event in run.read_line("main")], run.footer)
    assert factor_of(list(trials(forgery, {"recorded": bench}))).kind == "record"


def test_a_limited_run_has_the_builds_that_keep_its_limit(node, bench):
    """Fuel is counted on one build only; a run that was stopped may never end by itself."""
    address = node.deploy(EVERYTHING.encode()).address
    done = node.call(address, "all", ["word"], options=CallOptions(fuel=10**9))
    run = bench.store.load_run(done.run_id)
    assert builds_for(run) == (Build.FUEL,)
    assert factor_of(list(trials(run, {"recorded": bench}))).kind == "nothing"
