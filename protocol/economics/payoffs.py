"""What a lie is worth, in expectation. Pure; money in units of a round's pay.

A lie saves a part of the work in every round and risks, in every round, the stake and the pay that is still open. The
rule that terms must meet is the one of the design: p (burned stake + forfeited pay) >= what the lie saves. The burned
part counts alone, because a liar can be its own challenger and get the rest back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from cupel.protocol.economics.terms import Economy

_HALVINGS: Final = 50


@dataclass(frozen=True, slots=True)
class Lie:
    """A way to be paid for less than the work."""

    name: str
    false_share: float
    """Share of a round's rollouts that are false."""
    saving: float
    """Share of the cost of a false rollout that is saved."""
    detection: float
    """Chance that recomputing one false rollout shows it."""
    has_accomplice: bool = False
    """Whether the liar's own challenger is always first, and the reward comes back to it."""

    def false_units(self, economy: Economy) -> int:
        """False rollouts a round: at least one, or it would be no lie."""
        return max(1, round(self.false_share * economy.units))

    def saved(self, economy: Economy) -> float:
        """Money saved a round."""
        return self.saving * economy.work_cost * self.false_units(economy) / economy.units


@dataclass(frozen=True, slots=True)
class Watch:
    """How closely nodes are watched."""

    verifiers: int
    """Honest ones: each decides alone what it looks at."""
    audit_rate: float
    """Share of commitments that each of them looks at."""
    drawn: int
    """Rollouts recomputed of each of those."""


def audit_finds(units: int, false_units: int, drawn: int, detection: float) -> float:
    """Chance that one audit finds the lie.

    Of `units`, `drawn` are looked at, without replacement, which makes the number of false ones among them
    hypergeometric; each of those shows with chance `detection`.
    """
    drawn, honest_units = min(drawn, units), units - false_units
    missed = 0.0
    for count in range(max(0, drawn - honest_units), min(drawn, false_units) + 1):
        ways = math.comb(false_units, count) * math.comb(honest_units, drawn - count)
        missed += ways / math.comb(units, drawn) * (1.0 - detection) ** count
    return 1.0 - missed


def caught(economy: Economy, lie: Lie, watch: Watch) -> float:
    """Chance that a round's lie is proven."""
    one = audit_finds(economy.units, lie.false_units(economy), watch.drawn, lie.detection)
    return float(1.0 - (1.0 - watch.audit_rate * one) ** watch.verifiers)


def career(economy: Economy, lie: Lie, chance: float) -> float:
    """Expected income of a node that lies in every round until it is caught, with this chance a round.

    Caught in a round it loses its stake and the pay of the open rounds; what was paid before stays with it.
    """
    spent = economy.work_cost - lie.saved(economy)
    back = economy.reward if lie.has_accomplice else 0.0
    income, free = 0.0, 1.0
    for index in range(economy.rounds):
        paid = max(0, index + 1 - economy.open_rounds)
        income += free * chance * (paid - (index + 1) * spent - economy.stake + back)
        free *= 1.0 - chance
    return income + free * economy.rounds * (1.0 - spent)


def gain(economy: Economy, lie: Lie, watch: Watch) -> float:
    """What lying brings beyond honest work over the task; negative where it does not pay."""
    return career(economy, lie, caught(economy, lie, watch)) - economy.rounds * economy.honest_income


def break_even(economy: Economy, lie: Lie, watch: Watch) -> float | None:
    """The audit rate from which on the lie does not pay; None if it pays even when all is audited."""
    if gain(economy, lie, replace(watch, audit_rate=1.0)) > 0.0:
        return None
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if gain(economy, lie, replace(watch, audit_rate=middle)) > 0.0:
            low = middle
        else:
            high = middle
    return high


def most_profitable(economy: Economy, lie: Lie, watch: Watch) -> Lie:
    """The lie with the share of false rollouts that a liar who knows the audit rate would choose."""
    shares = [count / economy.units for count in _ladder(economy.units)]
    candidates = [replace(lie, false_share=share) for share in shares]
    return max(candidates, key=lambda candidate: gain(economy, candidate, watch))


def verifier_income(economy: Economy, watch: Watch, nodes: int, lie: Lie, liars: int) -> float:
    """Expected income of one of the honest verifiers in a round in which so many of the nodes lie. Fees aside."""
    rewards = liars * caught(economy, lie, watch) * economy.reward / watch.verifiers
    return rewards - watch.audit_rate * nodes * economy.audit_cost(watch.drawn)


def least_liars(economy: Economy, watch: Watch, lie: Lie) -> float:
    """Share of lying nodes, all rounds counted, from which on checking pays for itself by rewards alone."""
    cost = verifier_income(economy, watch, 1, lie, 0)
    return -cost / (verifier_income(economy, watch, 1, lie, 1) - cost)


def _ladder(units: int) -> list[int]:
    """Counts from 1 to `units`, each about a tenth above the one before."""
    counts = [1]
    while counts[-1] < units:
        counts.append(min(units, max(counts[-1] + 1, round(counts[-1] * 1.1))))
    return counts
