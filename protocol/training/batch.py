"""A round's rollouts as arrays, and which of them may be trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.assignment import Assigned
from cupel.protocol.spec.dialogue import own_tokens
from cupel.protocol.spec.environments.base import Environment, assigned_prompt
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.length_reward import LengthRule, trained_reward
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.rollout_file import PAD
from cupel.protocol.spec.rounds import refused_policy
from cupel.protocol.spec.task import MILLION, TaskParams


@dataclass(frozen=True, slots=True)
class Batch:
    """A round's rollouts, group after group: N rollouts, prompts of P tokens, completions of at most T.

    prompts int64 [N, P]; tokens int32 [N, T], -1 behind the end; lengths int32 [N]; rewards int32 [N], millionths, as
    committed; versions int32 [N], the policies that sampled, None if it is the one trained on; targets int32 [N], the
    lengths asked for, None in a task without; own bool [N, T], the tokens that the policy sampled, None if it sampled
    all of them.
    """

    prompts: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    rewards: npt.NDArray[np.int32]
    versions: npt.NDArray[np.int32] | None = None
    targets: npt.NDArray[np.int32] | None = None
    own: npt.NDArray[np.bool_] | None = None

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Tokens that are trained on, bool [N, T]."""
        inside: npt.NDArray[np.bool_] = np.arange(self.tokens.shape[1]) < self.lengths[:, None]
        return inside if self.own is None else inside & self.own

    def select(self, rows: npt.NDArray[np.bool_]) -> Batch:
        """The rollouts where `rows`, bool [N], is true."""
        return Batch(
            self.prompts[rows],
            self.tokens[rows],
            self.lengths[rows],
            self.rewards[rows],
            None if self.versions is None else self.versions[rows],
            None if self.targets is None else self.targets[rows],
            None if self.own is None else self.own[rows],
        )

    def trained_rewards(self, rule: LengthRule | None) -> npt.NDArray[np.float32]:
        """What the rollouts are worth in training, float32 [N]: rewards, corrected for length by a rule."""
        rewards: npt.NDArray[np.integer] = self.rewards
        if rule is not None:
            assert self.targets is not None, "a length rule needs targets"
            rows = zip(self.rewards.tolist(), self.lengths.tolist(), self.targets.tolist(), strict=True)
            rewards = np.array([trained_reward(rule, *row) for row in rows], dtype=np.int64)
        return rewards.astype(np.float32) / np.float32(MILLION)


def batch_of(
    rollouts: Sequence[Rollout],
    assigned: Sequence[Assigned],
    environment: Environment,
    version: int,
    max_tokens: int,
    rule: LengthRule | None,
) -> Batch:
    """Rollouts (in index order) of one policy version, with what was assigned for them."""
    targets = None
    if rule is not None:
        stated = [rule.target(owed.target) for owed in assigned if owed.target is not None]
        targets = np.array(stated, dtype=np.int32)
    tokens, lengths = _padded([rollout.tokens for rollout in rollouts], max_tokens)
    own = None
    if any(rollout.spans for rollout in rollouts):
        own = np.stack([own_tokens(rollout.spans, max_tokens) for rollout in rollouts])
    return Batch(
        prompts=np.array([assigned_prompt(environment, owed) for owed in assigned], dtype=np.int64),
        tokens=tokens,
        lengths=lengths,
        rewards=np.array([rollout.reward for rollout in rollouts], dtype=np.int32),
        versions=np.full(len(rollouts), version, dtype=np.int32),
        targets=targets,
        own=own,
    )


def with_answers(batch: Batch, assigned: Sequence[Assigned], environment: Environment) -> Batch:
    """The batch with the environment's answers in place of the completions; rewards stay those of the rollouts."""
    answers = [environment.answer(owed.problem) for owed in assigned]
    tokens, lengths = _padded(answers, batch.tokens.shape[1])
    return dataclasses.replace(batch, tokens=tokens, lengths=lengths, own=None)


def fresh_groups(batch: Batch, params: TaskParams, round_index: int) -> tuple[Batch, tuple[Rejected, ...]]:
    """The groups whose policies the round accepts, and why the others are refused, a reason for every version.

    A group with one refused rollout is refused as a whole: its rewards are compared with each other.
    """
    assert batch.versions is not None, "every rollout bears its version"
    found = {v: refused_policy(params, round_index, v) for v in np.unique(batch.versions).tolist()}
    refused = {version: reason for version, reason in found.items() if reason is not None}
    stale = np.isin(batch.versions, list(refused)).reshape(-1, params.group_size).any(axis=1)
    return batch.select(np.repeat(~stale, params.group_size)), tuple(refused.values())


def _padded(
    texts: Sequence[tuple[int, ...]], max_tokens: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    tokens = np.full((len(texts), max_tokens), PAD, dtype=np.int32)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    return tokens, np.array([len(text) for text in texts], dtype=np.int32)
