// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../interfaces/IHub.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {IObjectiveJudge} from "../interfaces/IObjectiveJudge.sol";
import {IRewardRule} from "../interfaces/IRewardRule.sol";
import {Assignment} from "../libraries/Assignment.sol";
import {Merkle} from "../libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../libraries/RolloutLeaves.sol";
import {ToplocFormat} from "../libraries/ToplocFormat.sol";
import {Challenge} from "../types/Challenge.sol";
import {Checkpoint, Commitment, MemberStatus} from "../types/Membership.sol";
import {Pinned, TaskParams} from "../types/Task.sol";

/// @title ObjectiveJudge
/// @notice See `IObjectiveJudge`. Holds no state and no money.
contract ObjectiveJudge is IObjectiveJudge {
    uint8 internal constant WRONG_ASSIGNMENT = 1;
    uint8 internal constant WRONG_REWARD = 2;
    uint8 internal constant MALFORMED_PROOF = 3;
    uint8 internal constant MALFORMED_LEAF = 4;
    uint8 internal constant MALFORMED_TOKENS = 5;

    uint256 internal constant TOKEN_BYTES = 4;

    /// @inheritdoc IObjectiveJudge
    address public immutable override hub;

    constructor(address hub_) {
        hub = hub_;
    }

    /// @inheritdoc IObjectiveJudge
    function guarantee() external pure returns (string memory) {
        return "one honest challenger: the chain itself checks the evidence";
    }

    /// @inheritdoc IJudge
    function open(uint256, Challenge calldata, TaskParams calldata, Commitment calldata, bytes calldata)
        external
        view
        returns (Verdict)
    {
        if (msg.sender != hub) revert ObjectiveJudge_NotHub(msg.sender);
        // Through a call to itself with the same arguments, because that gives undecodable evidence, which the
        // compiler lets revert without a word, its name.
        (bool success, bytes memory result) =
            address(this).staticcall(bytes.concat(this.examine.selector, msg.data[4:]));
        if (success) return abi.decode(result, (Verdict));
        if (result.length == 0) revert ObjectiveJudge_EvidenceUndecodable();
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }

    /// @inheritdoc IObjectiveJudge
    function examine(
        uint256,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external view returns (Verdict) {
        if (c.units == 0) revert ObjectiveJudge_NotRollouts(c.sequence);
        (uint8 kind, bytes memory payload) = abi.decode(evidence, (uint8, bytes));
        LeafContext memory context =
            LeafContext(block.chainid, hub, challenge.task, challenge.node, c.sequence, c.round);
        return _isGuilty(p, c, context, kind, payload) ? Verdict.Guilty : Verdict.NotGuilty;
    }

    function _isGuilty(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        uint8 kind,
        bytes memory payload
    ) private view returns (bool) {
        if (kind == WRONG_ASSIGNMENT) return _wrongAssignment(p, c, context, payload);
        if (kind == WRONG_REWARD) return _wrongReward(p, c, context, payload);
        if (kind == MALFORMED_PROOF) return _malformedChunk(p, c, context, payload, false);
        if (kind == MALFORMED_LEAF) return _malformedLeaf(c, context, payload);
        if (kind == MALFORMED_TOKENS) return _malformedChunk(p, c, context, payload, true);
        revert ObjectiveJudge_KindUnknown(kind);
    }

    function _wrongAssignment(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) private view returns (bool) {
        (RolloutLeaf memory leaf, bytes32[] memory proof) = abi.decode(payload, (RolloutLeaf, bytes32[]));
        _requireLeaf(c, context, leaf, proof);
        if (leaf.numTokens == 0 || leaf.numTokens > p.maxTokens) return true;
        if (_wrongPolicy(p, c, context, leaf)) return true;
        bytes32 beacon = IHub(hub).beaconOf(context.taskId, context.round);
        bytes32 seed = Assignment.roundSeed(hub, context.taskId, context.node, context.round, beacon);
        return leaf.seed != Assignment.sampleSeed(seed, leaf.index)
            || leaf.problem != Assignment.problemIndex(seed, leaf.index / p.groupSize, p.problemCount);
    }

    /// @dev A posted digest binds others only once no dispute about it can be left when they commit. Before, a member
    /// could post a false digest and have every honest node slashed for the true one. Its own poster it binds at once.
    function _wrongPolicy(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        RolloutLeaf memory leaf
    ) private view returns (bool) {
        uint32 version = leaf.policyVersion;
        if (version > c.round || c.round - version > p.maxStaleness) return true;
        if (version == 0) return leaf.policyDigest != p.genesisDigest;
        Checkpoint memory posted = IHub(hub).checkpointOf(context.taskId, version);
        if (posted.poster == address(0) || leaf.policyDigest == posted.digest) return false;
        if (posted.poster == context.node) return true;
        uint256 settled = uint256(posted.time) + p.challengeWindow + p.disputeSeconds;
        if (c.time < settled) return false;
        return IHub(hub).memberOf(context.taskId, posted.poster).status != MemberStatus.Slashed;
    }

    function _wrongReward(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) private view returns (bool) {
        (RolloutLeaf memory leaf, bytes32[] memory proof, uint32[] memory tokens) =
            abi.decode(payload, (RolloutLeaf, bytes32[], uint32[]));
        _requireLeaf(c, context, leaf, proof);
        if (tokens.length == 0 || RolloutLeaves.tokensRoot(tokens, p.chunkTokens) != leaf.tokensRoot) {
            revert ObjectiveJudge_TokensNotProven();
        }
        return
            tokens.length != leaf.numTokens
                || _rewardByRule(p.rewardRule, leaf.problem, tokens) != leaf.reward;
    }

    /// @dev Whatever keeps the rule from answering, lack of gas included, must not become a verdict.
    function _rewardByRule(Pinned calldata rule, uint32 problem, uint32[] memory tokens)
        private
        view
        returns (uint256 reward)
    {
        if (rule.code == address(0)) revert ObjectiveJudge_NoRewardRule();
        if (rule.code.codehash != rule.codeHash) revert ObjectiveJudge_RewardRuleChanged(rule.code);
        (bool success, bytes memory result) =
            rule.code.staticcall(abi.encodeCall(IRewardRule.reward, (problem, tokens)));
        if (!success || result.length != 32) revert ObjectiveJudge_RewardRuleFailed(rule.code);
        reward = abi.decode(result, (uint256));
        if (reward > type(uint32).max) revert ObjectiveJudge_RewardRuleFailed(rule.code);
    }

    function _malformedLeaf(Commitment calldata c, LeafContext memory context, bytes memory payload)
        private
        pure
        returns (bool)
    {
        (uint32 position, bytes memory preimage, bytes32[] memory proof) =
            abi.decode(payload, (uint32, bytes, bytes32[]));
        if (!Merkle.opens(c.root, Merkle.leaf(preimage), position, proof)) {
            revert ObjectiveJudge_LeafNotProven();
        }
        return !Merkle.isPlace(position, proof.length, c.units)
            || !RolloutLeaves.isWellFormed(preimage, context, position);
    }

    /// @dev The chunk may lie anywhere under the leaf's root: where none belongs, its presence is the fault.
    function _malformedChunk(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload,
        bool ofTokens
    ) private pure returns (bool) {
        (
            RolloutLeaf memory leaf,
            bytes32[] memory proof,
            uint256 chunk,
            bytes memory data,
            bytes32[] memory chunkProof
        ) = abi.decode(payload, (RolloutLeaf, bytes32[], uint256, bytes, bytes32[]));
        _requireLeaf(c, context, leaf, proof);
        bytes32 root = ofTokens ? leaf.tokensRoot : leaf.toplocRoot;
        if (!Merkle.opens(root, Merkle.leaf(data), chunk, chunkProof)) {
            revert ObjectiveJudge_ChunkNotProven();
        }
        uint256 count = RolloutLeaves.numChunks(leaf.numTokens, p.chunkTokens);
        if (!Merkle.isPlace(chunk, chunkProof.length, count)) return true;
        if (!ofTokens) return ToplocFormat.isMalformed(data, p.topk);
        uint256 rest = leaf.numTokens - chunk * p.chunkTokens;
        return data.length != TOKEN_BYTES * (rest < p.chunkTokens ? rest : p.chunkTokens);
    }

    function _requireLeaf(
        Commitment calldata c,
        LeafContext memory context,
        RolloutLeaf memory leaf,
        bytes32[] memory proof
    ) private pure {
        if (!Merkle.verify(c.root, RolloutLeaves.hash(context, leaf), leaf.index, c.units, proof)) {
            revert ObjectiveJudge_LeafNotProven();
        }
    }
}
