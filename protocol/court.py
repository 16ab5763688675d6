"""The judges of computation and of versions that a task names, and what a side of a dispute before them plays from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.games import GameFeed, read_terms
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.chain.version_games import VersionFeed
from cupel.protocol.game_player import GamePlayer, Stand, VersionPlayer, truthfully
from cupel.protocol.games import GameRecord
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import Participant
from cupel.protocol.published import fetch_published
from cupel.protocol.reenactment import Reenactment, can_settle, matter_of, reenact
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.rollout import LeafContext
from cupel.protocol.spec.rounds import commitment_of
from cupel.protocol.spec.task import TaskParams, TaskSpec
from cupel.protocol.version_court import VersionRecaller, open_version_court, settles_versions
from cupel.protocol.versions import Versions


@dataclass(frozen=True, slots=True)
class Courts:
    """Where a task's disputes of moves and clocks are played."""

    computation: GameFeed
    versions: VersionFeed | None
    """None where the judge of computation passes no disputes about versions on."""

    def can_settle(self, params: TaskParams, spec: TaskSpec) -> bool:
        """Whether both judges judge by what the task's document says: else they could cost an honest stake."""
        terms = None if self.versions is None else self.versions.terms
        return can_settle(self.computation.terms, params, spec) and settles_versions(
            terms, spec, params.dispute_seconds
        )

    def players(
        self,
        participant: Participant,
        ledger: Callable[[], TaskLedger],
        versions: Versions,
        *,
        helps: bool = False,
        stand: Stand = truthfully,
    ) -> tuple[GamePlayer[Reenactment] | VersionPlayer, ...]:
        """Our players. stand: what we answer and open when our computation is accused."""
        recall = Recaller(participant, ledger, versions, self.computation.terms).recall
        player = GamePlayer(participant, self.computation, recall, helps=helps, stand=stand)
        if self.versions is None:
            return (player,)
        terms = self.versions.terms
        making = VersionRecaller(participant, ledger, versions, terms).recall
        return player, VersionPlayer(participant, self.versions, terms, making, helps=helps)


async def open_courts(participant: Participant, params: TaskParams, spec: TaskSpec) -> Courts | None:
    """Follow the judges; None if the task names no judge of computation. ChainUnavailable."""
    deployment, chain = participant.deployment, participant.chain
    if all(judge.code != deployment.canonical_judge for judge in params.judges):
        return None
    judge = CanonicalJudge(chain, deployment.canonical_judge)
    terms = await read_terms(judge, spec.model.architecture)
    games = GameFeed(chain, participant.hub, judge, terms, deployment.first_block)
    return Courts(games, await open_version_court(participant, judge))


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
        params = ledger.params
        published = await fetch_published(self.participant.swarm, self.versions, params, work)
        context = LeafContext(
            self.participant.chain.chain_id,
            self.participant.hub.address,
            ledger.task,
            work.node,
            work.sequence,
            work.round,
        )
        matter = matter_of(self.terms, params, context, commitment_of(work), record.rollout, record.chunk)
        return await asyncio.to_thread(
            reenact, matter, published.rollouts, published.leaves, published.version
        )
