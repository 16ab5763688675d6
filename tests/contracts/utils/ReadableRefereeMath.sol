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
}
