// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RolloutLeaf} from "../libraries/RolloutLeaves.sol";
import {Commitment} from "./Membership.sol";

/// @notice The accused's first move: what its answer is about, and the answer.
/// @param node Whose commitment was looked at.
/// @param target That commitment.
/// @param audited Its leaf at the drawn position.
/// @param auditedProof From that leaf to the target's root.
/// @param traceRoot Of the referee's trace of the rollout's sequence: the answer.
/// @param answerProof From the leaf of the answer to the root of the accused's own commitment.
struct AttentionAnswer {
    address node;
    Commitment target;
    RolloutLeaf audited;
    bytes32[] auditedProof;
    bytes32 traceRoot;
    bytes32[] answerProof;
}

/// @notice Two answers of one commitment about one target.
/// @param first Leaf of one of them.
/// @param firstProof From it to the root.
/// @param second Leaf of the other.
/// @param secondProof Likewise.
struct TwiceAnswered {
    RolloutLeaf first;
    bytes32[] firstProof;
    RolloutLeaf second;
    bytes32[] secondProof;
}
