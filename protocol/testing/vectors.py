"""Golden vectors of every commitment format: one set of files, read by Python and Solidity alike.

Each function returns the JSON object of one file under tests/vectors/. Bytes are 0x-prefixed hex, so that Foundry's
JSON cheat codes read them; all inputs are fixed, so that filling twice gives the same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from eth_abi.abi import encode as abi_encode

from cupel.protocol.spec import assignment, merkle, rollout
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.shardcast.placement import NO_BEACON, REPLICAS, holders
from cupel.protocol.spec.task import TASK_PARAMS_ABI, Pinned, TaskParams, task_id
from cupel.protocol.testing.aggregate_vectors import aggregate_draws_vectors, aggregate_vectors
from cupel.protocol.testing.attention_vectors import attention_vectors
from cupel.protocol.testing.delta_vectors import delta_vectors
from cupel.protocol.testing.demand_vectors import demand_vectors
from cupel.protocol.testing.evidence_vectors import evidence_vectors
from cupel.protocol.testing.float32_vectors import float32_vectors
from cupel.protocol.testing.game_vectors import game_vectors
from cupel.protocol.testing.referee_draws import draws_vectors
from cupel.protocol.testing.referee_entry_draws import entry_draws_vectors
from cupel.protocol.testing.referee_vectors import referee_vectors
from cupel.protocol.testing.sketch_vectors import sketch_vectors
from cupel.protocol.testing.toploc_vectors import toploc_vectors
from cupel.protocol.testing.update_vectors import update_vectors
from cupel.protocol.testing.verdict_vectors import verdict_vectors

CHAIN_ID: Final = 31337
HUB: Final = "0x1000000000000000000000000000000000000001"
NODE: Final = "0x2000000000000000000000000000000000000002"
TASK: Final = keccak256(b"task")
BEACON: Final = keccak256(b"beacon")


def example_params() -> TaskParams:
    """Task parameters with a different value in every field, so that a swapped pair shows."""
    return TaskParams(
        creator="0x3000000000000000000000000000000000000003",
        token="0x4000000000000000000000000000000000000004",
        spec_digest=keccak256(b"spec"),
        genesis_digest=keccak256(b"genesis"),
        start=1_700_000_000,
        round_seconds=600,
        commit_seconds=400,
        rounds=12,
        problems_per_round=32,
        group_size=16,
        problem_count=1 << 20,
        chunk_tokens=31,
        topk=128,
        max_tokens=9,
        max_staleness=2,
        rate=5 * 10**15,
        stake=10**20,
        bond=10**19,
        challenge_window=86_400,
        dispute_seconds=172_800,
        exit_margin=3_600,
        reward_rule=Pinned("0x5000000000000000000000000000000000000005", keccak256(b"reward rule")),
        judges=(
            Pinned("0x6000000000000000000000000000000000000006", keccak256(b"objective judge")),
            Pinned("0x7000000000000000000000000000000000000007", keccak256(b"jury judge")),
        ),
    )


def merkle_vectors() -> dict[str, Any]:
    """Roots and proofs for 1 to 9 leaves."""
    trees = []
    for count in range(1, 10):
        leaves = [merkle.leaf_hash(bytes([count, index])) for index in range(count)]
        index = (count * 5) % count if count % 2 else count - 1
        trees.append(
            {
                "count": count,
                "leaves": [_hex(leaf) for leaf in leaves],
                "root": _hex(merkle.root(leaves)),
                "index": index,
                "proof": [_hex(node) for node in merkle.proof(leaves, index)],
            }
        )
    return {"leaf_of_empty": _hex(merkle.leaf_hash(b"")), "trees": trees}


def assignment_vectors() -> dict[str, Any]:
    """Seeds and problems of one node's rounds."""
    cases = []
    for round_index, problem_count in ((0, 1 << 20), (1, 37), (7, 1000), (9, 1), (11, 2)):
        seed = assignment.round_seed(CHAIN_ID, HUB, TASK, NODE, round_index, BEACON)
        slots = range(min(8, problem_count))
        cases.append(
            {
                "round": round_index,
                "problem_count": problem_count,
                "round_seed": _hex(seed),
                "sample_seeds": [_hex(assignment.sample_seed(seed, index)) for index in range(4)],
                # By number of targets; no contract reads them.
                "targets": {
                    str(count): [assignment.target_index(seed, slot, count) for slot in range(4)]
                    for count in (1, 4, 5)
                },
                "problems": [assignment.problem_index(seed, slot, problem_count) for slot in slots],
            }
        )
    context = {"chain_id": CHAIN_ID, "hub": HUB, "task": _hex(TASK), "node": NODE, "beacon": _hex(BEACON)}
    return {**context, "cases": cases}


def rollout_vectors() -> dict[str, Any]:
    """Leaves, token roots, commitments and the checkpoint root."""
    context = rollout.LeafContext(CHAIN_ID, HUB, TASK, NODE, sequence=3, round=5)
    tokens = tuple((7 * index + 3) % 64 for index in range(70))
    proofs = tuple(bytes([chunk]) * 258 for chunk in range(3))
    seed = assignment.sample_seed(BEACON, 17)
    work = rollout.Rollout(problem=123_456, seed=seed, tokens=tokens, reward=250_000, proofs=proofs)
    leaf = rollout.make_leaf(17, work, policy_version=4, policy_digest=keccak256(b"policy"), chunk_tokens=32)
    commitment = rollout.Commitment(3, 5, keccak256(b"root"), keccak256(b"manifest"), 512, 1_700_003_100)
    digest = keccak256(b"weights")
    return {
        "context": {name: _plain(value) for name, value in dataclasses.asdict(context).items()},
        "chunk_tokens": 32,
        "tokens": list(tokens),
        "proofs": [_hex(proof) for proof in proofs],
        "leaf": {name: _plain(value) for name, value in dataclasses.asdict(leaf).items()},
        "leaf_hash": _hex(rollout.leaf_hash(context, leaf)),
        "commitment": {name: _plain(value) for name, value in dataclasses.asdict(commitment).items()},
        "commitment_hash": _hex(commitment.hash()),
        "checkpoint": {
            "version": 6,
            "digest": _hex(digest),
            "root": _hex(rollout.checkpoint_root(6, digest)),
        },
    }


def task_vectors() -> dict[str, Any]:
    """A task id and the ABI encoding of its parameters."""
    params = example_params()
    return {
        "chain_id": CHAIN_ID,
        "hub": HUB,
        "params_abi": _hex(abi_encode([TASK_PARAMS_ABI], [params.as_abi()])),
        "task_id": _hex(task_id(CHAIN_ID, HUB, params)),
    }


def sorting_vectors() -> dict[str, Any]:
    """Prompts and rewards of the sorting environment, right and wrong answers."""
    environment = Sorting()
    cases = []
    for problem in (0, 1, 2, 99, 1 << 19, (1 << 20) - 1):
        prompt = environment.prompt(problem)
        answer = (*sorted(prompt[1:-1]), environment.end_token)
        wrong = (
            answer,
            answer[:-1],
            (*answer, environment.end_token),
            (*answer[:-2], 60, environment.end_token),
            (63,),
        )
        for tokens in wrong:
            cases.append(
                {"problem": problem, "tokens": list(tokens), "reward": environment.reward(problem, tokens)}
            )
    prompts = [{"problem": problem, "prompt": list(environment.prompt(problem))} for problem in (0, 1, 77)]
    return {"prompts": prompts, "cases": cases}


def placement_vectors() -> dict[str, Any]:
    """Who keeps an item, for rosters below, at and above the number of holders."""
    cases = []
    for count, beacon in (
        (0, NO_BEACON),
        (1, BEACON),
        (5, NO_BEACON),
        (6, BEACON),
        (12, NO_BEACON),
        (12, BEACON),
    ):
        roster = [f"0x{number * 0x1111:040x}" for number in range(1, count + 1)]
        digest = keccak256(b"item")
        for replicas in (REPLICAS, 2):
            chosen = holders(roster, TASK, digest, beacon, replicas)
            cases.append(
                {
                    "roster": roster,
                    "digest": _hex(digest),
                    "beacon": _hex(beacon),
                    "replicas": replicas,
                    "holders": list(chosen),
                }
            )
    return {"task": _hex(TASK), "cases": cases}


def _evidence() -> dict[str, Any]:
    return evidence_vectors(CHAIN_ID, HUB, NODE, BEACON, example_params())


FILES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "merkle": merkle_vectors,
    "assignment": assignment_vectors,
    "rollout": rollout_vectors,
    "task": task_vectors,
    "sorting": sorting_vectors,
    "placement": placement_vectors,
    "toploc": toploc_vectors,
    "toploc_float32": float32_vectors,
    "toploc_sketch": sketch_vectors,
    "delta": delta_vectors,
    "demand": lambda: demand_vectors(example_params(), CHAIN_ID, HUB, NODE),
    "evidence": _evidence,
    "toploc_verdict": verdict_vectors,
    "update": update_vectors,
    "referee": referee_vectors,
    "referee_draws": draws_vectors,
    "referee_entry_draws": entry_draws_vectors,
    "aggregate": lambda: aggregate_vectors(example_params()),
    "aggregate_draws": aggregate_draws_vectors,
    "referee_game": lambda: game_vectors(example_params(), CHAIN_ID, HUB, NODE),
    "attention": lambda: attention_vectors(example_params(), CHAIN_ID, HUB, NODE),
}


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _plain(value: int | str | bytes) -> int | str:
    return _hex(value) if isinstance(value, bytes) else value
