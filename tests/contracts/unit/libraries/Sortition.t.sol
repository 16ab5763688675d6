// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Sortition} from "contracts/libraries/Sortition.sol";

contract SortitionTest is Checks {
    function testFuzz_DrawsDifferentNumbersBelowThePopulation(bytes32 seed, uint256 population, uint256 count)
        external
        pure
    {
        population = bound(population, 1, 200);
        count = bound(count, 0, population < 31 ? population : 31);
        uint256[] memory drawn = draw(seed, population, count);
        assertEq(drawn.length, count);
        uint256 seen = 0;
        for (uint256 i = 0; i < count; ++i) {
            assertTrue(drawn[i] < population);
            assertEq((seen >> drawn[i]) & 1, 0);
            seen |= 1 << drawn[i];
        }
    }

    function test_TheWholePopulationCanBeDrawn() external pure {
        uint256[] memory drawn = draw(keccak256("seed"), 31, 31);
        uint256 seen = 0;
        for (uint256 i = 0; i < 31; ++i) {
            seen |= 1 << drawn[i];
        }
        assertEq(seen, (1 << 31) - 1);
    }

    function test_EveryMemberIsDrawnAboutEquallyOften() external pure {
        uint256[7] memory times;
        for (uint256 seed = 0; seed < 700; ++seed) {
            uint256[] memory drawn = draw(keccak256(abi.encode(seed)), 7, 3);
            for (uint256 i = 0; i < 3; ++i) {
                ++times[drawn[i]];
            }
        }
        // Each is expected 300 times with a standard deviation of 13.
        for (uint256 i = 0; i < 7; ++i) {
            assertTrue(times[i] > 235 && times[i] < 365);
        }
    }

    /// @dev All 6 * 5 * 4 sequences of ranks: each ordered sample of three comes out once, so uniform ranks give a
    /// uniform sample without replacement.
    function test_EverySampleComesFromOneSequenceOfRanks() external pure {
        bool[216] memory seen;
        uint256[] memory taken = new uint256[](3);
        for (uint256 first = 0; first < 6; ++first) {
            for (uint256 second = 0; second < 5; ++second) {
                for (uint256 third = 0; third < 4; ++third) {
                    uint256 a = Sortition.take(taken, 0, first);
                    uint256 b = Sortition.take(taken, 1, second);
                    uint256 c = Sortition.take(taken, 2, third);
                    assertTrue(a < 6 && b < 6 && c < 6 && a != b && b != c && c != a);
                    uint256 sample = 36 * a + 6 * b + c;
                    assertFalse(seen[sample]);
                    seen[sample] = true;
                }
            }
        }
    }

    /// @dev The readable twin: a list of what is left, from which the member of a rank is taken out.
    function testFuzz_TheNumberOfARankIsThatOfTheListOfWhatIsLeft(uint256[10] memory ranks, uint8 size)
        external
        pure
    {
        uint256 population = bound(size, 10, 60);
        uint256[] memory left = new uint256[](population);
        for (uint256 i = 0; i < population; ++i) {
            left[i] = i;
        }
        uint256[] memory taken = new uint256[](10);
        for (uint256 i = 0; i < 10; ++i) {
            uint256 rank = ranks[i] % (population - i);
            assertEq(Sortition.take(taken, i, rank), left[rank]);
            for (uint256 k = rank; k + 1 < population - i; ++k) {
                left[k] = left[k + 1];
            }
            for (uint256 k = 0; k < i; ++k) {
                assertTrue(taken[k] < taken[k + 1]);
            }
        }
    }

    function draw(bytes32 seed, uint256 population, uint256 count)
        private
        pure
        returns (uint256[] memory drawn)
    {
        drawn = new uint256[](count);
        uint256[] memory taken = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            drawn[i] = Sortition.next(seed, population, taken, i);
        }
    }
}
