// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge} from "../types/Challenge.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {IJudge} from "./IJudge.sol";

/// @title Judge of what the chain can check by itself
/// @notice Guarantee: one honest challenger is enough. There is no clock, no vote and no second move: the evidence
/// decides within the transaction that opens the challenge, and a node that follows the protocol cannot lose.
///
/// Evidence is `abi.encode(uint8 kind, bytes payload)`. In every kind `proof` leads from a leaf to the commitment's
/// root, and `leaf` lies at `leaf.index`:
/// 1 WrongAssignment  `abi.encode(RolloutLeaf leaf, bytes32[] proof)`: not the problem, seed, policy or length that
///                    the task and the round's beacon allow.
/// 2 WrongReward      `abi.encode(RolloutLeaf leaf, bytes32[] proof, uint32[] tokens)`: the tokens behind
///                    `leaf.tokensRoot` earn another reward by the task's rule, or are not `leaf.numTokens` many.
/// 3 MalformedProof   `abi.encode(RolloutLeaf leaf, bytes32[] proof, uint256 chunk, bytes data, bytes32[] chunkProof)`:
///                    `data` under `leaf.toplocRoot` is no TOPLOC proof an honest prover can make, or lies where no
///                    chunk is.
/// 4 MalformedLeaf    `abi.encode(uint32 position, bytes preimage, bytes32[] proof)`: a leaf of the tree is not a
///                    rollout of this commitment at its position: a copied, misplaced, repeated or surplus one.
/// 5 MalformedTokens  payload as for kind 3: `data` under `leaf.tokensRoot` has not the length of its chunk, or lies
///                    where no chunk is.
///
/// Evidence that does not open under the commitment reverts: a challenger's slip costs it nothing but gas. Evidence
/// that opens but shows no fault is a false accusation and loses the bond.
interface IObjectiveJudge is IJudge {
    /// @notice Only the hub may open challenges.
    error ObjectiveJudge_NotHub(address caller);
    /// @notice The evidence or its payload is not ABI-encoded as its kind demands.
    error ObjectiveJudge_EvidenceUndecodable();
    /// @notice There is no such kind of evidence.
    error ObjectiveJudge_KindUnknown(uint8 kind);
    /// @notice The commitment is a checkpoint claim, which no evidence of this judge concerns.
    error ObjectiveJudge_NotRollouts(uint32 sequence);
    /// @notice The leaf does not open under the commitment's root at its position.
    error ObjectiveJudge_LeafNotProven();
    /// @notice The chunk does not open under the leaf's root of TOPLOC proofs or tokens.
    error ObjectiveJudge_ChunkNotProven();
    /// @notice The tokens do not hash to the leaf's root of tokens.
    error ObjectiveJudge_TokensNotProven();
    /// @notice The task has no reward rule the chain can compute.
    error ObjectiveJudge_NoRewardRule();
    /// @notice The reward rule's code is not the one the task pinned.
    error ObjectiveJudge_RewardRuleChanged(address rule);
    /// @notice The reward rule reverted or returned no uint32.
    error ObjectiveJudge_RewardRuleFailed(address rule);

    /// @notice The hub whose challenges this judge decides.
    function hub() external view returns (address);

    /// @notice What an accused or a challenger has to trust.
    function guarantee() external pure returns (string memory);

    /// @notice The verdict that `open` would give; to try evidence before a bond is put down. Arguments as for `open`.
    /// @dev Trusts its caller that `challenge` belongs to `p` and that the hub holds `c`.
    function examine(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external view returns (Verdict);
}
