"""The rollouts behind a commitment, as its node published them, and the version of the weights that they name.

The update plays no part here: who withholds it, or shows another, does not keep anybody from a dispute about rollouts.
"""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.network import Swarm
from cupel.protocol.participant import FETCH_SECONDS
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.rollout import Rollout, RolloutLeaf, make_leaves
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.submissions import fetch_rollouts
from cupel.protocol.versions import Versions


@dataclass(frozen=True, slots=True, eq=False)
class PublishedWork:
    """What a node committed to, leaf by leaf."""

    rollouts: tuple[Rollout, ...]
    leaves: tuple[RolloutLeaf, ...]
    version: CanonicalVersion


async def fetch_published(
    swarm: Swarm, versions: Versions, params: TaskParams, work: CommittedWork
) -> PublishedWork:
    """NetworkError while something of it cannot be had; Rejected for files that are no submission."""
    manifest, file = await fetch_rollouts(swarm, work.manifest, params, FETCH_SECONDS)
    policy = manifest.policy
    version = await versions.recall(policy.version, policy.digest, FETCH_SECONDS)
    rollouts = rollout_file.decode(file, params)
    return PublishedWork(tuple(rollouts), tuple(make_leaves(rollouts, policy, params.chunk_tokens)), version)
