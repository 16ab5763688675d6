// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pieces} from "./Pieces.sol";

/// @title Where a version's integers stand in its checkpoint, and its parent in its manifest
/// @notice A safetensors file: a header, the momentum as int64, the weights as int32, both little-endian in the order of the
/// flat vectors. Safetensors puts larger types first and tensors in the order of their names.
/// @dev Twin of protocol/spec/aggregate/files.py.
library CheckpointFile {
    uint256 private constant MOMENTUM_BYTES = 8;
    uint256 private constant WEIGHT_BYTES = 4;
    uint256 internal constant MAX_MANIFEST_BYTES = 1024;
    bytes private constant PARENT = '"parent":"';
    uint256 private constant DIGITS = 64;

    /// @notice Bytes before the first integer.
    function headerBytes(uint256 fileBytes, uint256 parameters) internal pure returns (uint256) {
        return fileBytes - (MOMENTUM_BYTES + WEIGHT_BYTES) * parameters;
    }

    /// @notice Where the momentum of a coordinate begins.
    function momentumAt(uint256 fileBytes, uint256 parameters, uint256 coordinate)
        internal
        pure
        returns (uint256)
    {
        return headerBytes(fileBytes, parameters) + MOMENTUM_BYTES * coordinate;
    }

    /// @notice Where the weight of a coordinate begins.
    function weightAt(uint256 fileBytes, uint256 parameters, uint256 coordinate)
        internal
        pure
        returns (uint256)
    {
        return momentumAt(fileBytes, parameters, parameters) + WEIGHT_BYTES * coordinate;
    }

    /// @notice What the byte at `offset` belongs to.
    /// @return isInteger False for the header.
    /// @return coordinate Of the integer.
    /// @return isWeight Whether it is a weight.
    /// @return start Where it begins.
    function locate(uint256 fileBytes, uint256 parameters, uint256 offset)
        internal
        pure
        returns (bool isInteger, uint256 coordinate, bool isWeight, uint256 start)
    {
        uint256 first = headerBytes(fileBytes, parameters);
        if (offset < first) return (false, 0, false, 0);
        uint256 weights = momentumAt(fileBytes, parameters, parameters);
        isWeight = offset >= weights;
        coordinate = isWeight ? (offset - weights) / WEIGHT_BYTES : (offset - first) / MOMENTUM_BYTES;
        start = isWeight
            ? weightAt(fileBytes, parameters, coordinate)
            : momentumAt(fileBytes, parameters, coordinate);
        return (true, coordinate, isWeight, start);
    }

    /// @notice Bytes of a weight or of a momentum.
    function size(bool isWeight) internal pure returns (uint256) {
        return isWeight ? WEIGHT_BYTES : MOMENTUM_BYTES;
    }

    /// @notice Whether a manifest names this parent at `start`, where its digits begin.
    function namesParent(bytes calldata manifest, uint256 start, bytes32 digest)
        internal
        pure
        returns (bool)
    {
        if (start < Pieces.HEAD_BYTES + PARENT.length || start + DIGITS > manifest.length) {
            return false;
        }
        if (keccak256(manifest[start - PARENT.length:start]) != keccak256(PARENT)) return false;
        for (uint256 i = 0; i < DIGITS; ++i) {
            uint256 digit = (uint256(digest) >> (252 - 4 * i)) & 0xf;
            if (uint8(manifest[start + i]) != (digit < 10 ? 0x30 + digit : 0x57 + digit)) return false;
        }
        return true;
    }
}
