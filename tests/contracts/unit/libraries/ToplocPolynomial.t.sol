// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {ReadableToplocVerdict} from "../../utils/ReadableToplocVerdict.sol";
import {ToplocCases} from "../../utils/ToplocCases.sol";
import {CLAIMS, POINTS, ToplocMemory} from "contracts/libraries/ToplocMemory.sol";
import {ToplocPolynomial} from "contracts/libraries/ToplocPolynomial.sol";
import {ToplocReason} from "contracts/types/Toploc.sol";

contract PolynomialBench {
    /// @notice The polynomial's value at each place, and whether it was asked for before.
    function ask(uint256[] memory coefficients, uint256[] memory places)
        external
        pure
        returns (uint256[] memory values, bool[] memory wasAsked)
    {
        bytes memory proof = ToplocCases.encoded(coefficients);
        values = new uint256[](places.length);
        wasAsked = new bool[](places.length);
        ToplocMemory.take();
        assert(ToplocPolynomial.load(proof, coefficients.length, 65_497) == ToplocReason.None);
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 place = places[i];
            uint256 answer;
            // What stands above the place does not matter.
            assembly {
                mstore(POINTS, or(shl(240, not(place)), shl(224, place)))
            }
            ToplocPolynomial.evaluate(POINTS, 1, CLAIMS);
            assembly {
                answer := shr(224, mload(CLAIMS))
            }
            values[i] = answer >> 16;
            wasAsked[i] = answer & 0xffff == 1;
        }
    }
}

contract ToplocPolynomialTest is Checks {
    using ToplocCases for ToplocCases.Random;

    uint256 internal constant FIELD = 65_497;

    PolynomialBench internal bench = new PolynomialBench();

    function testFuzz_EvaluatesAsHornersRule(bytes32 seed, bool isGreat) external view {
        ToplocCases.Random memory random = ToplocCases.Random(seed);
        uint256[] memory coefficients = new uint256[](16 + random.next(113));
        for (uint256 i = 0; i < coefficients.length; ++i) {
            coefficients[i] = isGreat ? FIELD - 1 - random.next(3) : random.next(FIELD);
        }
        if (coefficients[coefficients.length - 1] == 0) coefficients[coefficients.length - 1] = 1;
        uint256[] memory places = new uint256[](12);
        for (uint256 i = 0; i < places.length; ++i) {
            places[i] = i % 3 == 0 ? FIELD - 1 - random.next(3) : random.next(FIELD);
        }
        checkValues(coefficients, places);
    }

    /// @dev The sums that must not overflow are largest here.
    function test_GreatestCoefficientsThroughoutTheField() external view {
        uint256[] memory coefficients = new uint256[](128);
        for (uint256 i = 0; i < 128; ++i) {
            coefficients[i] = FIELD - 1;
        }
        uint256[] memory places = new uint256[](16);
        for (uint256 start = 0; start < FIELD; start += 901) {
            for (uint256 i = 0; i < places.length; ++i) {
                places[i] = (start + 53 * i) % FIELD;
            }
            checkValues(coefficients, places);
        }
    }

    function test_EachCoefficientHasItsPower() external view {
        uint256[] memory places = new uint256[](3);
        (places[0], places[1], places[2]) = (2, 3, FIELD - 2);
        for (uint256 power = 64; power < 128; ++power) {
            uint256[] memory coefficients = new uint256[](128);
            coefficients[power] = 1;
            coefficients[power - 64] = FIELD - 1;
            checkValues(coefficients, places);
        }
    }

    function test_PlacesAskedForBefore() external view {
        uint256[] memory coefficients = new uint256[](16);
        coefficients[15] = 1;
        uint256[] memory places = new uint256[](9);
        uint16[9] memory asked = [uint16(0), 255, 256, 0, 65_496, 511, 256, 65_496, 65_240];
        for (uint256 i = 0; i < 9; ++i) {
            places[i] = asked[i];
        }
        (, bool[] memory wasAsked) = bench.ask(coefficients, places);
        for (uint256 i = 0; i < 9; ++i) {
            assertTrue(wasAsked[i] == (i == 3 || i == 6 || i == 7));
        }
    }

    function checkValues(uint256[] memory coefficients, uint256[] memory places) private view {
        (uint256[] memory values,) = bench.ask(coefficients, places);
        for (uint256 i = 0; i < places.length; ++i) {
            assertEq(values[i], ReadableToplocVerdict.evaluate(coefficients, places[i]));
        }
    }
}
