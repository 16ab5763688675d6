// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeOpenings} from "contracts/libraries/RefereeOpenings.sol";
import {Tree16} from "contracts/libraries/Tree16.sol";
import {RowOpening} from "contracts/types/CanonicalGame.sol";
import {RefereeRow, RefereeShape} from "contracts/types/Referee.sol";

/// @title Trees over rows, level by level, as their owner keeps them
library Traces {
    /// @notice Leaves of a trace whose rows have this data.
    function leaves(RefereeShape memory shape, uint256 tokens, bytes[] memory rows)
        internal
        pure
        returns (bytes32[] memory hashes)
    {
        hashes = new bytes32[](rows.length);
        for (uint256 i = 0; i < rows.length; ++i) {
            RefereeRow memory row = RefereeLayout.locate(shape, tokens, i);
            uint256 size = RefereeOpenings.entryBytes(row.part);
            bytes32 ofBlocks = RefereeOpenings.rootOf(blockHashes(rows[i], size));
            hashes[i] = Tree16.row(RefereeLayout.kind(row.part), uint32(rows[i].length / size), ofBlocks);
        }
    }

    /// @notice Leaf of a row of weights.
    function weightLeaf(bytes memory row) internal pure returns (bytes32) {
        return Tree16.row(0, uint32(row.length / 4), RefereeOpenings.rootOf(blockHashes(row, 4)));
    }

    /// @notice Hashes of a row's blocks.
    function blockHashes(bytes memory row, uint256 size) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](RefereeOpenings.blockCount(row.length / size));
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = Tree16.leaf(blockOf(row, size, i));
        }
    }

    /// @notice Data of one block.
    function blockOf(bytes memory row, uint256 size, uint256 part) internal pure returns (bytes memory data) {
        data = new bytes(size * RefereeOpenings.blockLength(row.length / size, part));
        for (uint256 i = 0; i < data.length; ++i) {
            data[i] = row[part * size * RefereeOpenings.BLOCK_ENTRIES + i];
        }
    }

    /// @notice All levels of a tree, the leaves first.
    function levels(bytes32[] memory hashes) internal pure returns (bytes32[][] memory all) {
        all = new bytes32[][](Tree16.depth(hashes.length) + 1);
        all[0] = hashes;
        for (uint256 level = 1; level < all.length; ++level) {
            all[level] = new bytes32[]((all[level - 1].length + 15) / 16);
            for (uint256 i = 0; i < all[level].length; ++i) {
                all[level][i] = Tree16.node(children(all, level, i));
            }
        }
    }

    /// @notice Children of node `index` at this level.
    function children(bytes32[][] memory all, uint256 level, uint256 index)
        internal
        pure
        returns (bytes32[16] memory hashes)
    {
        bytes32[] memory below = all[level - 1];
        for (uint256 i = 0; i < 16 && 16 * index + i < below.length; ++i) {
            hashes[i] = below[16 * index + i];
        }
    }

    /// @notice What shows a row of a tree.
    function opening(bytes32[][] memory all, uint256 index, bytes memory data)
        internal
        pure
        returns (RowOpening memory shown)
    {
        shown.data = data;
        shown.nodes = new bytes32[16][](all.length - 1);
        for (uint256 level = 1; level < all.length; ++level) {
            shown.nodes[level - 1] = children(all, level, index / 16 ** level);
        }
    }

    /// @notice Root of a tree.
    function root(bytes32[][] memory all) internal pure returns (bytes32) {
        return all[all.length - 1][0];
    }
}
