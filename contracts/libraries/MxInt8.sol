// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bytes8} from "./Bytes8.sol";

/// @title Files of updates: blocks of 32 eight-bit integers that share a power of two
/// @notice A safetensors file of `exponents` int8 [blocks] and `mantissas` int8 [32 * blocks], zero padded to whole blocks.
/// @dev Twin of protocol/spec/diloco/blocks.py.
library MxInt8 {
    uint256 internal constant BLOCK = 32;
    int256 private constant MIN_EXPONENT = -32;
    int256 private constant MIN_MANTISSA = -127;

    /// @notice Blocks that hold so many coordinates.
    function blockCount(uint256 parameters) internal pure returns (uint256) {
        return (parameters + BLOCK - 1) / BLOCK;
    }

    /// @notice What every file begins with: the header's length, little-endian, and the header.
    function header(uint256 parameters) internal pure returns (bytes memory) {
        uint256 blocks = blockCount(parameters);
        bytes memory middle = _digits(blocks);
        bytes memory text = bytes.concat(
            '{"exponents":{"dtype":"I8","shape":[',
            middle,
            '],"data_offsets":[0,',
            middle,
            ']},"mantissas":{"dtype":"I8","shape":[',
            _digits(BLOCK * blocks),
            '],"data_offsets":[',
            middle,
            ",",
            _digits((BLOCK + 1) * blocks),
            "]}}"
        );
        while (text.length % 8 != 0) {
            text = bytes.concat(text, " ");
        }
        return bytes.concat(Bytes8.littleEndian(uint64(text.length)), text);
    }

    /// @notice Length of every file.
    function fileBytes(uint256 parameters) internal pure returns (uint256) {
        return header(parameters).length + (BLOCK + 1) * blockCount(parameters);
    }

    /// @notice Where the mantissa of a coordinate stands in a file.
    function mantissaAt(uint256 parameters, uint256 coordinate) internal pure returns (uint256) {
        return header(parameters).length + blockCount(parameters) + coordinate;
    }

    /// @notice Where the exponent of a coordinate's block stands in a file.
    function exponentAt(uint256 parameters, uint256 coordinate) internal pure returns (uint256) {
        return header(parameters).length + coordinate / BLOCK;
    }

    /// @notice Whether no update of `parameters` has this byte there.
    /// @param maxExponent Largest exponent, at most 0.
    function isFault(uint256 parameters, int256 maxExponent, uint256 offset, bytes1 found)
        internal
        pure
        returns (bool)
    {
        bytes memory start = header(parameters);
        if (offset < start.length) return found != start[offset];
        int256 read = int8(uint8(found));
        uint256 place = offset - start.length;
        uint256 blocks = blockCount(parameters);
        if (place < blocks) return read < MIN_EXPONENT || read > maxExponent;
        return place - blocks < parameters ? read < MIN_MANTISSA : read != 0;
    }

    /// @notice Term `index` of pairs of mantissa and exponent, in units of 2^-32. The exponent is -32 to 0.
    function value(bytes memory terms, uint256 index) internal pure returns (int256) {
        int256 mantissa = int8(uint8(terms[2 * index]));
        int256 exponent = int8(uint8(terms[2 * index + 1]));
        return mantissa << uint256(exponent - MIN_EXPONENT);
    }

    /// @notice Whether term `index` is one that an update can have.
    function isTerm(bytes memory terms, uint256 index, int256 maxExponent) internal pure returns (bool) {
        int256 exponent = int8(uint8(terms[2 * index + 1]));
        return
            int8(uint8(terms[2 * index])) >= MIN_MANTISSA && exponent >= MIN_EXPONENT
                && exponent <= maxExponent;
    }

    /// @dev A positive number in decimal.
    function _digits(uint256 number) private pure returns (bytes memory digits) {
        for (uint256 rest = number; rest != 0; rest /= 10) {
            digits = bytes.concat(bytes1(uint8(0x30 + rest % 10)), digits);
        }
    }
}
