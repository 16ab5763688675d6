// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The referee's arithmetic, one step at a time
/// @notice Activations are integers of 40 bits in units of 2^-24, weights in units of 2^-20, functions in units of 2^-30.
/// @dev Twin of protocol/spec/referee/steps.py; docs/referee.md states ranges and errors. Inputs are within the ranges
/// stated; whoever opens them checks that.
library RefereeMath {
    int256 internal constant MAX_ACTIVATION = 2 ** 39 - 1;
    int256 internal constant FUNCTION_ONE = 2 ** 30;
    // exp(-32) is below half a unit.
    uint256 private constant MAX_EXPONENT = 32 << 24;
    // round(2^30 / ln 2).
    uint256 private constant LOG2_E = 1_549_082_005;
    uint256 private constant VALUE_BYTES = 5;
    uint256 private constant FACTOR_BYTES = 4;

    /// @notice To the range of an activation.
    function clamp(int256 value) internal pure returns (int256) {
        if (value > MAX_ACTIVATION) return MAX_ACTIVATION;
        return value < -MAX_ACTIVATION ? -MAX_ACTIVATION : value;
    }

    /// @notice value / 2^shift, half up; shift from 1 to 254.
    function rounded(int256 value, uint256 shift) internal pure returns (int256) {
        return (value + int256(1 << (shift - 1))) >> shift;
    }

    /// @notice Half up; the denominator is positive, the numerator not negative.
    function quotient(int256 numerator, int256 denominator) internal pure returns (int256) {
        return (2 * numerator + denominator) / (2 * denominator);
    }

    /// @notice exp(-distance / 2^24) in units of 2^-30.
    function exp(uint256 distance) internal pure returns (int256 result) {
        if (distance > MAX_EXPONENT) distance = MAX_EXPONENT;
        uint256 exponent = (distance * LOG2_E) >> 24;
        int256 fraction = int256(exponent & (2 ** 30 - 1));
        unchecked {
            // 2^-f by Horner's rule; every product is below 2^61.
            result = -11_619;
            result = ((result * fraction) >> 30) + 158_122;
            result = ((result * fraction) >> 30) - 1_425_708;
            result = ((result * fraction) >> 30) + 10_324_635;
            result = ((result * fraction) >> 30) - 59_596_389;
            result = ((result * fraction) >> 30) + 257_941_162;
            result = ((result * fraction) >> 30) - 744_261_114;
            result = ((result * fraction) >> 30) + 1_073_741_824;
            result >>= exponent >> 30;
        }
    }

    /// @notice x / (1 + exp(-x)) of an activation.
    function silu(int256 value) internal pure returns (int256) {
        int256 decayed = exp(uint256(value < 0 ? -value : value));
        int256 numerator = value < 0 ? decayed : FUNCTION_ONE;
        return rounded(value * quotient(numerator << 30, FUNCTION_ONE + decayed), 30);
    }

    /// @notice factor and shift with factor / 2^shift near 1 / sqrt(meanSquare), which is in units of 2^-48.
    /// @param meanSquare From 2^27 to 2^100.
    function inverseRoot(uint256 meanSquare) internal pure returns (uint256 factor, uint256 shift) {
        uint256 root = Math.sqrt(meanSquare << 32);
        uint256 length = Math.log2(root) + 1;
        factor = (1 << (length + 30)) / root;
        shift = length - 10;
    }

    /// @notice Exact sum of products.
    /// @param values Activations, 5 bytes each, two's complement.
    /// @param factors As many weights or probabilities, 4 bytes each, two's complement.
    /// @dev Readable twin: tests/contracts/utils/ReadableRefereeMath.sol.
    function partialDot(bytes calldata values, bytes calldata factors) internal pure returns (int256 sum) {
        assert(values.length % VALUE_BYTES == 0);
        assert(values.length / VALUE_BYTES * FACTOR_BYTES == factors.length);
        assembly ("memory-safe") {
            let value := values.offset
            let end := add(value, values.length)
            let factor := factors.offset
            // Eight products a turn: one word holds their eight factors.
            for {} iszero(gt(add(value, 40), end)) { value := add(value, 40) } {
                let word := calldataload(factor)
                sum := add(sum, mul(sar(216, calldataload(value)), sar(224, word)))
                sum := add(sum, mul(sar(216, calldataload(add(value, 5))), sar(224, shl(32, word))))
                sum := add(sum, mul(sar(216, calldataload(add(value, 10))), sar(224, shl(64, word))))
                sum := add(sum, mul(sar(216, calldataload(add(value, 15))), sar(224, shl(96, word))))
                sum := add(sum, mul(sar(216, calldataload(add(value, 20))), sar(224, shl(128, word))))
                sum := add(sum, mul(sar(216, calldataload(add(value, 25))), sar(224, shl(160, word))))
                sum := add(sum, mul(sar(216, calldataload(add(value, 30))), sar(224, shl(192, word))))
                sum := add(sum, mul(sar(216, calldataload(add(value, 35))), sar(224, shl(224, word))))
                factor := add(factor, 32)
            }
            for {} lt(value, end) { value := add(value, 5) } {
                sum := add(sum, mul(sar(216, calldataload(value)), sar(224, calldataload(factor))))
                factor := add(factor, 4)
            }
        }
    }
}
