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
    // An activation's units in a weight's.
    uint256 private constant WIDENING_BITS = 4;
    uint256 private constant WEIGHT_BITS = 20;
    uint256 private constant ACTIVATION_BITS = 24;
    uint256 private constant VALUE_BYTES = 5;
    uint256 private constant FACTOR_BYTES = 4;
    // Of bfloat16, of a number's bit length in units of 2^-24, its leading bit not taken out.
    uint256 private constant EXPONENT_BIAS = 101;

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

    /// @notice The sum of a row over its length, half up.
    /// @param count From 1 to 2^31.
    function mean(int256 sum, uint256 count) internal pure returns (int256) {
        int256 divisor = 2 * int256(count);
        int256 dividend = 2 * sum + int256(count);
        int256 result = dividend / divisor;
        // Division here is towards zero.
        return dividend % divisor < 0 ? result - 1 : result;
    }

    /// @notice The sum of two weights as an activation.
    function embed(int256 token, int256 position) internal pure returns (int256) {
        return clamp((token + position) << WIDENING_BITS);
    }

    /// @notice The entry of a linear map or a mixture whose products sum to `sum`, in units of 2^-(24 + shift).
    function finishDot(int256 sum, uint256 shift, int256 bias) internal pure returns (int256) {
        return clamp(clamp(rounded(sum, shift)) + (bias << WIDENING_BITS));
    }

    /// @notice Saturated sum of two activations.
    function add(int256 value, int256 other) internal pure returns (int256) {
        return clamp(value + other);
    }

    /// @notice Product of two activations.
    function multiply(int256 value, int256 other) internal pure returns (int256) {
        return clamp(rounded(value * other, ACTIVATION_BITS));
    }

    /// @notice The greater of an activation and zero.
    function relu(int256 value) internal pure returns (int256) {
        return value < 0 ? int256(0) : value;
    }

    /// @notice The entry of a norm.
    /// @param average Mean of the row.
    /// @param word Inverse root of the row, `factor * 2^8 + shift`.
    function normalise(int256 value, int256 average, uint256 word, int256 scale, int256 bias)
        internal
        pure
        returns (int256)
    {
        int256 normed = clamp(rounded((value - average) * int256(word >> 8), word & 0xff));
        return clamp(rounded(normed * scale, WEIGHT_BITS) + (bias << WIDENING_BITS));
    }

    /// @notice Share of an exponential in its row's sum, in units of 2^-24.
    function divide(int256 weight, int256 sum) internal pure returns (int256) {
        return quotient(weight << ACTIVATION_BITS, sum);
    }

    /// @notice The first, or the second, entry of a pair turned by an angle.
    function rotate(int256 first, int256 second, int256 cosine, int256 sine, bool isSecond)
        internal
        pure
        returns (int256)
    {
        if (isSecond) {
            return clamp(rounded(second * cosine, ACTIVATION_BITS) + rounded(first * sine, ACTIVATION_BITS));
        }
        return clamp(rounded(first * cosine, ACTIVATION_BITS) - rounded(second * sine, ACTIVATION_BITS));
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

    /// @notice An activation as bfloat16, rounded to nearest, ties to even.
    function pattern(int256 value) internal pure returns (uint256) {
        if (value == 0) return 0;
        uint256 sign = value < 0 ? 0x8000 : 0;
        uint256 magnitude = uint256(value < 0 ? -value : value);
        uint256 length = Math.log2(magnitude) + 1;
        uint256 significand = magnitude << 8 >> length;
        uint256 rest = (magnitude << 8) - (significand << length);
        uint256 half = (1 << length) / 2;
        if (rest > half || (rest == half && significand & 1 == 1)) ++significand;
        // The leading bit, or a carry to 2^8, lands in the exponent by itself.
        return sign | (((length + EXPONENT_BIAS) << 7) + significand);
    }

    /// @notice Greatest of a row's entries, the sum of them, and that of their squared distances from `average`.
    /// @param values At least one entry, 5 bytes each, two's complement.
    /// @dev Readable twin: tests/contracts/utils/ReadableRefereeMath.sol.
    function moments(bytes calldata values, int256 average)
        internal
        pure
        returns (int256 greatest, int256 sum, uint256 squares)
    {
        assert(values.length != 0 && values.length % VALUE_BYTES == 0);
        assembly ("memory-safe") {
            let value := values.offset
            greatest := sar(216, calldataload(value))
            for { let end := add(value, values.length) } lt(value, end) { value := add(value, 5) } {
                let entry := sar(216, calldataload(value))
                if sgt(entry, greatest) { greatest := entry }
                sum := add(sum, entry)
                let distance := sub(entry, average)
                squares := add(squares, mul(distance, distance))
            }
        }
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
