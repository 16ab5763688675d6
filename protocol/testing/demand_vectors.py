"""Golden vectors of demands: evidence, price, and the calldata that answers, from a node's files to the judge."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from eth_abi.abi import encode as abi_encode

from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.disclosure import answer_call
from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.demand import (
    Answer,
    DataDemand,
    LeafAnswer,
    ManifestAnswer,
    Part,
    answer,
    piece_answer,
    price_in_gas,
)
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rollout import (
    Commitment,
    LeafContext,
    Metrics,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    checkpoint_root,
    file_reference,
    leaf_hash,
    make_leaf,
    pieced_reference,
)
from cupel.protocol.spec.shardcast.manifest import TensorShape, WeightsManifest
from cupel.protocol.spec.task import TASK_PARAMS_ABI, TaskParams, task_id

JUDGE: Final = "0x8000000000000000000000000000000000000008"
CHALLENGER: Final = "0x9000000000000000000000000000000000000009"
ANSWER_SECONDS: Final = 43_200
CLOSE_SECONDS: Final = 43_200
BASE_FEE: Final = 10**9
OPENED_AT: Final = 1_700_003_200
UPDATE: Final = b"".join(keccak256(bytes([number])) for number in range(150))
"""Three pieces, the last of 704 bytes."""
CHECKPOINT: Final = b"checkpoint" * 300
"""Two pieces."""
LENGTHS: Final = (9, 4, 12, 1, 5)
DEMANDS: Final = (
    DataDemand(Part.LEAF, 0),
    DataDemand(Part.LEAF, 4),
    DataDemand(Part.TOKENS, 0, 2),
    DataDemand(Part.TOKENS, 2, 1),
    DataDemand(Part.TOKENS, 3, 0),
    DataDemand(Part.PROOF, 1, 0),
    DataDemand(Part.PROOF, 2, 2),
    DataDemand(Part.TOKENS, 1, 1),
    DataDemand(Part.PROOF, 4, 2),
    DataDemand(Part.MANIFEST),
    DataDemand(Part.UPDATE, 0),
    DataDemand(Part.UPDATE, 2),
    DataDemand(Part.UPDATE, 3),
    DataDemand(Part.UPDATE, 2**32 - 1),
)
VERSION_DEMANDS: Final = (
    DataDemand(Part.MANIFEST),
    DataDemand(Part.CHECKPOINT, 0),
    DataDemand(Part.CHECKPOINT, 1),
    DataDemand(Part.CHECKPOINT, 7),
)


@dataclasses.dataclass(frozen=True, slots=True)
class PublishedWork:
    """A commitment to rollouts, and the files it names."""

    params: TaskParams
    context: LeafContext
    manifest: bytes
    rollouts: bytes
    commitment: Commitment


def example_work(params: TaskParams, chain_id: int, hub: str, node: str) -> PublishedWork:
    """Rollouts of 9, 4, 12, 1 and 5 tokens, in chunks of 4, under a task like `params`."""
    params = dataclasses.replace(
        params, problems_per_round=5, group_size=1, chunk_tokens=4, max_tokens=12, topk=4
    )
    context = LeafContext(chain_id, hub, task_id(chain_id, hub, params), node, sequence=3, round=5)
    rollouts = [_rollout(index, length, params) for index, length in enumerate(LENGTHS)]
    return publish(rollouts, params, context, time=1_700_003_100)


def publish(
    rollouts: Sequence[Rollout], params: TaskParams, context: LeafContext, time: int
) -> PublishedWork:
    """The commitment to these rollouts, and their files. The update is no update: nothing here decodes it."""
    policy = PolicyRef(context.round, keccak256(b"policy"))
    if context.round == 0:
        policy = PolicyRef(0, params.genesis_digest)
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
        rollouts=file_reference(rollouts_file),
        update=pieced_reference(UPDATE),
        units=len(rollouts),
        metrics=Metrics(250_000, 0),
    )
    commitment = Commitment(
        sequence=context.sequence,
        round=context.round,
        root=merkle.root(leaves),
        manifest=manifest.digest,
        units=len(rollouts),
        time=time,
    )
    return PublishedWork(params, context, manifest.to_bytes(), rollouts_file, commitment)


def example_version() -> tuple[WeightsManifest, Commitment]:
    """A version with a checkpoint of two pieces, which is no checkpoint, and the commitment of who posted it."""
    tensors = (TensorShape("weight", (3, 2)),)
    manifest = WeightsManifest.of(
        7, keccak256(b"version 6"), CHECKPOINT, tensors, canonical_root=keccak256(b"weights")
    )
    root = checkpoint_root(manifest.version, manifest.digest)
    return manifest, Commitment(4, manifest.version, root, manifest.digest, units=0, time=1_700_003_100)


def demand_vectors(params: TaskParams, chain_id: int, hub: str, node: str) -> dict[str, Any]:
    """An honest submission, a posted version, and every kind of demand for a part of them with its answer."""
    work = example_work(params, chain_id, hub, node)
    manifest, claim = example_version()
    return {
        "chain_id": chain_id,
        "hub": hub,
        "judge": JUDGE,
        "answer_seconds": ANSWER_SECONDS,
        "close_seconds": CLOSE_SECONDS,
        "base_fee": BASE_FEE,
        "opened_at": OPENED_AT,
        "params_abi": _hex(abi_encode([TASK_PARAMS_ABI], [work.params.as_abi()])),
        "commitment_abi": _commitment(work.commitment),
        "cases": [_case(demand, work, work.commitment, _answer(demand, work)) for demand in DEMANDS],
        "version_abi": _commitment(claim),
        "version_cases": [
            _case(demand, work, claim, _version_answer(demand, manifest.to_bytes()))
            for demand in VERSION_DEMANDS
        ],
    }


def _commitment(commitment: Commitment) -> str:
    return _hex(abi_encode([structs.COMMITMENT_ABI], [structs.encode_commitment(commitment)]))


def _answer(asked: DataDemand, work: PublishedWork) -> Answer:
    if asked.of_piece:
        return piece_answer(asked.index, work.manifest, UPDATE)
    return answer(asked, work.manifest, work.rollouts, work.params, work.context)


def _version_answer(asked: DataDemand, manifest: bytes) -> Answer:
    if asked.of_piece:
        return piece_answer(asked.index, manifest, CHECKPOINT)
    return ManifestAnswer(manifest)


def _case(asked: DataDemand, work: PublishedWork, commitment: Commitment, given: Answer) -> dict[str, Any]:
    params = work.params
    evidence = asked.to_bytes()
    challenge = structs.Challenge(
        task=work.context.task,
        node=work.context.node,
        sequence=commitment.sequence,
        judge=JUDGE,
        challenger=CHALLENGER,
        token=params.token,
        stake=params.stake,
        bond=params.bond,
        deadline=OPENED_AT + params.dispute_seconds,
        evidence_hash=keccak256(evidence),
    )
    gas = price_in_gas(asked, params, commitment.units)
    demand = structs.Demand(
        kind=structs.DemandKind(asked.part),
        index=asked.index,
        chunk=asked.chunk,
        root=commitment.manifest if asked.of_piece or asked.part is Part.MANIFEST else commitment.root,
        units=commitment.units,
        round=commitment.round,
        chunk_tokens=params.chunk_tokens,
        topk=params.topk,
        answer_by=OPENED_AT + ANSWER_SECONDS,
        price=gas * BASE_FEE,
    )
    call = answer_call(DataJudge(_Nobody(), JUDGE), challenge, demand, given)
    return {
        "kind": int(asked.part),
        "index": asked.index,
        "chunk": asked.chunk,
        "evidence": _hex(evidence),
        "price_in_gas": gas,
        "challenge_abi": _hex(abi_encode([structs.CHALLENGE_ABI], [structs.encode_challenge(challenge)])),
        "demand_abi": _hex(abi_encode([structs.DEMAND_ABI], [structs.encode_demand(demand)])),
        "by_leaf": isinstance(given, LeafAnswer),
        "by_manifest": isinstance(given, ManifestAnswer),
        "calldata": _hex(call.data),
    }


class _Nobody:
    """Reads nothing: the calls here are only prepared."""

    async def call(self, to: str, data: bytes) -> bytes:
        """Never asked."""
        raise AssertionError("a prepared call reads nothing")


def _rollout(index: int, length: int, params: TaskParams) -> Rollout:
    proofs = tuple(
        b"\xff\xd9" + keccak256(bytes([index, chunk]))[: 2 * params.topk]
        for chunk in range(-(-length // params.chunk_tokens))
    )
    tokens = tuple((70_000 * index + 7 * place + 3) % 200_000 for place in range(length))
    return Rollout(
        problem=1000 * index, seed=keccak256(bytes([index])), tokens=tokens, reward=250_000, proofs=proofs
    )


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
