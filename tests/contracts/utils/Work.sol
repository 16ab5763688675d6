// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "./Trees.sol";
import {Assignment} from "contracts/libraries/Assignment.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title An honest node's round of the sorting task, and the evidence challengers make of dishonest ones
library Work {
    /// @notice The leaves an honest node commits to, all under policy `version`.
    function honestLeaves(
        TaskParams memory p,
        LeafContext memory context,
        bytes32 beacon,
        uint32 units,
        uint32 version,
        bytes32 digest
    ) internal view returns (RolloutLeaf[] memory leaves) {
        bytes32 seed = Assignment.roundSeed(context.hub, context.taskId, context.node, context.round, beacon);
        leaves = new RolloutLeaf[](units);
        for (uint32 index = 0; index < units; ++index) {
            uint32 problem = uint32(Assignment.problemIndex(seed, index / p.groupSize, p.problemCount));
            uint32[] memory tokens = answer(problem);
            leaves[index] = RolloutLeaf({
                index: index,
                policyVersion: version,
                policyDigest: digest,
                problem: problem,
                seed: Assignment.sampleSeed(seed, index),
                numTokens: uint32(tokens.length),
                tokensRoot: RolloutLeaves.tokensRoot(tokens, p.chunkTokens),
                toplocRoot: Trees.root(proofHashes(p, index)),
                reward: 1_000_000
            });
        }
    }

    /// @notice The right answer to a problem of the sorting task.
    function answer(uint32 problem) internal pure returns (uint32[] memory tokens) {
        bytes32 digest = keccak256(abi.encode(keccak256("cupel.sorting.v1"), problem));
        tokens = new uint32[](9);
        uint256 filled = 0;
        for (uint32 digit = 0; digit < 10; ++digit) {
            for (uint256 i = 0; i < 8; ++i) {
                if (uint8(digest[i]) % 10 == digit) tokens[filled++] = digit;
            }
        }
        tokens[8] = 11;
    }

    /// @notice A proof that looks like an honest one.
    function toplocProof(uint256 topk, uint256 salt) internal pure returns (bytes memory proof) {
        proof = hex"ffd9";
        for (uint256 i = 0; i < topk; ++i) {
            proof = bytes.concat(proof, bytes2(uint16(uint256(keccak256(abi.encode(salt, i))) % 65_497)));
        }
    }

    /// @notice Leaf hashes of the TOPLOC proofs of rollout `index`.
    function proofHashes(TaskParams memory p, uint256 index) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](RolloutLeaves.numChunks(9, p.chunkTokens));
        for (uint256 chunk = 0; chunk < hashes.length; ++chunk) {
            hashes[chunk] = Merkle.leaf(toplocProof(p.topk, saltOf(index, chunk)));
        }
    }

    function saltOf(uint256 index, uint256 chunk) internal pure returns (uint256) {
        return 100 * index + chunk;
    }

    /// @notice Tokens `[start, end)` as a chunk's data.
    function tokenData(uint32[] memory tokens, uint256 start, uint256 end)
        internal
        pure
        returns (bytes memory data)
    {
        for (uint256 i = start; i < end && i < tokens.length; ++i) {
            data = bytes.concat(data, bytes4(tokens[i]));
        }
    }

    /// @notice Leaf hashes of the chunks of a completion.
    function tokenHashes(TaskParams memory p, uint32[] memory tokens)
        internal
        pure
        returns (bytes32[] memory result)
    {
        uint256 step = p.chunkTokens;
        result = new bytes32[](RolloutLeaves.numChunks(tokens.length, step));
        for (uint256 chunk = 0; chunk < result.length; ++chunk) {
            result[chunk] = Merkle.leaf(tokenData(tokens, step * chunk, step * chunk + step));
        }
    }

    function leafHashes(LeafContext memory context, RolloutLeaf[] memory leaves)
        internal
        pure
        returns (bytes32[] memory result)
    {
        result = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            result[i] = RolloutLeaves.hash(context, leaves[i]);
        }
    }

    function preimage(LeafContext memory context, RolloutLeaf memory leaf)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(keccak256("cupel.rollout-leaf.v1"), context, leaf);
    }

    function wrongAssignment(RolloutLeaf memory leaf, bytes32[] memory proof)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(uint8(1), abi.encode(leaf, proof));
    }

    function wrongReward(RolloutLeaf memory leaf, bytes32[] memory proof, uint32[] memory tokens)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(uint8(2), abi.encode(leaf, proof, tokens));
    }

    /// @param kind 3 for a TOPLOC proof, 5 for tokens.
    function malformedChunk(
        uint8 kind,
        RolloutLeaf memory leaf,
        bytes32[] memory proof,
        uint256 chunk,
        bytes memory data,
        bytes32[] memory chunkProof
    ) internal pure returns (bytes memory) {
        return abi.encode(kind, abi.encode(leaf, proof, chunk, data, chunkProof));
    }

    function emptyLeaf(uint256 position, bytes32[] memory proof) internal pure returns (bytes memory) {
        return abi.encode(uint8(6), abi.encode(position, proof));
    }

    function repeatedProof(
        RolloutLeaf memory leaf,
        bytes32[] memory proof,
        Commitment memory other,
        RolloutLeaf memory twin,
        bytes32[] memory twinProof
    ) internal pure returns (bytes memory) {
        return abi.encode(uint8(7), abi.encode(leaf, proof, other, twin, twinProof));
    }

    function emptyChunk(
        RolloutLeaf memory leaf,
        bytes32[] memory proof,
        bool ofTokens,
        uint256 chunk,
        bytes32[] memory chunkProof
    ) internal pure returns (bytes memory) {
        return abi.encode(uint8(8), abi.encode(leaf, proof, ofTokens, chunk, chunkProof));
    }

    function malformedLeaf(uint32 position, bytes memory data, bytes32[] memory proof)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(uint8(4), abi.encode(position, data, proof));
    }
}
