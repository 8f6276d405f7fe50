"""Tokens, prices, budgets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.llm.costs import Ledger, Prices, Usage

PRICES = Prices(
    Decimal("2.5"), Decimal(10)
)  # a million tokens: 2.5 and 10, so 2500 and 10000 billionths a token


@pytest.mark.parametrize(
    ("prices", "usage", "cost"),
    [
        (PRICES, Usage(100, 10), 350_000),
        (PRICES, Usage(), 0),
        (Prices(), Usage(10**6, 10**6), 0),
        (Prices(Decimal("0.0001"), Decimal(0)), Usage(1, 0), 1),
        (Prices(Decimal("0.1"), Decimal(0)), Usage(3, 0), 300),
    ],
)
def test_a_cost_is_exact_and_rounded_up_to_a_billionth(prices, usage, cost):
    """No floats: the sum of many costs is their sum."""
    assert prices.cost(usage) == cost


def _spend(ledger, used, at_most=None, prices=PRICES):
    with ledger.attempt(prices, at_most or used) as settle:
        return settle(used)


def test_totals_are_kept_for_the_session_and_for_the_module():
    """A failed attempt counts as one, without cost."""
    ledger = Ledger(None, None, lambda: 0)
    one, two = ledger.session(), ledger.session()
    assert _spend(one, Usage(100, 10)) == 350_000
    with pytest.raises(ValueError, match="x"), two.attempt(PRICES, Usage(1, 1)):
        raise ValueError("x")
    assert (one.totals.attempts, one.totals.failures, one.totals.cost) == (1, 0, 350_000)
    assert (two.totals.attempts, two.totals.failures, two.totals.cost) == (1, 1, 0)
    assert (ledger.totals.attempts, ledger.totals.input_tokens, ledger.totals.cost) == (2, 100, 350_000)


def test_a_budget_of_a_session_refuses_what_could_overdraw_it(caplog):
    """A contract may catch the error, which tells nothing of the operator; a cheaper request still goes through, and another session too."""
    ledger = Ledger(None, 400_000, lambda: 0)
    session = ledger.session()
    _spend(session, Usage(100, 10))
    with pytest.raises(ModuleError) as caught:
        _spend(session, Usage(1, 1), at_most=Usage(10, 10))
    assert (caught.value.causes, caught.value.fatal) == (("BUDGET_EXCEEDED",), False)
    assert caught.value.ctx == {"scope": "session"}
    assert "350000 of 400000 spent, 0 reserved, 125000 wanted" in caplog.text
    _spend(session, Usage(10, 1))
    _spend(session, Usage(10**6, 10**6), prices=Prices())
    _spend(ledger.session(), Usage(100, 10))


def test_requests_under_way_are_reserved_for():
    """A hundred at once can't overdraw a budget either; what they did not need is free again."""
    ledger = Ledger(1_000_000, None, lambda: 0)
    with ledger.session().attempt(PRICES, Usage(0, 60)) as settle:
        with pytest.raises(ModuleError, match="BUDGET_EXCEEDED"):
            _spend(ledger.session(), Usage(0, 60))
        settle(Usage(0, 1))
    assert _spend(ledger.session(), Usage(0, 60)) == 600_000


def test_the_budget_of_a_day_begins_anew_at_midnight():
    """What is under way then counts for the new day, and is given back."""
    day = 0
    ledger = Ledger(1_000_000, None, lambda: day)
    _spend(ledger.session(), Usage(0, 90))
    with pytest.raises(ModuleError, match="BUDGET_EXCEEDED"):
        _spend(ledger.session(), Usage(0, 20))
    with ledger.session().attempt(PRICES, Usage(0, 10)) as settle:
        day = 1
        settle(Usage(0, 10))
    assert (ledger.day().spent, ledger.day().reserved) == (100_000, 0)
    _spend(ledger.session(), Usage(0, 90))
