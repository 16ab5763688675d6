// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The assembly of RefereeMath in plain Solidity
library ReadableRefereeMath {
    /// @notice Twin of RefereeMath.partialDot.
    function partialDot(bytes calldata values, bytes calldata factors) internal pure returns (int256 sum) {
        for (uint256 i = 0; 5 * i < values.length; ++i) {
            int40 value = int40(uint40(bytes5(values[5 * i:5 * i + 5])));
            int32 factor = int32(uint32(bytes4(factors[4 * i:4 * i + 4])));
            sum += int256(value) * int256(factor);
        }
    }

    /// @notice Twin of RefereeMath.moments.
    function moments(bytes calldata values, int256 average)
        internal
        pure
        returns (int256 greatest, int256 sum, uint256 squares)
    {
        greatest = type(int256).min;
        for (uint256 i = 0; 5 * i < values.length; ++i) {
            int256 value = int40(uint40(bytes5(values[5 * i:5 * i + 5])));
            if (value > greatest) greatest = value;
            sum += value;
            squares += uint256((value - average) ** 2);
        }
    }
}
