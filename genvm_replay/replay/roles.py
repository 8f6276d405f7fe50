"""The roles over one record, as a table: what each asks of whom. Pure; `rerun.py` runs them.

Every role takes the state from the record of the run that it is about. They differ in whose results nondeterministic
blocks have, and in whether validator functions judge them (spec/executor.md 5.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..journal.run import Role, RunFooter


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRules:
    """What a role asks of whom.

    Attributes:
        leads: nondeterministic blocks are run with fresh answers of the modules; else they have the leader's results.
        votes: it has an opinion on its leader.
        opens_round: it stands in the round after its leader's; else in the same one.
    """

    leads: bool = False
    votes: bool = True
    opens_round: bool = False


RULES: Final[dict[Role, RoleRules]] = {
    "leader": RoleRules(leads=True, votes=False, opens_round=True),
    "validator": RoleRules(),
    "sync": RoleRules(),
    "appeal": RoleRules(opens_round=True),
    "replay": RoleRules(votes=False),
}


def why_unjudgeable(footer: RunFooter) -> str:
    """Why a leader's run can't be judged; empty where it can: these ends are no results of a contract."""
    if footer.interrupted:
        return "it was stopped from outside"
    if footer.kind == "internal_error":
        return "it ended with an internal error"
    return ""
