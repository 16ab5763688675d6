"""A task's terms as the economy sees them. One unit of money is what a node earns by one full round. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.task.plan import TaskPlan

# Shares of a slashed stake, as the hub splits it: the challenger's is also bounded by so many bonds.
CHALLENGER_SHARE: Final = 0.5
MAX_REWARD_BONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Economy:
    """Pay, stake and costs. Everything but counts in units of a round's pay."""

    units: int
    """Rollouts a node owes a round."""
    rounds: int
    open_rounds: int
    """Newest commitments that are unpaid and still open to challenges, the current one included."""
    stake: float
    bond: float
    work_cost: float
    """What a round of honest work costs a node."""
    check_cost: float
    """What recomputing all rollouts of a round costs a verifier, as a share of `work_cost`."""

    @property
    def reward(self) -> float:
        """What a proven challenge brings beyond the bond."""
        return min(CHALLENGER_SHARE * self.stake, MAX_REWARD_BONDS * self.bond)

    @property
    def honest_income(self) -> float:
        """What an honest node keeps of a round."""
        return 1.0 - self.work_cost

    def audit_cost(self, drawn: int) -> float:
        """What recomputing `drawn` rollouts of a round costs a verifier."""
        return self.check_cost * self.work_cost * min(drawn, self.units) / self.units


def economy_of(plan: TaskPlan, work_cost: float, check_cost: float) -> Economy:
    """The economy of a plan; costs as in `Economy`."""
    terms = plan.terms
    units = terms.problems_per_round * terms.group_size
    pay = units * int(terms.rate)
    return Economy(
        units=units,
        rounds=terms.rounds,
        open_rounds=-(-terms.challenge_window // terms.round_seconds),
        stake=int(terms.stake) / pay,
        bond=int(terms.bond) / pay,
        work_cost=work_cost,
        check_cost=check_cost,
    )
