// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees of commitments
/// @notice Leaves and nodes hash under different prefixes, so no node can pose as a leaf. The tree over n leaves has
/// the fixed depth ceil(log2 n); missing leaves on the right are 32 zero bytes, which no known leaf hashes to.
/// @dev Twin of protocol/spec/merkle.py. Arrays are `memory` because evidence arrives nested in `bytes` and has no
/// calldata form of its own.
library Merkle {
    /// @notice Hash of a leaf's data.
    function leaf(bytes memory data) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", data));
    }

    /// @notice Hash of an inner node.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"01", left, right));
    }

    /// @notice Levels above the leaves of a tree over `count` leaves.
    function depth(uint256 count) internal pure returns (uint256 levels) {
        for (uint256 rest = count == 0 ? 0 : count - 1; rest != 0; rest >>= 1) {
            ++levels;
        }
    }

    /// @notice Whether a tree over `count` leaves has a leaf `index`, `levels` below its root.
    function isPlace(uint256 index, uint256 levels, uint256 count) internal pure returns (bool) {
        return index < count && levels == depth(count);
    }

    /// @notice Whether a tree over `count` leaves has padding `index` from the left, `levels` below its root.
    function isPadding(uint256 index, uint256 levels, uint256 count) internal pure returns (bool) {
        return index >= count && levels == depth(count);
    }

    /// @notice Whether `leafHash` is leaf `index` of `count` under `expectedRoot`.
    /// @param proof Siblings bottom up, exactly `depth(count)` of them.
    function verify(
        bytes32 expectedRoot,
        bytes32 leafHash,
        uint256 index,
        uint256 count,
        bytes32[] memory proof
    ) internal pure returns (bool) {
        return isPlace(index, proof.length, count) && opens(expectedRoot, leafHash, index, proof);
    }

    /// @notice Whether `leafHash` lies `proof.length` levels below `expectedRoot`, `index` from the left, however many
    /// leaves the tree claims to have: shows a leaf where a well-formed tree has none.
    function opens(bytes32 expectedRoot, bytes32 leafHash, uint256 index, bytes32[] memory proof)
        internal
        pure
        returns (bool)
    {
        // Bits above the proof's height would steer nothing and so give one leaf many indices.
        if (index >> proof.length != 0) return false;
        bytes32 hash = leafHash;
        for (uint256 height = 0; height < proof.length; ++height) {
            bool isRight = (index >> height) & 1 == 1;
            hash = isRight ? node(proof[height], hash) : node(hash, proof[height]);
        }
        return hash == expectedRoot;
    }

    /// @notice Root over `leaves`, at least one. Overwrites the array.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 width = leaves.length;
        bytes32 empty = bytes32(0);
        for (uint256 levels = depth(width); levels != 0; --levels) {
            // An odd level is completed by the root of an empty subtree of its height.
            for (uint256 i = 0; i < width; i += 2) {
                leaves[i / 2] = node(leaves[i], i + 1 < width ? leaves[i + 1] : empty);
            }
            width = (width + 1) / 2;
            empty = node(empty, empty);
        }
        return leaves[0];
    }
}
