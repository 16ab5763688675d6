"""What counts of successes say of the chance behind them. Pure.

Clopper and Pearson (1934): the exact one-sided bounds of a binomial proportion. With no success in n tries the upper
bound is 1 - (1 - confidence)^(1/n), about 3/n at 95 %: the rule of three.
"""

from __future__ import annotations

import math
from typing import Final

CONFIDENCE: Final = 0.95
_HALVINGS: Final = 60


def upper_bound(successes: int, tries: int, confidence: float = CONFIDENCE) -> float:
    """The largest chance under which so few successes have a probability of at least 1 - confidence; 1 of no tries."""
    assert 0 <= successes <= tries, f"{successes} of {tries}"
    if successes == tries:
        return 1.0
    if successes == 0:
        return 1.0 - float((1.0 - confidence) ** (1.0 / tries))
    low, high = successes / tries, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _at_most(successes, tries, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def lower_bound(successes: int, tries: int, confidence: float = CONFIDENCE) -> float:
    """The mirror image: the smallest chance under which so many successes are that probable; 0 of no tries."""
    return 1.0 - upper_bound(tries - successes, tries, confidence)


def caught(refused: int, tries: int, drawn: int, confidence: float = CONFIDENCE) -> float:
    """Least chance that one of `drawn` chunks is refused, if `refused` of `tries` were: at this confidence."""
    return 1.0 - (1.0 - lower_bound(refused, tries, confidence)) ** drawn


def _at_most(successes: int, tries: int, chance: float) -> float:
    """P(Binomial(tries, chance) <= successes), 0 < chance < 1."""
    # Each term from the one before; the largest factor taken out, since the first term alone underflows.
    ratio = math.log(chance) - math.log1p(-chance)
    logarithm = tries * math.log1p(-chance)
    logarithms = [logarithm]
    for count in range(1, successes + 1):
        logarithm += math.log(tries - count + 1) - math.log(count) + ratio
        logarithms.append(logarithm)
    largest = max(logarithms)
    return min(1.0, math.exp(largest) * math.fsum(math.exp(term - largest) for term in logarithms))
