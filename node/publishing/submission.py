"""A round's submission: files, manifest and the Merkle root that commits to all of it. Pure.

Here is the last place to refuse work that would cost the stake although it is honest: rollouts of two problems with
one root of TOPLOC proofs. The chain takes them for work counted twice. They come about when the policy does not see its
prompts, or when two problems have one prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    make_leaves,
    pieced_reference,
)
from cupel.protocol.spec.task import TaskParams, TaskSpec
from cupel.protocol.submissions import SubmissionFiles

if TYPE_CHECKING:
    from cupel.protocol.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Submission:
    """What a node publishes and commits to for one round."""

    manifest: SubmissionManifest
    rollouts_file: bytes
    update_file: bytes
    root: bytes
    """Merkle root over the rollout leaves."""
    leaves: tuple[RolloutLeaf, ...]

    @property
    def units(self) -> int:
        """What is committed to and paid."""
        return self.manifest.units

    @property
    def manifest_file(self) -> bytes:
        """Its SHA-256 goes on-chain."""
        return self.manifest.to_bytes()

    @property
    def files(self) -> tuple[bytes, ...]:
        """What is stored for others to fetch, beside the manifest."""
        return self.rollouts_file, self.update_file

    @property
    def announced(self) -> tuple[bytes, ...]:
        """The manifests that others are told of."""
        return (self.manifest_file,)


@dataclass(frozen=True, slots=True)
class Draft:
    """A round's work before it is bound to its place on the chain."""

    params: TaskParams
    spec: TaskSpec
    context: LeafContext
    reference: PolicyRef
    checkpoint: bytes
    """Of the version that sampled."""
    seed: bytes
    """The round's, of which problems and sampling seeds follow."""
    rollouts: tuple[Rollout, ...]
    update_file: bytes
    metrics: Metrics
    inner_steps: int = 0
    """As the manifest states them."""

    @property
    def policy(self) -> Policy:
        """The canonical policy that sampled, made anew."""
        from cupel.protocol.model.checkpoint import checkpoint_from_bytes
        from cupel.protocol.model.layout import layout_of
        from cupel.protocol.model.weights import policy_of

        return policy_of(self.spec.model, checkpoint_from_bytes(self.checkpoint, layout_of(self.spec.model)))


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
    repetition = first_repetition(
        context.sequence, make_leaves(rollouts, policy, params.chunk_tokens), proven
    )
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
    inner_steps: int = 0,
) -> Submission:
    """Bind rollouts (in index order) and update to their place on the chain.

    proven: roots of the node's other commitments; inner_steps: as the manifest states them. RepeatedWork if two
    problems, here or there, have one root.
    """
    leaves = make_leaves(rollouts, policy, params.chunk_tokens)
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
        inner_steps=inner_steps,
    )
    root = merkle.root([leaf_hash(context, leaf) for leaf in leaves])
    return Submission(manifest, rollouts_file, update_file, root, leaves)


def published_leaves(params: TaskParams, files: SubmissionFiles) -> tuple[RolloutLeaf, ...]:
    """The leaves of files that this node published. Rejected if they are not what it published."""
    if isinstance(files.rollouts, Rejected):
        raise files.rollouts
    policy = SubmissionManifest.from_bytes(files.manifest).policy
    return make_leaves(rollout_file.decode(files.rollouts, params), policy, params.chunk_tokens)
