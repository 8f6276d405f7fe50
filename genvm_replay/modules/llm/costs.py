"""What answers cost: tokens at the configured prices, and budgets that no request may overdraw.

Costs are whole **billionths** of the currency that prices and budgets are written in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from ..errors import ModuleError

log = logging.getLogger(__name__)

BILLION: Final = 10**9
IMAGE_TOKENS: Final = 4096
"""Reserved for an image: more than any of the supported providers counts for one of ordinary size."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as a provider counts them, or 0 where it does not."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a million tokens."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)

    def cost(self, usage: Usage) -> int:
        """In billionths, rounded up."""
        nano = 1000 * (self.input * usage.input_tokens + self.output * usage.output_tokens)
        return int(nano.to_integral_value(ROUND_CEILING))


@dataclass(slots=True)
class Budget:
    """What may be spent in one scope.

    Attributes:
        limit: billionths; None: no limit.
        spent, reserved: billionths; what answers cost, and what requests under way may cost at most.
    """

    scope: str
    limit: int | None
    spent: int = 0
    reserved: int = 0

    def check(self, cost: int) -> None:
        """See whether so much is left.

        Raises:
            ModuleError: `BUDGET_EXCEEDED`, which a contract may catch; how much is left is for the log only.
        """
        if self.limit is not None and self.spent + self.reserved + cost > self.limit:
            log.warning(
                "budget of a %s: %d of %d spent, %d reserved, %d wanted",
                *(self.scope, self.spent, self.limit, self.reserved, cost),
            )
            raise ModuleError("BUDGET_EXCEEDED", ctx={"scope": self.scope})


@dataclass(slots=True)
class Totals:
    """What was asked and answered since a start."""

    attempts: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0

    def add(self, usage: Usage, cost: int) -> None:
        """Add an answer."""
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cost += cost


class Ledger:
    """The totals and budgets of a module, from which those of each session hang.

    Args:
        today: number of the day, which begins at midnight UTC.
    """

    def __init__(self, per_day: int | None, per_session: int | None, today: Callable[[], int]) -> None:
        self.totals = Totals()
        self._per_session = per_session
        self._today = today
        self._day = today()
        self._budget = Budget("day", per_day)

    def session(self) -> SessionLedger:
        """The ledger of one session."""
        return SessionLedger(self, Budget("session", self._per_session))

    def day(self) -> Budget:
        """The budget of today."""
        if self._today() != self._day:
            self._day, self._budget.spent = self._today(), 0
        return self._budget


class SessionLedger:
    """The totals and the budget of one session; it counts for the module too."""

    def __init__(self, ledger: Ledger, budget: Budget) -> None:
        self.totals = Totals()
        self._ledger = ledger
        self._budget = budget

    @contextmanager
    def attempt(self, prices: Prices, at_most: Usage) -> Iterator[Callable[[Usage], int]]:
        """Reserve what a request may cost, and give what settles it: usage -> cost in billionths.

        A request that fails costs nothing here, whatever its provider may bill.

        Raises:
            ModuleError: `BUDGET_EXCEEDED`: the most it may cost is not left.
        """
        budgets = (self._budget, self._ledger.day())
        both = (self.totals, self._ledger.totals)
        reserved = prices.cost(at_most)
        for budget in budgets:
            budget.check(reserved)
        for budget in budgets:
            budget.reserved += reserved
        answered = False

        def settle(usage: Usage) -> int:
            nonlocal answered
            answered = True
            cost = prices.cost(usage)
            for totals in both:
                totals.add(usage, cost)
            self._budget.spent += cost
            self._ledger.day().spent += cost
            return cost

        try:
            yield settle
        finally:
            for budget in budgets:
                budget.reserved -= reserved
            for totals in both:
                totals.attempts += 1
                totals.failures += not answered
