"""Strategies that pass off other work than was assigned, or other people's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from cupel.devnet.attacks.base import Strategy, bound, forge
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.model.generate import generate, replay
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import Assigned, assigned_work
from cupel.protocol.spec.environments.base import assigned_prompt, get_environment
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import PolicyRef, Rollout, SubmissionManifest
from cupel.protocol.spec.rollout_file import PAD
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import MILLION
from cupel.protocol.spec.toploc import build_proofs_batch
from cupel.protocol.submissions import SubmissionFiles


def assigned_of(draft: Draft) -> tuple[Assigned, ...]:
    """What the chain assigned of every rollout of the round."""
    indices = range(len(draft.rollouts))
    return tuple(assigned_work(draft.seed, draft.params, indices, draft.spec.length))


def completed(draft: Draft, owed: Sequence[Assigned], temperature: float = 1.0) -> tuple[Rollout, ...]:
    """Completions by the canonical policy with true proofs and rewards, whoever assigned them."""
    environment, params = get_environment(draft.spec.environment), draft.params
    prompts = np.array([assigned_prompt(environment, one) for one in owed], dtype=np.int64)
    noise = np.stack([gumbel_noise(one.seed, params.max_tokens, environment.vocabulary) for one in owed])
    made = generate(draft.policy, prompts, noise, environment.end_token, temperature)
    proofs = build_proofs_batch(made.hidden, made.lengths, params.chunk_tokens, params.topk)
    texts = [tuple(row[:length].tolist()) for row, length in zip(made.tokens, made.lengths, strict=True)]
    return tuple(
        Rollout(one.problem, one.seed, text, environment.reward(one.problem, text), tuple(proof))
        for one, text, proof in zip(owed, texts, proofs, strict=True)
    )


def proven(draft: Draft, texts: Sequence[tuple[int, ...]]) -> tuple[Rollout, ...]:
    """Texts of the node's own making for the assigned problems, with true rewards and the true states' proofs."""
    environment, params, owed = get_environment(draft.spec.environment), draft.params, assigned_of(draft)
    prompts = np.array([assigned_prompt(environment, one) for one in owed], dtype=np.int64)
    tokens = np.full((len(texts), params.max_tokens), PAD, dtype=np.int32)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    lengths = np.array([len(text) for text in texts], dtype=np.int32)
    states, _ = replay(draft.policy, prompts, tokens)
    proofs = build_proofs_batch(states.numpy(), lengths, params.chunk_tokens, params.topk)
    return tuple(
        Rollout(one.problem, one.seed, text, environment.reward(one.problem, text), tuple(proof))
        for one, text, proof in zip(owed, texts, proofs, strict=True)
    )


class EasyProblems(Strategy):
    """Grinds for problems that the policy solves, and submits those in place of the assigned ones."""

    name = "easy-problems"
    title = "grinds for problems that are easy"
    reasons = frozenset({"wrong-problem"})
    _TRIES: Final = 4

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Of every group the problem, out of a few, that earns most."""
        size, owed = draft.params.group_size, assigned_of(draft)
        best = list(draft.rollouts)
        for offset in range(1, self._TRIES + 1):
            moved = [
                dataclasses.replace(one, problem=(one.problem + offset) % draft.params.problem_count)
                for one in owed
            ]
            tried = completed(draft, moved)
            for start in range(0, len(best), size):
                here = slice(start, start + size)
                # Equal is good enough: what is assigned may already earn everything.
                if _earned(tried[here]) >= _earned(best[here]):
                    best[here] = tried[here]
        return bound(draft, honest, best)


class WrongProblem(Strategy):
    """Solves the next problem instead of the assigned one, in the last group alone."""

    name = "wrong-problem"
    title = "another problem in one group"
    reasons = frozenset({"wrong-problem"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """One group is of the problem after the assigned one."""
        size, owed = draft.params.group_size, assigned_of(draft)[-draft.params.group_size :]
        moved = [
            dataclasses.replace(one, problem=(one.problem + 1) % draft.params.problem_count) for one in owed
        ]
        return bound(draft, honest, (*draft.rollouts[:-size], *completed(draft, moved)))


class ChosenSeed(Strategy):
    """Draws with seeds of its own and keeps the better completion."""

    name = "chosen-seed"
    title = "seeds of its own, the better result kept"
    reasons = frozenset({"wrong-seed"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The better of the assigned seed and another; on a tie the other."""
        others = [dataclasses.replace(one, seed=sha256(one.seed)) for one in assigned_of(draft)]
        pairs = zip(draft.rollouts, completed(draft, others), strict=True)
        return bound(
            draft, honest, [max(second, first, key=lambda one: one.reward) for first, second in pairs]
        )


class WrittenAnswers(Strategy):
    """Writes the right answers down instead of sampling, with true proofs and true rewards for that text."""

    name = "written-answers"
    title = "the right answers, written instead of sampled"
    reasons = frozenset({"sampling", "termination"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Every completion is the environment's own answer."""
        environment = get_environment(draft.spec.environment)
        texts = [environment.answer(one.problem)[: draft.params.max_tokens] for one in assigned_of(draft)]
        return bound(draft, honest, proven(draft, texts))


class GreedyDecoding(Strategy):
    """Takes the likeliest token everywhere."""

    name = "greedy-decoding"
    title = "greedy decoding in place of sampling"
    reasons = frozenset({"sampling", "termination"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The assigned problems at a temperature near zero, which leaves the noise no say."""
        return bound(draft, honest, completed(draft, assigned_of(draft), temperature=1e-6))


class ReplayedRound(Strategy):
    """Submits its first round's work again in every later round."""

    name = "replayed-round"
    title = "the first round's work again"
    reasons = frozenset({"wrong-problem", "wrong-seed", "toploc-repeated"})

    def __init__(self) -> None:
        self._first: tuple[Rollout, ...] | None = None

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Honest once, then the same."""
        if self._first is None:
            self._first = draft.rollouts
            return honest
        return bound(draft, honest, self._first)


class CopiedWork(Strategy):
    """Submits another node's rollouts as its own."""

    name = "copied-work"
    title = "another node's rollouts under its own name"
    reasons = frozenset({"wrong-problem", "wrong-seed"})

    def __init__(self) -> None:
        self._seen: SubmissionFiles | None = None

    def witness(self, files: SubmissionFiles) -> None:
        """Keep the newest work of somebody else."""
        self._seen = files

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Another's rollouts as soon as there are any."""
        if self._seen is None or isinstance(self._seen.rollouts, Rejected):
            return honest
        return bound(draft, honest, rollout_file.decode(self._seen.rollouts, draft.params))


class CopiedCommitment(Strategy):
    """Commits to another node's root and manifest."""

    name = "copied-commitment"
    title = "another node's manifest and root"
    reasons = frozenset({"manifest"})

    def __init__(self) -> None:
        self._seen: SubmissionFiles | None = None

    def witness(self, files: SubmissionFiles) -> None:
        """Keep the newest work of somebody else."""
        self._seen = files

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Another's whole submission as soon as there is one."""
        seen = self._seen
        if seen is None or isinstance(seen.rollouts, Rejected) or isinstance(seen.update, Rejected):
            return honest
        return forge(
            honest, manifest_file=seen.manifest, rollouts_file=seen.rollouts, update_file=seen.update
        )


class RepeatedRollout(Strategy):
    """Counts one group's computation for two problems."""

    name = "repeated-rollout"
    title = "one group's text and proofs for two problems"
    reasons = frozenset({"toploc-repeated"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The last group has the first group's texts and proofs."""
        size, environment = draft.params.group_size, get_environment(draft.spec.environment)
        copies = [
            dataclasses.replace(
                one,
                tokens=first.tokens,
                proofs=first.proofs,
                reward=environment.reward(one.problem, first.tokens),
            )
            for one, first in zip(draft.rollouts[-size:], draft.rollouts[:size], strict=True)
        ]
        return bound(draft, honest, (*draft.rollouts[:-size], *copies))


class FuturePolicy(Strategy):
    """Names a version that does not exist yet."""

    name = "future-policy"
    title = "a policy version from the future"
    reasons = frozenset({"policy-version"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The version after the round's own."""
        reference = PolicyRef(draft.context.round + 1, draft.reference.digest)
        return bound(draft, honest, draft.rollouts, reference)


class FalseDigest(Strategy):
    """Names the right version and another digest."""

    name = "false-digest"
    title = "the right version number, another checkpoint's digest"
    reasons = frozenset({"policy-digest"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """A digest of nothing."""
        reference = PolicyRef(draft.reference.version, sha256(draft.reference.digest))
        return bound(draft, honest, draft.rollouts, reference)


class StalePolicy(Strategy):
    """Goes on with the first checkpoint it had and claims to use the newest."""

    name = "stale-policy"
    title = "the first checkpoint passed off as the newest"
    reasons = frozenset({"toploc-exponent", "toploc-mantissa-mean", "toploc-mantissa-median", "sampling"})

    def __init__(self) -> None:
        self._first: Draft | None = None

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Honest once; then the assigned work, done with the first round's policy."""
        if self._first is None:
            self._first = draft
        if self._first.reference == draft.reference:
            return honest
        old = dataclasses.replace(draft, checkpoint=self._first.checkpoint)
        return bound(draft, honest, completed(old, assigned_of(draft)))


class InflatedReward(Strategy):
    """Reports full reward for every answer."""

    name = "inflated-reward"
    title = "full reward for every answer"
    reasons = frozenset({"wrong-reward"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The honest rollouts with other rewards."""
        return bound(draft, honest, [dataclasses.replace(one, reward=MILLION) for one in draft.rollouts])


class OneFalseReward(Strategy):
    """Inflates the reward of the one completion that earns least."""

    name = "one-false-reward"
    title = "one reward of a round inflated"
    reasons = frozenset({"wrong-reward"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """A single lie."""
        rollouts = list(draft.rollouts)
        index = min(range(len(rollouts)), key=lambda index: rollouts[index].reward)
        rollouts[index] = dataclasses.replace(rollouts[index], reward=rollouts[index].reward + 1)
        return bound(draft, honest, rollouts)


class StolenManifest(Strategy):
    """Names another node in its manifest, under leaves of its own."""

    name = "stolen-manifest"
    title = "a manifest in another node's name"
    reasons = frozenset({"manifest"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The task's creator is as good a name as any."""
        manifest: SubmissionManifest = dataclasses.replace(honest.manifest, node=draft.params.creator)
        return forge(honest, manifest_file=manifest.to_bytes())


def _earned(rollouts: Sequence[Rollout]) -> int:
    return sum(one.reward for one in rollouts)
