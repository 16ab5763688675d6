// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RowOpening} from "../types/CanonicalGame.sol";
import {RefereePart, RefereeRow, RefereeShape} from "../types/Referee.sol";
import {Pieces} from "./Pieces.sol";
import {RefereeLayout} from "./RefereeLayout.sol";
import {Tree16} from "./Tree16.sol";

/// @title Rows shown under the roots that commit to them, and the version's root in its manifest
/// @dev Twin of protocol/spec/referee/openings.py.
library RefereeOpenings {
    uint256 internal constant BLOCK_ENTRIES = 64;
    uint256 internal constant MAX_MANIFEST_BYTES = 1024;
    uint256 private constant VALUE_BYTES = 5;
    uint256 private constant STATISTIC_BYTES = 16;
    uint256 private constant WEIGHT_BYTES = 4;
    uint8 private constant WEIGHT_KIND = 0;
    /// @dev With it a manifest's document begins; 64 digits and a quotation mark follow.
    bytes private constant PREFIX = '{"canonical_root":"';
    uint256 private constant DIGITS = 64;

    /// @notice Bytes of an entry of a row.
    function entryBytes(RefereePart part) internal pure returns (uint256) {
        return isStatistics(part) ? STATISTIC_BYTES : VALUE_BYTES;
    }

    /// @notice Whether a row's entries are sums, not activations.
    function isStatistics(RefereePart part) internal pure returns (bool) {
        return part == RefereePart.AttentionMoments || part == RefereePart.FeedMoments
            || part == RefereePart.FinalMoments || part == RefereePart.ExpSum;
    }

    /// @notice Blocks of a row.
    function blockCount(uint256 length) internal pure returns (uint256) {
        return (length + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES;
    }

    /// @notice Entries of block `part` of a row that has it.
    function blockLength(uint256 length, uint256 part) internal pure returns (uint256) {
        uint256 rest = length - part * BLOCK_ENTRIES;
        return rest < BLOCK_ENTRIES ? rest : BLOCK_ENTRIES;
    }

    /// @notice Root over 1 to 16 blocks.
    function rootOf(bytes32[] memory blocks) internal pure returns (bytes32) {
        if (blocks.length == 1) return blocks[0];
        bytes32[16] memory children;
        for (uint256 i = 0; i < blocks.length; ++i) {
            children[i] = blocks[i];
        }
        return Tree16.node(children);
    }

    /// @notice Whether the opening shows row `index` of a trace of `tokens` tokens.
    function shows(
        RowOpening calldata opening,
        RefereeShape memory shape,
        uint256 tokens,
        bytes32 root,
        uint256 index
    ) internal pure returns (bool) {
        RefereeRow memory row = RefereeLayout.locate(shape, tokens, index);
        uint256 length = RefereeLayout.length(shape, row);
        if (opening.data.length != length * entryBytes(row.part)) return false;
        bytes32 leaf = _leaf(opening.data, RefereeLayout.kind(row.part), length, entryBytes(row.part));
        return Tree16.verify(root, leaf, index, RefereeLayout.rowCount(shape, tokens), opening.nodes);
    }

    /// @notice Whether the opening shows row `index`, of `length` weights, of the weights tree.
    function showsWeights(
        RowOpening calldata opening,
        RefereeShape memory shape,
        bytes32 root,
        uint256 index,
        uint256 length
    ) internal pure returns (bool) {
        if (opening.data.length != length * WEIGHT_BYTES) return false;
        bytes32 leaf = _leaf(opening.data, WEIGHT_KIND, length, WEIGHT_BYTES);
        return Tree16.verify(root, leaf, index, RefereeLayout.weightRowCount(shape), opening.nodes);
    }

    /// @notice The canonical root in the manifest with this SHA-256.
    function canonicalRoot(bytes calldata manifest, bytes32 digest)
        internal
        pure
        returns (bool isShown, bytes32 root)
    {
        uint256 start = Pieces.HEAD_BYTES + PREFIX.length;
        uint256 end = start + DIGITS;
        if (manifest.length <= end || manifest.length > MAX_MANIFEST_BYTES) return (false, 0);
        if (sha256(manifest) != digest || manifest[end] != '"') return (false, 0);
        if (keccak256(manifest[Pieces.HEAD_BYTES:start]) != keccak256(PREFIX)) return (false, 0);
        uint256 value = 0;
        for (uint256 i = start; i < end; ++i) {
            uint256 digit = uint8(manifest[i]);
            bool isDecimal = digit >= 0x30 && digit <= 0x39;
            if (!isDecimal && (digit < 0x61 || digit > 0x66)) return (false, 0);
            value = (value << 4) | (isDecimal ? digit - 0x30 : digit - 0x57);
        }
        return (true, bytes32(value));
    }

    /// @dev The leaf of a row with this data.
    function _leaf(bytes calldata data, uint8 kind, uint256 length, uint256 size)
        private
        pure
        returns (bytes32)
    {
        bytes32[] memory blocks = new bytes32[](blockCount(length));
        for (uint256 i = 0; i < blocks.length; ++i) {
            uint256 start = i * BLOCK_ENTRIES * size;
            blocks[i] = Tree16.leaf(data[start:start + blockLength(length, i) * size]);
        }
        return Tree16.row(kind, uint32(length), rootOf(blocks));
    }
}
