// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "contracts/libraries/Merkle.sol";

/// @title A leaf's place in a tree
/// @dev Keccak-256 is taken to have no collisions.
contract MerkleProof {
    /// @dev Up to 2^32 - 1 leaves: the depth is the least that has room for them, so there is one proof length.
    function check_DepthIsTheLeastWithRoom(uint32 count) external pure {
        uint256 levels = Merkle.depth(count);
        assert(levels <= 32);
        assert(uint256(1) << levels >= count);
        assert(levels == 0 || uint256(1) << (levels - 1) < count);
    }

    /// @dev A place is an index below the count, at one depth.
    function check_APlaceHasOneDepth(uint256 index, uint256 levels, uint256 other, uint32 count)
        external
        pure
    {
        if (!Merkle.isPlace(index, levels, count)) return;
        assert(index < count && index >> levels == 0);
        assert(other == levels || !Merkle.isPlace(index, other, count));
    }

    /// @dev One root, one index, one leaf: with whatever siblings.
    function check_AnIndexOpensOneLeaf(
        bytes32 root,
        bytes32 leaf,
        bytes32 another,
        uint256 index,
        bytes32[] memory proof,
        bytes32[] memory anotherProof
    ) external pure {
        if (proof.length != anotherProof.length) return;
        if (!Merkle.opens(root, leaf, index, proof) || !Merkle.opens(root, another, index, anotherProof)) {
            return;
        }
        assert(leaf == another);
    }

    /// @dev No index beyond the width of its level opens anything: none has a second name.
    function check_AnIndexHasOneName(bytes32 root, bytes32 leaf, uint256 index, bytes32[] memory proof)
        external
        pure
    {
        if (Merkle.opens(root, leaf, index, proof)) assert(index < uint256(1) << proof.length);
    }

    /// @dev A node's hash is never a leaf's: no proof can stop short, or go on below a leaf.
    function check_ANodeIsNoLeaf(bytes32 left, bytes32 right, bytes memory data) external pure {
        assert(Merkle.node(left, right) != Merkle.leaf(data));
    }
}
