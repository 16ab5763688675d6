"""The judge of computation that a task names, and what one side of a dispute before it plays from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.games import GameFeed, read_terms
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.games import GameRecord
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.reenactment import Reenactment, matter_of, reenact
from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.rollout import LeafContext, SubmissionManifest, make_leaves
from cupel.protocol.spec.rounds import commitment_of
from cupel.protocol.spec.task import TaskParams, TaskSpec
from cupel.protocol.submissions import fetch_submission
from cupel.protocol.versions import Versions


async def open_court(participant: Participant, params: TaskParams, spec: TaskSpec) -> GameFeed | None:
    """Follow the judge of computation; None if the task names none. ChainUnavailable."""
    deployment, chain = participant.deployment, participant.chain
    if all(judge.code != deployment.canonical_judge for judge in params.judges):
        return None
    judge = CanonicalJudge(chain, deployment.canonical_judge)
    terms = await read_terms(judge, spec.model.architecture)
    return GameFeed(chain, participant.hub, judge, terms, deployment.first_block)


@dataclass(frozen=True, slots=True)
class Recaller:
    """Makes what a side plays from out of the accused's published files, again after every restart."""

    participant: Participant
    ledger: Callable[[], TaskLedger]
    versions: Versions
    terms: Terms

    async def recall(self, record: GameRecord) -> Reenactment:
        """NetworkError while something of it cannot be had; Rejected for files that are no submission."""
        ledger, place = self.ledger(), (record.challenge.node, record.challenge.sequence)
        work = ledger.work.get(place)
        if work is None:
            raise NetworkError("our own look at the chain does not know the disputed commitment yet")
        params, most = ledger.params, self.versions.max_update_bytes
        files = await fetch_submission(self.participant.swarm, work.manifest, params, most, FETCH_SECONDS)
        if isinstance(files.rollouts, Rejected):
            raise files.rollouts
        policy = SubmissionManifest.from_bytes(files.manifest).policy
        version = await self.versions.recall(policy.version, policy.digest, FETCH_SECONDS)
        rollouts = rollout_file.decode(files.rollouts, params)
        leaves = make_leaves(rollouts, policy, params.chunk_tokens)
        context = LeafContext(
            self.participant.chain.chain_id,
            self.participant.hub.address,
            ledger.task,
            work.node,
            work.sequence,
            work.round,
        )
        matter = matter_of(self.terms, params, context, commitment_of(work), record.rollout, record.chunk)
        return await asyncio.to_thread(reenact, matter, rollouts, leaves, version)
