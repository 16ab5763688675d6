// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {HubDouble} from "./HubDouble.sol";
import {IRewardRule} from "contracts/interfaces/IRewardRule.sol";
import {Assignment} from "contracts/libraries/Assignment.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @notice Everything a node has of one round.
struct Round {
    TaskParams p;
    LeafContext context;
    RolloutLeaf[] leaves;
    uint32[][] tokens;
    bytes[][] proofs;
}

/// @title Honest rounds of tasks with random parameters
library RandomRound {
    /// @notice A task that `createTask` would accept, small enough to hash.
    function params(uint256 seed, IRewardRule rule) internal view returns (TaskParams memory p) {
        p.genesisDigest = keccak256("genesis");
        p.problemsPerRound = draw32(seed, "problems", 1, 3);
        p.groupSize = draw32(seed, "group", 1, 3);
        p.problemCount = draw32(seed, "count", p.problemsPerRound, 50);
        p.chunkTokens = draw32(seed, "chunk", 1, 6);
        p.topk = draw32(seed, "topk", 1, 12);
        p.maxTokens = draw32(seed, "tokens", 1, 12);
        p.maxStaleness = draw32(seed, "staleness", 0, 4);
        p.rewardRule = Pinned(address(rule), address(rule).codehash);
    }

    /// @notice What a node that follows the protocol does in `round` as its commitment `sequence`.
    function work(
        uint256 seed,
        TaskParams memory p,
        HubDouble hub,
        address node,
        uint32 sequence,
        uint32 round_
    ) internal view returns (Round memory r) {
        r.p = p;
        r.context = LeafContext(block.chainid, address(hub), hub.taskIdOf(p), node, sequence, round_);
        seed = uint256(keccak256(abi.encode(seed, sequence)));
        uint32 units = draw32(seed, "units", 1, p.problemsPerRound * p.groupSize);
        r.leaves = new RolloutLeaf[](units);
        r.tokens = new uint32[][](units);
        r.proofs = new bytes[][](units);
        bytes32 assigned = Assignment.roundSeed(address(hub), r.context.taskId, node, round_, hub.beacon());
        for (uint32 index = 0; index < units; ++index) {
            rollOut(r, assigned, uint256(keccak256(abi.encode(seed, index))), index);
        }
    }

    /// @dev Any completion and any proofs: the judge knows no model.
    function rollOut(Round memory r, bytes32 assigned, uint256 seed, uint32 index) private view {
        TaskParams memory p = r.p;
        RolloutLeaf memory leaf = r.leaves[index];
        uint32 oldest = r.context.round < p.maxStaleness ? 0 : r.context.round - p.maxStaleness;
        leaf.index = index;
        leaf.policyVersion = draw32(seed, "version", oldest, r.context.round);
        leaf.policyDigest =
            leaf.policyVersion == 0 ? p.genesisDigest : keccak256(abi.encode(leaf.policyVersion));
        leaf.problem = uint32(Assignment.problemIndex(assigned, index / p.groupSize, p.problemCount));
        leaf.seed = Assignment.sampleSeed(assigned, index);
        uint32[] memory tokens = completion(seed, p, leaf.problem);
        leaf.numTokens = uint32(tokens.length);
        r.tokens[index] = tokens;
        r.proofs[index] = new bytes[](RolloutLeaves.numChunks(tokens.length, p.chunkTokens));
        for (uint256 chunk = 0; chunk < r.proofs[index].length; ++chunk) {
            r.proofs[index][chunk] = proofOf(uint256(keccak256(abi.encode(seed, chunk))), p.topk);
        }
        leaf.tokensRoot = Trees.root(Work.tokenHashes(p, tokens));
        leaf.toplocRoot = Trees.root(hashes(r.proofs[index]));
        leaf.reward = IRewardRule(p.rewardRule.code).reward(leaf.problem, tokens);
    }

    /// @dev The right answer, where it fits, as often as random tokens.
    function completion(uint256 seed, TaskParams memory p, uint32 problem)
        private
        pure
        returns (uint32[] memory tokens)
    {
        if (p.maxTokens >= 9 && seed % 2 == 0) return Work.answer(problem);
        tokens = new uint32[](draw32(seed, "length", 1, p.maxTokens));
        for (uint256 i = 0; i < tokens.length; ++i) {
            tokens[i] = uint32(uint256(keccak256(abi.encode(seed, "token", i))) >> 225);
        }
    }

    /// @dev With one point the only coefficient is the activation itself, never zero at the chunk's greatest magnitude.
    function proofOf(uint256 seed, uint256 topk) private pure returns (bytes memory proof) {
        proof = Work.toplocProof(topk, seed);
        if (topk == 1 && proof[2] == 0 && proof[3] == 0) proof[3] = 0x01;
    }

    function hashes(bytes[] memory data) internal pure returns (bytes32[] memory result) {
        result = new bytes32[](data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            result[i] = Merkle.leaf(data[i]);
        }
    }

    function leafHashes(Round memory r) internal pure returns (bytes32[] memory) {
        return Work.leafHashes(r.context, r.leaves);
    }

    function commitment(Round memory r) internal pure returns (Commitment memory) {
        return committing(r, leafHashes(r), uint32(r.leaves.length));
    }

    /// @notice The round's commitment if its node put these hashes in the tree and counted this many units.
    function committing(Round memory r, bytes32[] memory tree, uint32 units)
        internal
        pure
        returns (Commitment memory)
    {
        return Commitment(
            r.context.sequence, r.context.round, Trees.root(tree), keccak256("manifest"), units, 1
        );
    }

    function pathTo(Round memory r, uint256 index) internal pure returns (bytes32[] memory) {
        return Trees.proof(leafHashes(r), index);
    }

    /// @notice A number in [least, most] that depends on seed and name alone.
    function draw32(uint256 seed, string memory name, uint256 least, uint256 most)
        internal
        pure
        returns (uint32)
    {
        return uint32(least + uint256(keccak256(abi.encode(seed, name))) % (most - least + 1));
    }
}
