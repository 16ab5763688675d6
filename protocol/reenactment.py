"""A disputed chunk as an honest side sees it: from a commitment and the version of the weights to the trace, the
answer, and what shows a step.

It takes a second at most for the models that the judge covers, so a side begins when it has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.spec import merkle
from cupel.protocol.spec.environments.base import SORTING, get_environment
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee.game import Matter, Terms
from cupel.protocol.spec.referee.moves import Answer
from cupel.protocol.spec.referee.players import Held
from cupel.protocol.spec.referee.sides import Trace, Weights, trace_of
from cupel.protocol.spec.rollout import Commitment, LeafContext, Rollout, RolloutLeaf, leaf_hash
from cupel.protocol.spec.task import NOTHING_PINNED, TaskParams, TaskSpec
from cupel.protocol.spec.toploc.verdict import judge


@dataclass(frozen=True, slots=True, eq=False)
class Reenactment:
    """What a side plays from."""

    matter: Matter
    trace: Trace
    held: Held
    answer: Answer

    @property
    def place(self) -> tuple[int, int]:
        """Position of the chunk's first state, and how many it has."""
        matter, leaf = self.matter, self.answer.leaf
        first = matter.chunk * matter.chunk_tokens
        states = min(matter.chunk_tokens, leaf.num_tokens - first)
        return len(self.trace.tokens) - leaf.num_tokens + first, states

    def standing_by(self, trace: Trace) -> Answer:
        """What an accused that holds this trace for the right one answers."""
        support = trace.support(*self.place, self.matter.topk)
        return replace(self.answer, trace_root=trace.record.root(), support=support)

    @property
    def refusal(self) -> Rejected | None:
        """Why the chain refuses the proof when the answer is true; None if the accused is in the right."""
        elements, terms = self.place[1] * self.trace.shape.width, self.matter.terms
        return judge(self.answer.proof, self.answer.support, self.matter.topk, elements, terms.thresholds)


def can_settle(terms: Terms, params: TaskParams, spec: TaskSpec) -> bool:
    """Whether a judge of these terms settles this task's computation: as `settles_plan`, and with a reward rule that
    knows the prompts."""
    return params.reward_rule != NOTHING_PINNED and settles_plan(terms, spec, params.dispute_seconds)


def settles_plan(terms: Terms, spec: TaskSpec, dispute_seconds: int) -> bool:
    """Whether a judge of these terms computes this model, holds its proofs against these thresholds, in time."""
    return (
        (terms.shape, terms.thresholds) == (spec.model, spec.thresholds)
        and spec.environment == SORTING
        and spec.length is None
        and terms.needed_seconds <= dispute_seconds
    )


def matter_of(
    terms: Terms, params: TaskParams, context: LeafContext, commitment: Commitment, rollout: int, chunk: int
) -> Matter:
    """What a game about this chunk is about."""
    return Matter(
        terms=terms,
        context=context,
        root=commitment.root,
        units=commitment.units,
        chunk_tokens=params.chunk_tokens,
        topk=params.topk,
        prompt=get_environment(SORTING).prompt,
        rollout=rollout,
        chunk=chunk,
    )


def reenact(
    matter: Matter, rollouts: Sequence[Rollout], leaves: Sequence[RolloutLeaf], version: CanonicalVersion
) -> Reenactment:
    """Compute the trace of the disputed chunk's sequence under the version that its leaf names.

    rollouts, leaves: of the whole commitment, in index order. To a charge of a chunk that the rollout does not have the
    leaf is the answer.
    """
    rollout, leaf = rollouts[matter.rollout], leaves[matter.rollout]
    assert leaf.policy_digest == version.digest, "the leaf names another version"
    prompt, shape = matter.prompt(leaf.problem), matter.terms.shape
    tensors = {
        name: values.astype(np.int64) for name, values in version.layout.split(version.state.weights).items()
    }
    trace = trace_of(shape, tensors, (*prompt, *rollout.tokens[:-1]))
    leaf_proof = merkle.proof([leaf_hash(matter.context, one) for one in leaves], matter.rollout)
    weights = Weights(version.state.weights, version.layout.tensors)
    held = Held(version.manifest.to_bytes(), weights, rollout.tokens)
    answer = Answer(leaf, leaf_proof, b"", (), trace.record.root(), b"")
    made = Reenactment(matter, trace, held, answer)
    if matter.chunk >= len(rollout.proofs):
        return made
    siblings = merkle.proof([merkle.leaf_hash(proof) for proof in rollout.proofs], matter.chunk)
    answer = replace(answer, proof=rollout.proofs[matter.chunk], proof_siblings=siblings)
    return replace(made, answer=replace(made, answer=answer).standing_by(trace))
