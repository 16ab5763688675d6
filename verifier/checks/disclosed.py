"""Checks of what a node showed only because it had to: what the chain can judge, for the rollouts that were shown.

Shown data has been checked against the commitment by the DataJudge. What needs the policy is not checked here: jurors
who would have to confirm it have not got the files either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cupel.protocol.spec import fraud, toploc
from cupel.protocol.spec.assignment import problem_index, round_seed, sample_seed
from cupel.protocol.spec.demand import Answer, ChunkAnswer, DataDemand, LeafAnswer, Part
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import OpenedChunk, OpenedLeaf
from cupel.protocol.spec.rollout import TOKEN_BYTES, RolloutLeaf
from cupel.protocol.spec.rounds import CommittedWork, refused_policy
from cupel.verifier.checks.base import Rules


@dataclass(frozen=True, slots=True)
class Shown:
    """What is public of one rollout."""

    opened: OpenedLeaf
    tokens: tuple[int, ...] | None
    """None until every chunk was shown."""
    proofs: tuple[OpenedChunk, ...]


def shown_rollouts(answers: Mapping[DataDemand, Answer], chunk_tokens: int) -> tuple[Shown, ...]:
    """Every rollout of which at least the leaf was shown, in index order."""
    leaves: dict[int, OpenedLeaf] = {}
    chunks: dict[tuple[Part, int], dict[int, OpenedChunk]] = {}
    for demand, answer in answers.items():
        if not isinstance(answer, LeafAnswer | ChunkAnswer):
            continue
        leaves[demand.index] = OpenedLeaf(answer.leaf, answer.proof)
        if isinstance(answer, ChunkAnswer):
            chunk = OpenedChunk(demand.chunk, answer.data, answer.chunk_proof)
            chunks.setdefault((demand.part, demand.index), {})[demand.chunk] = chunk
    return tuple(
        Shown(
            opened,
            _tokens(opened.leaf, chunks.get((Part.TOKENS, index), {}), chunk_tokens),
            tuple(chunks.get((Part.PROOF, index), {}).values()),
        )
        for index, opened in sorted(leaves.items())
    )


def accusable(shown: Shown, rules: Rules, work: CommittedWork, beacon: bytes) -> tuple[Reason, bytes] | None:
    """The first lie in what was shown, with its evidence for the ObjectiveJudge."""
    leaf = shown.opened.leaf
    for reason in _misassigned(leaf, rules, work, beacon):
        return reason, fraud.wrong_assignment(shown.opened)
    on_chain = int(rules.params.reward_rule.code, 16) != 0
    if shown.tokens is not None and on_chain:
        earned = rules.environment.reward(leaf.problem, shown.tokens)
        if leaf.reward != earned:
            return Reason.WRONG_REWARD, fraud.wrong_reward(shown.opened, shown.tokens)
    for chunk in shown.proofs:
        try:
            toploc.decode_proof(chunk.data, rules.params.topk)
        except Rejected as rejected:
            return rejected.reason, fraud.malformed_proof(shown.opened, chunk)
    return None


def _misassigned(leaf: RolloutLeaf, rules: Rules, work: CommittedWork, beacon: bytes) -> Iterator[Reason]:
    """What is wrong with a leaf by the task and the round's beacon alone."""
    params = rules.params
    seed = round_seed(rules.chain_id, rules.hub, rules.task, work.node, work.round, beacon)
    refused = refused_policy(params, work.round, leaf.policy_version)
    if refused is not None:
        yield refused.reason
    if leaf.policy_version == 0 and leaf.policy_digest != params.genesis_digest:
        yield Reason.POLICY_DIGEST
    if leaf.problem != problem_index(seed, leaf.index // params.group_size, params.problem_count):
        yield Reason.WRONG_PROBLEM
    if leaf.seed != sample_seed(seed, leaf.index):
        yield Reason.WRONG_SEED
    if not 1 <= leaf.num_tokens <= params.max_tokens:
        yield Reason.TERMINATION


def _tokens(
    leaf: RolloutLeaf, chunks: Mapping[int, OpenedChunk], chunk_tokens: int
) -> tuple[int, ...] | None:
    count = -(-leaf.num_tokens // chunk_tokens)
    if not count or any(index not in chunks for index in range(count)):
        return None
    data = b"".join(chunks[index].data for index in range(count))
    return tuple(
        int.from_bytes(data[start : start + TOKEN_BYTES], "big") for start in range(0, len(data), TOKEN_BYTES)
    )
