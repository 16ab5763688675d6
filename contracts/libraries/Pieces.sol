// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "./Merkle.sol";

/// @title Files cut into pieces that fit a transaction
/// @notice A manifest begins with 40 bytes about its file (a submission's update, a version's checkpoint): the Merkle root
/// over the file's pieces, and its length in bytes, big-endian. Pieces have 2048 bytes, the last what is left. A leaf
/// hash is the SHA-256 of a piece, so no node, which is a keccak-256, can pose as one. The rest of a manifest means nothing
/// here.
/// @dev Twin of protocol/spec/pieces.py.
library Pieces {
    uint256 internal constant PIECE_BYTES = 2048;
    uint256 internal constant HEAD_BYTES = 40;
    /// @notice No file has more: 8 TiB.
    uint256 internal constant MAX_PIECES = 1 << 32;

    /// @notice Whether a manifest has a head, and of a file that there can be.
    function hasHead(bytes calldata manifest) internal pure returns (bool) {
        return manifest.length >= HEAD_BYTES && count(manifest) <= MAX_PIECES;
    }

    /// @notice Pieces of the file of a manifest with a head.
    function count(bytes calldata manifest) internal pure returns (uint256) {
        return (length(manifest) + PIECE_BYTES - 1) / PIECE_BYTES;
    }

    /// @notice Whether `piece` is piece `index` of the file of a manifest with a head.
    /// @param proof Siblings bottom up, exactly `Merkle.depth(count(manifest))` of them.
    function verify(bytes calldata manifest, uint256 index, bytes memory piece, bytes32[] memory proof)
        internal
        pure
        returns (bool)
    {
        return opens(bytes32(manifest[:32]), length(manifest), index, piece, proof);
    }

    /// @notice Whether `piece` is piece `index` of a file of `fileBytes` bytes with this root over its pieces.
    function opens(bytes32 root, uint256 fileBytes, uint256 index, bytes memory piece, bytes32[] memory proof)
        internal
        pure
        returns (bool)
    {
        uint256 pieces = (fileBytes + PIECE_BYTES - 1) / PIECE_BYTES;
        return index < pieces && piece.length == pieceLength(fileBytes, index)
            && Merkle.verify(root, sha256(piece), index, pieces, proof);
    }

    /// @notice Bytes of a piece that a file of `fileBytes` bytes has.
    function pieceLength(uint256 fileBytes, uint256 index) internal pure returns (uint256) {
        uint256 rest = fileBytes - index * PIECE_BYTES;
        return rest < PIECE_BYTES ? rest : PIECE_BYTES;
    }

    /// @notice Bytes of the file of a manifest with a head.
    function length(bytes calldata manifest) internal pure returns (uint256) {
        return uint64(bytes8(manifest[32:HEAD_BYTES]));
    }
}
