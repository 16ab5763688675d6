// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What can be demanded of a commitment: of work all but Checkpoint, of a posted version Manifest and Checkpoint.
/// @dev The numbers are those of the evidence; None is no demand.
enum DemandKind {
    None,
    Leaf,
    Tokens,
    Proof,
    Manifest,
    Update,
    Checkpoint
}

/// @notice An open demand. The judge keeps its hash alone: whoever acts on one shows it again, beside its challenge.
/// @param kind What is to be shown.
/// @param index Rollout it is about, or piece of the update or checkpoint; zero for a manifest.
/// @param chunk Chunk of that rollout's tokens or TOPLOC proofs; zero for anything else.
/// @param root What the answer must open: the commitment's root, or where the answer begins with the manifest, its SHA-256.
/// @param units Rollouts under the root; zero of a posted version.
/// @param round Round of the commitment, or the version.
/// @param chunkTokens As in the task's parameters.
/// @param topk As in the task's parameters.
/// @param answerBy An answer counts before it; from it on, anyone may close the demand.
/// @param price Put down by the challenger, in wei.
struct Demand {
    DemandKind kind;
    uint32 index;
    uint32 chunk;
    bytes32 root;
    uint32 units;
    uint32 round;
    uint32 chunkTokens;
    uint32 topk;
    uint40 answerBy;
    uint256 price;
}
