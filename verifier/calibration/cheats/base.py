"""What a cheat is: a claim in place of the honest one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cupel.protocol.model.generate import Generation
from cupel.protocol.model.policy import Policy
from cupel.protocol.spec.toploc import build_proofs_batch
from cupel.verifier.calibration.engines import Variant, moved, roll_out
from cupel.verifier.calibration.evidence import Claim
from cupel.verifier.calibration.setting import Assigned, Setting


@dataclass(frozen=True, slots=True)
class Bench:
    """What cheats are made from: the task, the canonical policy, and what the operator adds."""

    setting: Setting
    policy: Policy
    seed: int
    student_steps: int
    older: tuple[tuple[str, Policy], ...] = field(default=())
    """Real earlier versions, by name."""


Forger = Callable[[Assigned], Claim]


@dataclass(frozen=True, slots=True)
class Cheat:
    """One way to cheat. `prepare` may train; None if it makes no sense for this policy."""

    name: str
    title: str
    prepare: Callable[[Bench], Forger | None]


HONEST_VARIANT = Variant()


def generation_of(
    setting: Setting,
    policy: Policy,
    assigned: Assigned,
    variant: Variant = HONEST_VARIANT,
    *,
    temperature: float | None = None,
    prompts: npt.NDArray[np.int64] | None = None,
) -> Generation:
    """The assigned rollouts by this policy, under another temperature or other prompts if given; replies are those to
    the assigned problems."""
    return roll_out(
        policy,
        variant,
        setting.prompts(assigned.problems) if prompts is None else prompts,
        setting.noise(assigned.seeds),
        setting.environment.end_token,
        setting.temperature if temperature is None else temperature,
        lambda part: setting.writing(assigned.problems[part]),
    )


def claim_of(
    setting: Setting, assigned: Assigned, generation: Generation, proofs: list[list[bytes]] | None = None
) -> Claim:
    """The claim a node with this generation publishes, everything else honest."""
    tokens, lengths = generation.tokens, generation.lengths
    if proofs is None:
        proofs = build_proofs_batch(generation.hidden, lengths, setting.chunk_tokens, setting.topk)
    rewards = setting.rewards(assigned.problems, tokens, lengths)
    is_false = np.ones(len(lengths), dtype=bool)
    return Claim(assigned.problems, assigned.seeds, tokens, lengths, rewards, proofs, is_false)


def honest(setting: Setting, policy: Policy, variant: Variant) -> Forger:
    """An honest node on this engine; with a false policy, a node that passes it off as the canonical one."""
    engine = moved(policy, variant)
    return lambda assigned: claim_of(setting, assigned, generation_of(setting, engine, assigned, variant))
