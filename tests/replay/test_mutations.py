"""Every kind of mutation, seeded in real recordings of three contracts: found, at its place, with the right class of cause."""

from __future__ import annotations

import pytest

from genvm_replay.journal.stored import StoredRun
from genvm_replay.replay.examine import confirmed, examine
from genvm_replay.replay.local_node import LocalNode

from .mutated_runs import recorded_runs
from .mutations import KINDS, Verdict, mutations, parts_of, put_together, verdict


@pytest.fixture(scope="module")
def runs(chain: LocalNode) -> dict[str, StoredRun]:
    """Recorded runs by name."""
    return dict(recorded_runs(chain))


def test_unmutated_copies_are_identical(chain, runs):
    """The forger's tools alone change nothing."""
    for run in runs.values():
        told = examine(put_together(parts_of(run)), chain._bench, thorough=True)
        assert told.report is not None
        assert told.report.identical
        assert told.explanation is None


@pytest.mark.parametrize("kind", KINDS)
def test_found_at_its_place_with_its_class(chain, runs, kind):
    """By the first report; a second re-execution does not change it."""
    count = 0
    for name, run in runs.items():
        for mutation in mutations(run, kind):
            forgery = put_together(mutation.parts)
            told = examine(forgery, chain._bench, thorough=True).explanation
            sure = told and confirmed(forgery, chain._bench, told)
            for one in (told, sure):
                assert verdict(mutation, one) == Verdict(True, True, True), (name, mutation.place, one)
            count += 1
    assert count, "no place for it in any run"
