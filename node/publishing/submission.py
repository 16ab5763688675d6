"""A round's submission: files, manifest and the Merkle root that commits to all of it. Pure.

Here is the last place to refuse work that would cost the stake although it is honest: rollouts of two problems with
one root of TOPLOC proofs. The chain takes them for work counted twice. They come about when the policy does not see its
prompts, or when two problems have one prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cupel.protocol.config import ConfigError
from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.repetition import Place, Repetition, first_repetition
from cupel.protocol.spec.rollout import (
    LeafContext,
    Metrics,
    PolicyRef,
    Rollout,
    RolloutLeaf,
    SubmissionManifest,
    file_reference,
    leaf_hash,
    make_leaf,
    pieced_reference,
)
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.submissions import SubmissionFiles


@dataclass(frozen=True, slots=True)
class Submission:
    """What a node publishes and commits to for one round."""

    manifest: SubmissionManifest
    rollouts_file: bytes
    update_file: bytes
    root: bytes
    """Merkle root over the rollout leaves."""
    leaves: tuple[RolloutLeaf, ...]


class RepeatedWork(ConfigError):
    """Rollouts of two problems have one root of TOPLOC proofs: committing to both would cost the stake."""

    def __init__(self, repetition: Repetition) -> None:
        place, twin = repetition.place, repetition.twin
        super().__init__(
            "task",
            f"rollout {place.index} of commitment {place.sequence} (problem {place.problem}) has the proofs of rollout "
            f"{twin.index} of commitment {twin.sequence} (problem {twin.problem}), and the chain would take them for "
            "work counted twice",
            "It was not committed to. If this comes back, the task's policy ignores its prompts, or its problems "
            "repeat them: leave the task",
        )
        self.repetition = repetition


def distinct_rollouts(
    params: TaskParams,
    context: LeafContext,
    policy: PolicyRef,
    rollouts: Sequence[Rollout],
    proven: Mapping[bytes, Place],
) -> tuple[tuple[Rollout, ...], RepeatedWork | None]:
    """The groups before the first repetition, which can be committed to, and what it is, if there is one.

    proven: roots of the node's other commitments.
    """
    repetition = first_repetition(context.sequence, _leaves(params, policy, rollouts), proven)
    if repetition is None:
        return tuple(rollouts), None
    whole_groups = repetition.place.index // params.group_size * params.group_size
    return tuple(rollouts[:whole_groups]), RepeatedWork(repetition)


def make_submission(
    params: TaskParams,
    context: LeafContext,
    policy: PolicyRef,
    rollouts: Sequence[Rollout],
    update_file: bytes,
    metrics: Metrics,
    proven: Mapping[bytes, Place],
) -> Submission:
    """Bind rollouts (in index order) and update to their place on the chain.

    proven: roots of the node's other commitments. RepeatedWork if two problems, here or there, have one root.
    """
    leaves = _leaves(params, policy, rollouts)
    repetition = first_repetition(context.sequence, leaves, proven)
    if repetition is not None:
        raise RepeatedWork(repetition)
    rollouts_file = rollout_file.encode(rollouts, params)
    manifest = SubmissionManifest(
        task=context.task,
        node=context.node,
        round=context.round,
        sequence=context.sequence,
        policy=policy,
        rollouts=file_reference(rollouts_file),
        update=pieced_reference(update_file),
        units=len(rollouts),
        metrics=metrics,
    )
    root = merkle.root([leaf_hash(context, leaf) for leaf in leaves])
    return Submission(manifest, rollouts_file, update_file, root, leaves)


def published_leaves(params: TaskParams, files: SubmissionFiles) -> tuple[RolloutLeaf, ...]:
    """The leaves of files that this node published. Rejected if they are not what it published."""
    if isinstance(files.rollouts, Rejected):
        raise files.rollouts
    policy = SubmissionManifest.from_bytes(files.manifest).policy
    return _leaves(params, policy, rollout_file.decode(files.rollouts, params))


def _leaves(params: TaskParams, policy: PolicyRef, rollouts: Sequence[Rollout]) -> tuple[RolloutLeaf, ...]:
    return tuple(
        make_leaf(index, rollout, policy.version, policy.digest, params.chunk_tokens)
        for index, rollout in enumerate(rollouts)
    )
