// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {OuterStep} from "contracts/libraries/OuterStep.sol";
import {AggregateInputs, AggregateRule} from "contracts/types/AggregateGame.sol";

interface AggregateEnvironmentVm {
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
}

/// @notice Drawn coordinates of the outer step give the digest that Python computed.
/// @dev Twin of protocol/testing/aggregate_vectors.py. tools/fuzz_aggregate.py gives other seeds and counts.
contract AggregateDrawsTest is VectorTest {
    int256 internal constant MOST_WEIGHT = 2 ** 24 - 1;
    uint256 internal constant MOST = 1024;
    /// @dev Cases for each call: memory is never given back within one.
    uint256 internal constant CASES = 128;

    function test_EveryCoordinateIsWhatPythonGave() external view {
        string memory file =
            AggregateEnvironmentVm(address(vm)).envOr("AGGREGATE_DRAWS", read("aggregate_draws"));
        uint256 seed = json.parseJsonUint(file, ".seed");
        uint256 count = json.parseJsonUint(file, ".count");
        assertTrue(count != 0);
        bytes32 chain = 0;
        for (uint256 first = 0; first < count; first += CASES) {
            chain = this.digest(chain, seed, first, first + CASES < count ? first + CASES : count);
        }
        assertEq(chain, json.parseJsonBytes32(file, ".digest"));
    }

    function digest(bytes32 chain, uint256 seed, uint256 first, uint256 end) external pure returns (bytes32) {
        for (uint256 number = first; number < end; ++number) {
            (int256 weight, int256 momentum) = resultOf(seed, number);
            chain = keccak256(abi.encode(chain, weight));
            chain = keccak256(abi.encode(chain, momentum));
        }
        return chain;
    }

    function testFuzz_QuotientsAreRoundedHalfToEven(int64 numerator, uint16 below) external pure {
        uint256 denominator = uint256(below) + 1;
        int256 quotient = OuterStep.divide(numerator, denominator);
        int256 twice = 2 * (int256(numerator) - quotient * int256(denominator));
        assertTrue(twice >= -int256(denominator) && twice <= int256(denominator));
        if (twice == int256(denominator) || twice == -int256(denominator)) assertTrue(quotient % 2 == 0);
    }

    function testFuzz_WeightsStayInRange(int32 drawn, int64 momentum, uint8 count) external pure {
        int256 weight = int256(drawn) % (MOST_WEIGHT + 1);
        bytes memory terms = new bytes(2 * uint256(count % 8));
        for (uint256 i = 0; i < terms.length; i += 2) {
            terms[i] = 0x7f;
        }
        AggregateInputs memory inputs = AggregateInputs(int32(weight), momentum >> 13, terms);
        (int256 next,) = OuterStep.next(AggregateRule(1, 1024, 1, 1023, 1024, 32), inputs);
        assertTrue(next <= MOST_WEIGHT && next >= -MOST_WEIGHT);
    }

    function resultOf(uint256 seed, uint256 number) private pure returns (int256, int256) {
        AggregateRule memory rule;
        rule.learningRateNumerator = uint32(1 + word(seed, number, 3) % MOST);
        rule.learningRateDenominator = uint32(1 + word(seed, number, 4) % MOST);
        rule.momentumDenominator = uint32(1 + word(seed, number, 5) % MOST);
        rule.momentumNumerator = uint32(word(seed, number, 6) % rule.momentumDenominator);
        bytes memory terms = new bytes(2 * (word(seed, number, 0) % 7));
        for (uint256 i = 0; i < terms.length / 2; ++i) {
            int256 mantissa = int256(word(seed, number, 10 + 2 * i) % 255) - 127;
            int256 exponent = int256(word(seed, number, 11 + 2 * i) % 33) - 32;
            terms[2 * i] = bytes1(uint8(int8(mantissa)));
            terms[2 * i + 1] = bytes1(uint8(int8(exponent)));
        }
        int256 weight = signed(word(seed, number, 1), 24);
        int256 momentum = signed(word(seed, number, 2), 50);
        return OuterStep.next(rule, AggregateInputs(int32(weight), int64(momentum), terms));
    }

    function word(uint256 seed, uint256 number, uint256 place) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, number, place)));
    }

    /// @dev Below 2^bits in magnitude.
    function signed(uint256 drawn, uint256 bits) private pure returns (int256) {
        uint256 magnitude = (drawn >> 16) % (1 << (drawn % 256 % (bits + 1)));
        if ((drawn >> 9) & 15 == 0) magnitude = (1 << bits) - 1;
        return (drawn >> 8) & 1 == 1 ? -int256(magnitude) : int256(magnitude);
    }
}
