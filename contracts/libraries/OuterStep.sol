// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregateInputs, AggregateRule} from "../types/AggregateGame.sol";
import {MxInt8} from "./MxInt8.sol";

/// @title One coordinate of the outer step
/// @notice SGD with Nesterov momentum on the mean of the updates, in integers: weights in units of 2^-20, momentum and
/// updates in units of 2^-32. Every quotient is rounded half to even.
/// @dev Twin of protocol/spec/diloco/outer.py, which says why nothing overflows 64 bits.
library OuterStep {
    int256 private constant MAX_WEIGHT = 2 ** 24 - 1;
    int256 private constant UNITS_OF_A_WEIGHT = 2 ** 12;

    /// @notice Weight and momentum of the next version. Without updates nothing changes.
    function next(AggregateRule memory rule, AggregateInputs memory inputs)
        internal
        pure
        returns (int256 weight, int256 momentum)
    {
        uint256 count = inputs.terms.length / 2;
        if (count == 0) return (inputs.weight, inputs.momentum);
        int256 total = 0;
        for (uint256 i = 0; i < count; ++i) {
            total += MxInt8.value(inputs.terms, i);
        }
        int256 gradient = divide(total, count);
        momentum = gradient
            + divide(
                int256(inputs.momentum) * int256(uint256(rule.momentumNumerator)), rule.momentumDenominator
            );
        int256 ahead =
            gradient + divide(momentum * int256(uint256(rule.momentumNumerator)), rule.momentumDenominator);
        int256 moves =
            divide(ahead * int256(uint256(rule.learningRateNumerator)), rule.learningRateDenominator);
        weight = inputs.weight - divide(moves, uint256(UNITS_OF_A_WEIGHT));
        if (weight > MAX_WEIGHT) weight = MAX_WEIGHT;
        if (weight < -MAX_WEIGHT) weight = -MAX_WEIGHT;
    }

    /// @notice `numerator / denominator`, rounded half to even.
    function divide(int256 numerator, uint256 denominator) internal pure returns (int256 quotient) {
        int256 divisor = int256(denominator);
        quotient = numerator / divisor;
        int256 left = numerator % divisor;
        // Solidity rounds towards zero; from here on, towards minus infinity.
        if (left < 0) (quotient, left) = (quotient - 1, left + divisor);
        if (2 * left > divisor || (2 * left == divisor && quotient % 2 != 0)) ++quotient;
    }
}
