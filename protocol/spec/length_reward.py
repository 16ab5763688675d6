"""Rewards for keeping to a length that the prompt states; exact in integers, so that everyone finds the same number.

A rollout's leaf commits to the environment's reward, which a chain's rule can compute. What is trained on follows from
that reward, the number of tokens and the assigned target: all three stand in the leaf or follow from chain data.

Forms: EXACT and MAX are L1-Exact and L1-Max (Aggarwal and Welleck 2025, arXiv 2503.04697); INTELLECT-2 (arXiv
2505.07291) trained with EXACT at 300 millionths a token, and its code also has CLIP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.units import MILLION

EXACT: Final = "exact"
MAX: Final = "max"
CLIP: Final = "clip"
FORMS: Final = (EXACT, MAX, CLIP)


@dataclass(frozen=True, slots=True)
class LengthRule:
    """Which lengths are asked for, and what missing them costs. Targets rise from `least_target` in equal steps."""

    form: str
    penalty_millionths: int
    """Per token: alpha of EXACT and MAX; CLIP has none."""
    delta_millionths: int
    """What MAX multiplies with at exactly the target: 500 000 in L1."""
    least_target: int
    target_step: int
    num_targets: int

    def target(self, index: int) -> int:
        """Tokens asked for by target `index`, end token included."""
        assert 0 <= index < self.num_targets
        return self.least_target + index * self.target_step


def check_length_rule(rule: LengthRule) -> None:
    """Rejected(TASK_SPEC) for a rule that cannot be applied."""
    if rule.form not in FORMS:
        detail = f"length.form is {rule.form!r}, one of {', '.join(FORMS)} expected"
        raise Rejected(Reason.TASK_SPEC, detail)
    if rule.num_targets == 0 or rule.least_target == 0:
        raise Rejected(Reason.TASK_SPEC, "length.num_targets and length.least_target are positive")
    if rule.num_targets > 1 and rule.target_step == 0:
        raise Rejected(Reason.TASK_SPEC, "length.target_step is positive where there are several targets")


def trained_reward(rule: LengthRule, reward: int, num_tokens: int, target: int) -> int:
    """Millionths to train on: `reward` millionths, corrected for the length. EXACT can give less than nothing.

    exact: reward - alpha * |target - n|        max: reward * min(1, max(0, alpha * (target - n) + delta))
    clip: reward, or nothing if n > target
    """
    if rule.form == EXACT:
        return reward - rule.penalty_millionths * abs(target - num_tokens)
    if rule.form == MAX:
        factor = rule.penalty_millionths * (target - num_tokens) + rule.delta_millionths
        return reward * min(MILLION, max(0, factor)) // MILLION
    assert rule.form == CLIP, f"unchecked form {rule.form}"
    return reward if num_tokens <= target else 0
