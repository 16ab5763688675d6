"""The training recipe of a task: what a node does between two aggregations. `docs/learning.md` has every formula.

The first eight keys are always there. The others may be left out, and then mean what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.units import MILLION

GRPO: Final = "grpo"
SFT: Final = "sft"
DPO: Final = "dpo"
CLIP: Final = "clip"
MASK: Final = "mask"
GENESIS: Final = "genesis"
SAMPLER: Final = "sampler"
K1: Final = "k1"
K2: Final = "k2"
K3: Final = "k3"
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "objective": (GRPO, SFT, DPO),
    "trust_region": (CLIP, MASK),
    "reference": (GENESIS, SAMPLER),
    "kl_estimator": (K1, K2, K3),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a node trains between two aggregations."""

    inner_steps: int
    learning_rate_billionths: int
    """Learning rate of round 0; it falls linearly to `final_learning_rate_billionths` in the last round."""
    final_learning_rate_billionths: int
    clip_millionths: int
    max_ratio_millionths: int
    """Upper bound of the probability ratio for negative advantages (two-sided clip, INTELLECT-2)."""
    advantage_std: bool
    gradient_clip_millionths: int
    max_exponent_offset: int
    """Largest block exponent of an update, plus 32 (documents hold no negative numbers): bounds every coordinate."""
    objective: str = GRPO
    """GRPO on the round's completions, SFT on the environment's answers, DPO on pairs of completions."""
    trust_region: str = CLIP
    """CLIP bounds a token's ratio; MASK drops a token whose probability moved too far (as DPPO does)."""
    mask_millionths: int = 200_000
    """How far a probability may move under MASK."""
    reference: str = GENESIS
    """Whom KL term and DPO compare with: the task's initial weights, or the version that sampled."""
    kl_millionths: int = 0
    """Weight of the KL term in GRPO's loss."""
    kl_estimator: str = K3
    entropy_millionths: int = 0
    """Weight of the entropy bonus in GRPO's loss."""
    drop_silent_groups: bool = True
    """Whether groups of equal rewards stay out of the mean over tokens."""
    least_solve_rate_millionths: int = 0
    """Groups whose mean reward lies below are not trained on."""
    most_solve_rate_millionths: int = MILLION
    """Groups whose mean reward lies above are not trained on."""
    packed_tokens: int = 0
    """Rollouts share rows of so many tokens; 0 gives each its own. The same mathematics, fewer padding tokens."""
    dpo_beta_millionths: int = 100_000
    lora_rank: int = 0
    """Rank of the adapters that a round trains and merges; 0 trains every weight."""
    lora_scale_millionths: int = MILLION
    """What an adapter's product is multiplied with (alpha / rank)."""
    least_inner_steps: int = 0
    """What a slow node does at least, where a round has no time for `inner_steps`; 0: everybody does all of them."""

    @property
    def needs_genesis(self) -> bool:
        """Whether training compares with the task's initial weights."""
        compares = self.objective == DPO or (self.objective == GRPO and self.kl_millionths > 0)
        return compares and self.reference == GENESIS

    def steps_behind(self, stated: int) -> int:
        """Inner steps behind an update whose manifest states so many. Rejected(MANIFEST) for what no node may state.

        0, which a manifest leaves out, stands for `inner_steps`; fewer are stated, so there is one way to say each.
        """
        if stated == 0:
            return self.inner_steps
        if self.least_inner_steps and self.least_inner_steps <= stated < self.inner_steps:
            return stated
        least = self.least_inner_steps or self.inner_steps
        raise Rejected(
            Reason.MANIFEST,
            f"{stated} inner steps stated, fewer than {self.inner_steps} and {least} at least",
        )


def check_recipe(recipe: Recipe) -> None:
    """Rejected(TASK_SPEC) for a recipe that nobody can follow."""
    for name, choices in _CHOICES.items():
        if getattr(recipe, name) not in choices:
            detail = f"recipe.{name} is {getattr(recipe, name)!r}, one of {', '.join(choices)} expected"
            raise Rejected(Reason.TASK_SPEC, detail)
    problems = {
        "recipe.inner_steps is positive": recipe.inner_steps == 0,
        "recipe.max_exponent_offset is above 32": recipe.max_exponent_offset > 32,
        "recipe.mask_millionths is a difference of probabilities": recipe.mask_millionths > MILLION,
        "recipe.least_solve_rate_millionths is above most_solve_rate_millionths": (
            recipe.least_solve_rate_millionths > recipe.most_solve_rate_millionths
        ),
        "recipe.dpo_beta_millionths is positive": recipe.dpo_beta_millionths == 0,
        "recipe.lora_scale_millionths is positive": recipe.lora_scale_millionths == 0,
        "recipe.least_inner_steps is above inner_steps": recipe.least_inner_steps > recipe.inner_steps,
    }
    for problem, present in problems.items():
        if present:
            raise Rejected(Reason.TASK_SPEC, problem)
