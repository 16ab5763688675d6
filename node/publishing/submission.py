"""A round's submission: files, manifest and the Merkle root that commits to all of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.rollout import (
    FileRef,
    LeafContext,
    Metrics,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    leaf_hash,
    make_leaf,
)
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import TaskParams


@dataclass(frozen=True, slots=True)
class Submission:
    """What a node publishes and commits to for one round."""

    manifest: SubmissionManifest
    rollouts_file: bytes
    update_file: bytes
    root: bytes
    """Merkle root over the rollout leaves."""


def make_submission(
    params: TaskParams,
    context: LeafContext,
    policy: PolicyRef,
    rollouts: Sequence[Rollout],
    update_file: bytes,
    metrics: Metrics,
) -> Submission:
    """Bind rollouts (in index order) and update to their place on the chain."""
    leaves = [
        leaf_hash(context, make_leaf(index, rollout, policy.version, policy.digest, params.chunk_tokens))
        for index, rollout in enumerate(rollouts)
    ]
    rollouts_file = rollout_file.encode(rollouts, params)
    manifest = SubmissionManifest(
        task=context.task,
        node=context.node,
        round=context.round,
        sequence=context.sequence,
        policy=policy,
        rollouts=_reference(rollouts_file),
        update=_reference(update_file),
        units=len(rollouts),
        metrics=metrics,
    )
    return Submission(manifest, rollouts_file, update_file, merkle.root(leaves))


def _reference(file: bytes) -> FileRef:
    root, _ = file_dag(file)
    return FileRef(str(root), len(file))
