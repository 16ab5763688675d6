// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The referee's 16-ary trees
/// @notice A leaf is keccak-256 of a byte 0 and its data, a node of a byte 1 and its 16 children; missing children are
/// zero. The depth is the least that fits the count, so a root and a count fix every place.
/// @dev Twin of protocol/spec/referee/tree.py.
library Tree16 {
    /// @notice Hash of a leaf's data.
    function leaf(bytes memory data) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", data));
    }

    /// @notice Hash of an inner node.
    function node(bytes32[16] memory children) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"01", abi.encode(children)));
    }

    /// @notice The trace's leaf of a row.
    /// @param kind Number of the operator that made it.
    /// @param length Its entries.
    /// @param root Of the tree over its blocks.
    function row(uint8 kind, uint32 length, bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"00", kind, length, root));
    }

    /// @notice Levels above the leaves of a tree over `count` leaves.
    function depth(uint256 count) internal pure returns (uint256 levels) {
        for (uint256 rest = count == 0 ? 0 : count - 1; rest != 0; rest >>= 4) {
            ++levels;
        }
    }

    /// @notice Whether `hash` is leaf `index` of `count` under `expectedRoot`.
    /// @param nodes The children of every node above it, bottom up.
    function verify(
        bytes32 expectedRoot,
        bytes32 hash,
        uint256 index,
        uint256 count,
        bytes32[16][] memory nodes
    ) internal pure returns (bool) {
        if (index >= count || nodes.length != depth(count)) return false;
        for (uint256 height = 0; height < nodes.length; ++height) {
            if (nodes[height][index % 16] != hash) return false;
            hash = node(nodes[height]);
            index /= 16;
        }
        return hash == expectedRoot;
    }
}
