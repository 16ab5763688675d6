// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge} from "../types/Challenge.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {IJudge} from "./IJudge.sol";

/// @title Judge of what the chain can check by itself
/// @notice Guarantee: one honest challenger is enough. There is no clock, no vote and no second move: the evidence
/// decides within the transaction that opens the challenge. A node that follows the protocol cannot lose, whatever the
/// creator, other nodes and challengers do: every kind rests on the node's own commitments, on the task's parameters
/// and on the round's beacon alone. The argument stands at each kind's function in `judges/objective`.
///
/// Evidence is `abi.encode(uint8 kind, bytes payload)`. In every kind `proof` leads from a leaf to the commitment's
/// root, and `leaf` lies at `leaf.index`:
/// 1 WrongAssignment  `abi.encode(RolloutLeaf leaf, bytes32[] proof)`: not the problem, seed, policy version or length
///                    that the task and the round's beacon allow, or not the policy digest that the task (for version
///                    0) or the node itself (in a checkpoint it posted) states.
/// 2 WrongReward      `abi.encode(RolloutLeaf leaf, bytes32[] proof, uint32[] tokens)`: the tokens behind
///                    `leaf.tokensRoot` earn another reward by the task's rule, or are not `leaf.numTokens` many.
/// 3 MalformedProof   `abi.encode(RolloutLeaf leaf, bytes32[] proof, uint256 chunk, bytes data, bytes32[] chunkProof)`:
///                    `data` under `leaf.toplocRoot` is no TOPLOC proof an honest prover can make, or lies where no
///                    chunk is.
/// 4 MalformedLeaf    `abi.encode(uint32 position, bytes preimage, bytes32[] proof)`: a leaf of the tree is not a
///                    rollout of this commitment at its position: a copied, misplaced, repeated or surplus one.
/// 5 MalformedTokens  payload as for kind 3: `data` under `leaf.tokensRoot` has not the length of its chunk, or lies
///                    where no chunk is.
/// 6 EmptyLeaf        `abi.encode(uint256 position, bytes32[] proof)`: 32 zero bytes where the tree over `units` leaves
///                    has a leaf or a node: fewer rollouts than were counted.
/// 7 RepeatedProof    `abi.encode(RolloutLeaf leaf, bytes32[] proof, Commitment other, RolloutLeaf twin, bytes32[]
///                    twinProof)`: `leaf`, and `twin` of the same node's commitment `other` (the challenged one or
///                    another that the hub's ring holds), have one TOPLOC root for two problems.
/// 8 EmptyChunk       `abi.encode(RolloutLeaf leaf, bytes32[] proof, bool ofTokens, uint256 chunk, bytes32[]
///                    chunkProof)`: 32 zero bytes where the tree of the leaf's tokens, or of its TOPLOC proofs, has a
///                    chunk or a node: fewer chunks than `leaf.numTokens` calls for.
///
/// A false signature in a relayed batch needs no kind: `IHub.commitBatch` checks every signature before it records
/// anything, so a commitment that a node did not sign does not exist. A hash in a tree whose preimage nobody knows
/// shows nothing here: data withheld is another judge's matter.
///
/// Evidence that does not open under the commitment reverts: a challenger's slip costs it nothing but gas. Evidence
/// that opens but shows no fault is a false accusation and loses the bond.
interface IObjectiveJudge is IJudge {
    /// @notice Only the hub may open challenges.
    error ObjectiveJudge_NotHub(address caller);
    /// @notice The evidence of this many bytes, or its payload, is not ABI-encoded as its kind demands.
    error ObjectiveJudge_EvidenceUndecodable(uint256 length);
    /// @notice There is no such kind of evidence.
    error ObjectiveJudge_KindUnknown(uint8 kind);
    /// @notice The commitment is a checkpoint claim, which no evidence of this judge concerns.
    error ObjectiveJudge_NotRollouts(uint32 sequence);
    /// @notice The leaf, or the empty place, does not open under the commitment's root at this position.
    error ObjectiveJudge_LeafNotProven(uint256 index);
    /// @notice The chunk, or the empty place, does not open under the leaf's root of TOPLOC proofs or tokens.
    error ObjectiveJudge_ChunkNotProven(uint256 chunk);
    /// @notice The tokens hash to another root than the leaf's, zero for none.
    error ObjectiveJudge_TokensNotProven(bytes32 expected, bytes32 actual);
    /// @notice The hub's ring does not hold this other commitment of the node.
    error ObjectiveJudge_CommitmentUnknown(uint32 sequence);
    /// @notice The task has no reward rule the chain can compute.
    error ObjectiveJudge_NoRewardRule(bytes32 task);
    /// @notice The reward rule's code is not the one the task pinned.
    error ObjectiveJudge_RewardRuleChanged(address rule, bytes32 expected, bytes32 actual);
    /// @notice The reward rule's code has an instruction, at this offset, by which its answer may come to change: nobody
    /// can be held to it.
    error ObjectiveJudge_RewardRuleImpure(address rule, uint256 offset);
    /// @notice The reward rule reverted or returned no uint32.
    error ObjectiveJudge_RewardRuleFailed(address rule, uint32 problem);

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
