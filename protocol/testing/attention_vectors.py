"""Golden vectors of audit tasks: targets, draws and the leaves of answers."""

from __future__ import annotations

import dataclasses
from typing import Any

from eth_abi.abi import encode as abi_encode

from cupel.protocol.spec.audits import answer_leaf, drawn_of, target_of, target_span
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rollout import Commitment, LeafContext, RolloutLeaf, leaf_preimage
from cupel.protocol.spec.task import TASK_PARAMS_ABI, TaskParams


def attention_vectors(params: TaskParams, chain_id: int, hub: str, node: str) -> dict[str, Any]:
    """An audit task like `params`, and answers about commitments of one node."""
    checked = params.genesis_digest
    verifier, cases = "0x8000000000000000000000000000000000000008", []
    for number, units in enumerate((1, 2, 3, 512, 2**24 - 1)):
        commitment = Commitment(
            number, number + 1, keccak256(b"root"), keccak256(b"manifest"), units, params.start - 1 - number
        )
        beacon = keccak256(b"beacon" + bytes([number]))
        target = target_of(checked, node, commitment)
        drawn = drawn_of(beacon, verifier, target, units)
        audited = RolloutLeaf(
            index=drawn,
            policy_version=number,
            policy_digest=keccak256(b"policy"),
            problem=77 + number,
            seed=keccak256(b"seed"),
            num_tokens=9,
            tokens_root=keccak256(b"tokens"),
            toploc_root=keccak256(b"proofs"),
            reward=1_000_000,
        )
        trace_root = keccak256(b"trace" + bytes([number]))
        context = LeafContext(chain_id, hub, keccak256(b"audit task"), verifier, 4, 0)
        leaf = answer_leaf(number, audited, target, drawn, trace_root)
        cases.append(
            {
                "commitment": abi_encode(
                    ["(uint32,uint32,bytes32,bytes32,uint32,uint40)"], [dataclasses.astuple(commitment)]
                ),
                "beacon": beacon,
                "target": target,
                "drawn": drawn,
                "answer_preimage": leaf_preimage(context, leaf),
                "trace_root": trace_root,
            }
        )
    span = target_span(params, 3)
    return {
        "checked": "0x" + checked.hex(),
        "node": node,
        "verifier": verifier,
        "params_abi": "0x" + abi_encode([TASK_PARAMS_ABI], [params.as_abi()]).hex(),
        "round": 3,
        "first_time": span.start,
        "end_time": span.stop,
        "cases": [
            {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in case.items()}
            for case in cases
        ],
    }
