// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Integers in files: little-endian, two's complement
library Bytes8 {
    /// @notice The number in 8 bytes.
    function littleEndian(uint64 number) internal pure returns (bytes8) {
        uint64 turned = 0;
        for (uint256 i = 0; i < 8; ++i) {
            turned = (turned << 8) | ((number >> uint64(8 * i)) & 0xff);
        }
        return bytes8(turned);
    }

    /// @notice The signed integer in `data` from `start` on, of 4 or 8 bytes.
    function read(bytes calldata data, uint256 start, uint256 size) internal pure returns (int256) {
        uint64 number = 0;
        for (uint256 i = size; i != 0; --i) {
            number = (number << 8) | uint8(data[start + i - 1]);
        }
        return size == 4 ? int256(int32(uint32(number))) : int256(int64(number));
    }
}
