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
        uint256[] memory drawn = Sortition.draw(seed, population, count);
        assertEq(drawn.length, count);
        uint256 seen = 0;
        for (uint256 i = 0; i < count; ++i) {
            assertTrue(drawn[i] < population);
            assertEq((seen >> drawn[i]) & 1, 0);
            seen |= 1 << drawn[i];
        }
    }

    function test_TheWholePopulationCanBeDrawn() external pure {
        uint256[] memory drawn = Sortition.draw(keccak256("seed"), 31, 31);
        uint256 seen = 0;
        for (uint256 i = 0; i < 31; ++i) {
            seen |= 1 << drawn[i];
        }
        assertEq(seen, (1 << 31) - 1);
    }

    function test_EveryMemberIsDrawnAboutEquallyOften() external pure {
        uint256[7] memory times;
        for (uint256 seed = 0; seed < 700; ++seed) {
            uint256[] memory drawn = Sortition.draw(keccak256(abi.encode(seed)), 7, 3);
            for (uint256 i = 0; i < 3; ++i) {
                ++times[drawn[i]];
            }
        }
        // Each is expected 300 times with a standard deviation of 13.
        for (uint256 i = 0; i < 7; ++i) {
            assertTrue(times[i] > 235 && times[i] < 365);
        }
    }
}
