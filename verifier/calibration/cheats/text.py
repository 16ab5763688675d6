"""Cheats that publish another text than the seed gives, other work than was assigned, or another reward."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.model.generate import Generation
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.quantise import quantised
from cupel.protocol.spec.environments.base import Dialogue
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.task import MILLION
from cupel.verifier.calibration.cheats.base import (
    HONEST_VARIANT,
    Bench,
    Cheat,
    Forger,
    claim_of,
    generation_of,
)
from cupel.verifier.calibration.engines import replay
from cupel.verifier.calibration.evidence import Claim
from cupel.verifier.calibration.reading import read
from cupel.verifier.calibration.setting import Assigned, Setting

TRIES: Final = 4
_DRAFT_BITS: Final = 4


def _edited_prompt(bench: Bench) -> Forger:
    """One token of the prompt is another prompt's."""

    def forge(assigned: Assigned) -> Claim:
        prompts = edited(bench.setting.prompts(assigned.problems))
        generation = generation_of(bench.setting, bench.policy, assigned, prompts=prompts)
        return claim_of(bench.setting, assigned, generation)

    return forge


def edited(prompts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each prompt with the first token in which the next one differs replaced by that one's. prompts: [N, P]."""
    others = np.roll(prompts, -1, axis=0)
    changed = prompts.copy()
    rows = np.arange(len(prompts))
    first = (prompts != others).argmax(axis=1)
    changed[rows, first] = others[rows, first]
    return changed


def _temperature(share: float) -> Callable[[Bench], Forger]:
    def prepare(bench: Bench) -> Forger:
        setting, policy = bench.setting, bench.policy

        def forge(assigned: Assigned) -> Claim:
            generation = generation_of(setting, policy, assigned, temperature=share * setting.temperature)
            return claim_of(setting, assigned, generation)

        return forge

    return prepare


def _best_of(bench: Bench) -> Forger:
    """The best of several tries, each with a seed of the node's own, is passed off as the assigned seed's."""
    setting = bench.setting

    def forge(assigned: Assigned) -> Claim:
        tries = []
        for number in range(TRIES):
            seeds = tuple(sha256(seed + bytes([number])) for seed in assigned.seeds)
            tries.append(generation_of(setting, bench.policy, dataclasses.replace(assigned, seeds=seeds)))
        rewards = np.stack([setting.rewards(assigned.problems, one.tokens, one.lengths) for one in tries])
        best = rewards.argmax(axis=0)
        rows = np.arange(len(best))
        chosen = Generation(
            np.stack([one.tokens for one in tries])[best, rows],
            np.stack([one.lengths for one in tries])[best, rows],
            np.stack([one.hidden for one in tries])[best, rows],
        )
        return claim_of(setting, assigned, chosen)

    return forge


def prefilled(setting: Setting, policy: Policy, assigned: Assigned, draft: Generation) -> Claim:
    """The draft's text with the states that one prefill of the right policy gives for it."""
    prompts = setting.prompts(assigned.problems)
    hidden, _ = replay(policy, prompts, draft.tokens, draft.lengths, HONEST_VARIANT.batch)
    return claim_of(setting, assigned, dataclasses.replace(draft, hidden=hidden))


def _speculative(bench: Bench) -> Forger:
    draft = quantised(bench.policy, _DRAFT_BITS)

    def forge(assigned: Assigned) -> Claim:
        text = generation_of(bench.setting, draft, assigned)
        return prefilled(bench.setting, bench.policy, assigned, text)

    return forge


def _other_problem(bench: Bench) -> Forger:
    """Every rollout answers the problem assigned to the next one."""
    setting = bench.setting

    def forge(assigned: Assigned) -> Claim:
        others = Assigned((*assigned.problems[1:], assigned.problems[0]), assigned.seeds)
        return claim_of(setting, others, generation_of(setting, bench.policy, others))

    return forge


def _other_seed(bench: Bench) -> Forger:
    """The node names a seed of its own."""
    setting = bench.setting

    def forge(assigned: Assigned) -> Claim:
        others = Assigned(assigned.problems, tuple(sha256(seed) for seed in assigned.seeds))
        return claim_of(setting, others, generation_of(setting, bench.policy, others))

    return forge


def _full_reward(bench: Bench) -> Forger:
    """Full reward for every answer; what earns it is no lie."""
    setting = bench.setting

    def forge(assigned: Assigned) -> Claim:
        claim = claim_of(setting, assigned, generation_of(setting, bench.policy, assigned))
        full = np.full_like(claim.rewards, MILLION)
        return dataclasses.replace(claim, rewards=full, is_false=claim.rewards != full)

    return forge


def _cut_off(bench: Bench) -> Forger:
    """The last token of every completion is left out, if there is another."""
    setting = bench.setting

    def forge(assigned: Assigned) -> Claim:
        whole = generation_of(setting, bench.policy, assigned)
        lengths = np.maximum(whole.lengths - 1, 1)
        tokens = whole.tokens.copy()
        tokens[np.arange(tokens.shape[1]) >= lengths[:, None]] = -1
        claim = claim_of(setting, assigned, Generation(tokens, lengths, whole.hidden))
        return dataclasses.replace(claim, is_false=whole.lengths > 1)

    return forge


def _other_replies(bench: Bench) -> Forger | None:
    """The environment's replies to the next problem stand in every dialogue; equal ones are no lie."""
    setting = bench.setting
    if not isinstance(setting.environment, Dialogue):
        return None

    def forge(assigned: Assigned) -> Claim:
        others = Assigned((*assigned.problems[1:], assigned.problems[0]), assigned.seeds)
        prompts = setting.prompts(assigned.problems)
        claim = claim_of(setting, assigned, generation_of(setting, bench.policy, others, prompts=prompts))
        found = read(setting.environment, claim.problems, claim.tokens, claim.lengths)
        return dataclasses.replace(claim, is_false=found.is_misquoted | found.ends_wrongly)

    return forge


TEXT: Final = (
    Cheat("edited-prompt", "one token of the prompt changed", _edited_prompt),
    Cheat("temperature-0.7", "temperature 0.7 of the task's", _temperature(0.7)),
    Cheat("temperature-0.95", "temperature 0.95 of the task's", _temperature(0.95)),
    Cheat("best-of-4", "the best of four seeds", _best_of),
    Cheat("speculative", "text of the 4-bit policy, one prefill of the right one", _speculative),
    Cheat("other-problem", "another problem than assigned", _other_problem),
    Cheat("other-seed", "a seed of the node's own", _other_seed),
    Cheat("full-reward", "full reward for every answer", _full_reward),
    Cheat("cut-off", "the last token left out", _cut_off),
    Cheat("other-replies", "replies to another problem", _other_replies),
)
