"""Answers of audit tasks: the drawn rollout of a target, and what a side of a dispute about an answer plays from."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from eth_abi.abi import encode as abi_encode
from eth_utils.address import to_checksum_address

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.games import GameRecord
from cupel.protocol.model.canonical import CanonicalVersion
from cupel.protocol.network import NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.published import fetch_published
from cupel.protocol.spec import merkle
from cupel.protocol.spec.audits import (
    MAX_ANSWERS_BYTES,
    Answer,
    Answers,
    answer_leaf,
    drawn_of,
    target_of,
    target_span,
)
from cupel.protocol.spec.environments.base import SORTING, get_environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.referee.game import Matter, Terms
from cupel.protocol.spec.referee.moves import Attend
from cupel.protocol.spec.referee.players import Held
from cupel.protocol.spec.referee.sides import Trace, Weights, trace_of
from cupel.protocol.spec.rollout import (
    LeafContext,
    RolloutLeaf,
    leaf_hash,
)
from cupel.protocol.spec.rounds import CommittedWork, commitment_of
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.versions import Versions

_LEAF_ABI: Final = "(uint32,uint32,bytes32,uint32,bytes32,uint32,bytes32,bytes32,uint32)"
_TWICE_ABI: Final = f"({_LEAF_ABI},bytes32[],{_LEAF_ABI},bytes32[])"


@dataclass(frozen=True, slots=True)
class Found:
    """A target and the rollout of it that a verifier has drawn."""

    work: CommittedWork
    target: bytes
    drawn: int
    audited: RolloutLeaf
    audited_proof: tuple[bytes, ...]
    completion: tuple[int, ...]
    tokens: tuple[int, ...]
    """Those that are traced."""
    version: CanonicalVersion

    def leaf(self, index: int, trace_root: bytes) -> RolloutLeaf:
        """Of an answer to this target."""
        return answer_leaf(index, self.audited, self.target, self.drawn, trace_root)


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """What a side of a dispute about an answer plays from. Satisfies `game_player.Traced`."""

    matter: Matter
    trace: Trace
    held: Held
    answer: Attend


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at the targets of one audit task."""

    participant: Participant
    checked: Callable[[], TaskLedger]
    audit: Callable[[], TaskLedger]
    versions: Versions
    """Of the checked task."""
    terms: Terms

    async def find(self, work: CommittedWork, beacon: bytes, verifier: str) -> Found:
        """The rollout of a target that a verifier has drawn.

        NetworkError while something of it cannot be had; Rejected for a target that no answer is possible to.
        """
        ledger = self.checked()
        published = await fetch_published(self.participant.swarm, self.versions, ledger.params, work)
        leaves = published.leaves
        target = target_of(ledger.task, work.node, commitment_of(work))
        drawn = drawn_of(beacon, verifier, target, work.units)
        hashes = [leaf_hash(self._context(ledger.task, work), leaf) for leaf in leaves]
        if merkle.root(list(hashes)) != work.root or len(leaves) != work.units:
            raise _unanswerable("the rollouts are not those of its root")
        completion, leaf = published.rollouts[drawn].tokens, leaves[drawn]
        tokens = (*get_environment(SORTING).prompt(leaf.problem), *completion[:-1])
        if len(tokens) > self.terms.shape.positions:
            raise _unanswerable(f"{len(tokens)} tokens are more than the policy reads")
        proof = merkle.proof(hashes, drawn)
        return Found(work, target, drawn, leaf, proof, completion, tokens, published.version)

    async def look(self, found: Found) -> Trace:
        """Run every layer over it: a second of computation for the models that the judge covers."""
        return await asyncio.to_thread(_trace, self.terms, found.version, found.tokens)

    async def answers(self, work: CommittedWork) -> tuple[Answer, ...]:
        """Of a commitment to answers. NetworkError if nobody serves them; Rejected for what are none."""
        file = await self.participant.swarm.fetch_block(
            Cid.from_digest(work.manifest), deadline_seconds=FETCH_SECONDS, max_bytes=MAX_ANSWERS_BYTES
        )
        return Answers.from_bytes(file, to_checksum_address)

    def root(self, verifier: str, sequence: int, round_index: int, leaves: Sequence[RolloutLeaf]) -> bytes:
        """Of a commitment to answers."""
        return merkle.root(self._hashes(verifier, sequence, round_index, leaves))

    async def recall(self, record: GameRecord) -> Attended:
        """What we play from in a dispute about an answer, on either side.

        NetworkError while something of it cannot be had; Rejected for answers that are none.
        """
        audit, verifier = self.audit(), record.challenge.node
        work = audit.work.get((verifier, record.challenge.sequence))
        if work is None:
            raise NetworkError("our own look at the chain does not know the disputed commitment yet")
        place, proof = record.rollout, tuple[bytes, ...]()
        try:
            answers = await self.answers(work)
            found = await self._found(work, answers)
            if place >= len(found):
                raise _unanswerable("fewer answers are published than were committed to")
            mine, trace_root = found[place], answers[place].trace_root
            hashes = self._hashes(verifier, work.sequence, work.round, leaves_of(found, answers))
            proof = merkle.proof(hashes, place)
        except (NetworkError, Rejected):
            # What is published does not help, but the accused has shown this one.
            mine, trace_root = await self._shown(record, work)
        context = LeafContext(
            self.participant.chain.chain_id,
            self.participant.hub.address,
            audit.task,
            verifier,
            work.sequence,
            work.round,
        )
        matter = Matter(
            terms=self.terms,
            context=context,
            root=work.root,
            units=work.units,
            chunk_tokens=audit.params.chunk_tokens,
            topk=audit.params.topk,
            prompt=get_environment(SORTING).prompt,
            rollout=place,
            chunk=0,
        )
        move = Attend(
            node=mine.work.node,
            target=commitment_of(mine.work),
            audited=mine.audited,
            audited_proof=mine.audited_proof,
            trace_root=trace_root,
            answer_proof=proof,
        )
        weights = Weights(mine.version.state.weights, mine.version.layout.tensors)
        held = Held(mine.version.manifest.to_bytes(), weights, mine.completion)
        return Attended(matter, await self.look(mine), held, move)

    async def _found(self, work: CommittedWork, answers: Sequence[Answer]) -> list[Found]:
        """What the answers of a commitment are about. Errors as `find`; Rejected for a target that nobody knows."""
        known, beacon = self.checked().work, self.audit().beacons[work.round]
        targets = [known.get((one.node, one.sequence)) for one in answers]
        if None in targets:
            raise _unanswerable("an answer about no commitment of the task")
        return [await self.find(one, beacon, work.node) for one in targets if one is not None]

    async def _shown(self, record: GameRecord, work: CommittedWork) -> tuple[Found, bytes]:
        """The target of an answer that the chain tells of, and the answer. NetworkError if it is not known here."""
        audit, chunk = self.audit(), record.game.chunk
        span, beacon = target_span(audit.params, work.round), audit.beacons[work.round]
        for target in self.checked().work.values() if chunk is not None else ():
            if target.time in span:
                with contextlib.suppress(NetworkError, Rejected):
                    one = await self.find(target, beacon, work.node)
                    known = one.audited.tokens_root, one.audited.problem, one.audited.policy_digest
                    if chunk is not None and known == (chunk.tokens_root, chunk.problem, chunk.policy_digest):
                        return one, chunk.trace_root
        raise NetworkError("what the disputed answer is about cannot be had")

    async def twice(self, work: CommittedWork, answers: Sequence[Answer], first: int, second: int) -> bytes:
        """Evidence that a commitment has two answers to one target, as `AttentionJudge` takes it. Errors as `find`."""
        leaves = leaves_of(await self._found(work, answers), answers)
        hashes = self._hashes(work.node, work.sequence, work.round, leaves)
        shown = [
            part
            for index in (first, second)
            for part in (dataclasses.astuple(leaves[index]), list(merkle.proof(hashes, index)))
        ]
        return abi_encode([_TWICE_ABI], [tuple(shown)])

    def _context(self, task: bytes, work: CommittedWork) -> LeafContext:
        participant = self.participant
        return LeafContext(
            participant.chain.chain_id, participant.hub.address, task, work.node, work.sequence, work.round
        )

    def _hashes(
        self, verifier: str, sequence: int, round_index: int, leaves: Sequence[RolloutLeaf]
    ) -> list[bytes]:
        chain, hub, task = self.participant.chain.chain_id, self.participant.hub.address, self.audit().task
        context = LeafContext(chain, hub, task, verifier, sequence, round_index)
        return [leaf_hash(context, leaf) for leaf in leaves]


def leaves_of(found: Sequence[Found], answers: Sequence[Answer]) -> list[RolloutLeaf]:
    """Of a commitment to these answers about these targets."""
    pairs = enumerate(zip(found, answers, strict=True))
    return [one.leaf(index, said.trace_root) for index, (one, said) in pairs]


def _trace(terms: Terms, version: CanonicalVersion, tokens: tuple[int, ...]) -> Trace:
    tensors = {
        name: values.astype(np.int64) for name, values in version.layout.split(version.state.weights).items()
    }
    return trace_of(terms.shape, tensors, tokens)


def _unanswerable(detail: str) -> Rejected:
    return Rejected(Reason.SCHEMA, detail)
