// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "./Merkle.sol";

/// @notice Where a leaf belongs: what makes it worthless anywhere else.
struct LeafContext {
    uint256 chainId;
    address hub;
    bytes32 taskId;
    address node;
    uint32 sequence;
    uint32 round;
}

/// @notice What a node commits to of one rollout.
/// @param index Position among the round's rollouts, and in the tree.
/// @param policyDigest SHA-256 of the manifest of canonical version `policyVersion`.
/// @param numTokens Completion tokens, end token included, at least one.
/// @param tokensRoot Root over chunks of token ids, see `RolloutLeaves.tokensRoot`.
/// @param toplocRoot Root over the TOPLOC proofs, one per chunk.
/// @param reward Millionths: 1 000 000 is a full reward.
struct RolloutLeaf {
    uint32 index;
    uint32 policyVersion;
    bytes32 policyDigest;
    uint32 problem;
    bytes32 seed;
    uint32 numTokens;
    bytes32 tokensRoot;
    bytes32 toplocRoot;
    uint32 reward;
}

/// @title How a rollout becomes a leaf
/// @dev Twin of protocol/spec/rollout.py.
library RolloutLeaves {
    bytes32 internal constant LEAF = keccak256("cupel.rollout-leaf.v1");

    /// @dev Domain, six words of context, nine of the leaf.
    uint256 internal constant PREIMAGE_WORDS = 16;

    /// @notice Merkle leaf hash of a rollout in its context.
    function hash(LeafContext memory context, RolloutLeaf memory leaf) internal pure returns (bytes32) {
        // Structs of static fields encode as their fields in a row: sixteen words.
        return Merkle.leaf(abi.encode(LEAF, context, leaf));
    }

    /// @notice Whether `preimage` encodes some rollout in `context` at `position`.
    /// @dev Every leaf of an honest tree does. One that does not cannot be opened as a `RolloutLeaf` at its position,
    /// so nothing else could be shown about it.
    function isWellFormed(bytes memory preimage, LeafContext memory context, uint32 position)
        internal
        pure
        returns (bool)
    {
        if (preimage.length != 32 * PREIMAGE_WORDS) return false;
        bytes32[PREIMAGE_WORDS] memory words = abi.decode(preimage, (bytes32[16]));
        // Truncating is the check: if a word has high bits set, the hashes below differ.
        RolloutLeaf memory leaf = RolloutLeaf({
            index: position,
            policyVersion: uint32(uint256(words[8])),
            policyDigest: words[9],
            problem: uint32(uint256(words[10])),
            seed: words[11],
            numTokens: uint32(uint256(words[12])),
            tokensRoot: words[13],
            toplocRoot: words[14],
            reward: uint32(uint256(words[15]))
        });
        return hash(context, leaf) == Merkle.leaf(preimage);
    }

    /// @notice Number of chunks, hence of TOPLOC proofs, of a completion.
    function numChunks(uint256 numTokens, uint256 chunkTokens) internal pure returns (uint256) {
        return (numTokens + chunkTokens - 1) / chunkTokens;
    }

    /// @notice Merkle root over chunks of token ids, four bytes each, big-endian; the last chunk may be short.
    /// @param tokens At least one.
    function tokensRoot(uint32[] memory tokens, uint256 chunkTokens) internal pure returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](numChunks(tokens.length, chunkTokens));
        for (uint256 chunk = 0; chunk < leaves.length; ++chunk) {
            uint256 start = chunk * chunkTokens;
            uint256 rest = tokens.length - start;
            leaves[chunk] = Merkle.leaf(_pack(tokens, start, rest < chunkTokens ? rest : chunkTokens));
        }
        return Merkle.root(leaves);
    }

    /// @dev Twin in the tests: one `bytes.concat(data, bytes4(token))` per token, quadratic in memory.
    function _pack(uint32[] memory tokens, uint256 start, uint256 count)
        private
        pure
        returns (bytes memory data)
    {
        data = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 token = tokens[start + i];
            assembly ("memory-safe") {
                // The 28 bytes written past the token are zero; the next token, or nothing, goes there.
                mstore(add(add(data, 0x20), mul(4, i)), shl(224, token))
            }
        }
    }
}
