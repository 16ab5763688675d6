// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees built the plain way: pad the leaves, hash every level
/// @dev Readable twin of `Merkle.root`, and the maker of proofs for the tests.
library Trees {
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = padded(leaves);
        while (level.length > 1) level = parents(level);
        return level[0];
    }

    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = padded(leaves);
        uint256 depth = 0;
        while (1 << depth < level.length) ++depth;
        siblings = new bytes32[](depth);
        for (uint256 height = 0; height < depth; ++height) {
            siblings[height] = level[(index >> height) ^ 1];
            level = parents(level);
        }
    }

    /// @notice The same for a place behind the leaves, which holds padding.
    function paddingProof(bytes32[] memory leaves, uint256 index)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        return proof(padded(leaves), index);
    }

    function padded(bytes32[] memory leaves) internal pure returns (bytes32[] memory level) {
        uint256 width = 1;
        while (width < leaves.length) width *= 2;
        level = new bytes32[](width);
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = leaves[i];
        }
    }

    function parents(bytes32[] memory level) internal pure returns (bytes32[] memory above) {
        above = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            above[i] = keccak256(abi.encodePacked(hex"01", level[2 * i], level[2 * i + 1]));
        }
    }
}
