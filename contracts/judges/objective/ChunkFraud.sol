// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "../../libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../../libraries/RolloutLeaves.sol";
import {ToplocFormat} from "../../libraries/ToplocFormat.sol";
import {Commitment} from "../../types/Membership.sol";
import {TaskParams} from "../../types/Task.sol";
import {ObjectiveBase} from "./ObjectiveBase.sol";

/// @title Tokens and TOPLOC proofs that no completion has
/// @notice Under a leaf lie two trees of ceil(numTokens / chunkTokens) chunks each. A surplus chunk and one at another
/// depth open where no chunk belongs (kinds 3 and 5); a missing one is a zero where a chunk belongs (kind 8).
abstract contract ChunkFraud is ObjectiveBase {
    uint256 internal constant TOKEN_BYTES = 4;

    /// @dev Kind 3. SOUND: the tree of an honest leaf opens to data at its chunks' places only. There it holds proofs
    /// of `topk` coefficients below the field's modulus. A node commits to none whose upper half of coefficients is zero:
    /// it can see that beforehand, and no model whose states vary gives one, unless the task has `topk` 1 or 2.
    function _malformedProof(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) internal pure returns (bool) {
        (RolloutLeaf memory leaf, uint256 chunk, bytes memory data, uint256 levels) =
            _openChunk(c, context, payload, false);
        if (!_isChunk(p, leaf, chunk, levels)) return true;
        return ToplocFormat.isMalformed(data, p.topk);
    }

    /// @dev Kind 5. SOUND: as kind 3; a chunk of an honest leaf is four bytes for each of its tokens, and all chunks but
    /// the last are full.
    function _malformedTokens(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) internal pure returns (bool) {
        (RolloutLeaf memory leaf, uint256 chunk, bytes memory data, uint256 levels) =
            _openChunk(c, context, payload, true);
        if (!_isChunk(p, leaf, chunk, levels)) return true;
        uint256 rest = leaf.numTokens - chunk * p.chunkTokens;
        return data.length != TOKEN_BYTES * (rest < p.chunkTokens ? rest : p.chunkTokens);
    }

    /// @dev Kind 8. SOUND: the only zeros in an honest leaf's tree are the padding's, behind the last chunk and at the
    /// chunks' depth. A zero anywhere else would have to be the hash of a chunk or of a node.
    function _emptyChunk(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) internal pure returns (bool) {
        (
            RolloutLeaf memory leaf,
            bytes32[] memory proof,
            bool ofTokens,
            uint256 chunk,
            bytes32[] memory chunkProof
        ) = abi.decode(payload, (RolloutLeaf, bytes32[], bool, uint256, bytes32[]));
        _requireLeaf(c.root, c.units, context, leaf, proof);
        bytes32 root = ofTokens ? leaf.tokensRoot : leaf.toplocRoot;
        if (!Merkle.opens(root, bytes32(0), chunk, chunkProof)) revert ObjectiveJudge_ChunkNotProven(chunk);
        uint256 count = RolloutLeaves.numChunks(leaf.numTokens, p.chunkTokens);
        return !Merkle.isPadding(chunk, chunkProof.length, count);
    }

    /// @dev The chunk may lie anywhere under the leaf's root: where none belongs, its presence is the fault.
    function _openChunk(
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload,
        bool ofTokens
    ) private pure returns (RolloutLeaf memory leaf, uint256 chunk, bytes memory data, uint256 levels) {
        bytes32[] memory proof;
        bytes32[] memory chunkProof;
        (leaf, proof, chunk, data, chunkProof) =
            abi.decode(payload, (RolloutLeaf, bytes32[], uint256, bytes, bytes32[]));
        _requireLeaf(c.root, c.units, context, leaf, proof);
        bytes32 root = ofTokens ? leaf.tokensRoot : leaf.toplocRoot;
        if (!Merkle.opens(root, Merkle.leaf(data), chunk, chunkProof)) {
            revert ObjectiveJudge_ChunkNotProven(chunk);
        }
        levels = chunkProof.length;
    }

    function _isChunk(TaskParams calldata p, RolloutLeaf memory leaf, uint256 chunk, uint256 levels)
        private
        pure
        returns (bool)
    {
        return Merkle.isPlace(chunk, levels, RolloutLeaves.numChunks(leaf.numTokens, p.chunkTokens));
    }
}
