// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Assignment} from "contracts/libraries/Assignment.sol";

contract AssignmentTest is Checks {
    bytes32 internal constant SEED = keccak256("seed");

    function test_RoundSeedBindsEveryPartOfItsContext() external view {
        address hub = address(1);
        address node = address(2);
        bytes32 taskId = keccak256("task");
        bytes32 beacon = keccak256("beacon");
        bytes32 seed = Assignment.roundSeed(hub, taskId, node, 3, beacon);
        bytes32 domain = keccak256("cupel.round-seed.v1");
        assertEq(seed, keccak256(abi.encode(domain, block.chainid, hub, taskId, node, uint256(3), beacon)));
        assertFalse(seed == Assignment.roundSeed(node, taskId, node, 3, beacon));
        assertFalse(seed == Assignment.roundSeed(hub, beacon, node, 3, beacon));
        assertFalse(seed == Assignment.roundSeed(hub, taskId, hub, 3, beacon));
        assertFalse(seed == Assignment.roundSeed(hub, taskId, node, 4, beacon));
        assertFalse(seed == Assignment.roundSeed(hub, taskId, node, 3, taskId));
    }

    function test_SampleSeedIsTheHashOfDomainSeedAndIndex() external pure {
        bytes32 expected = keccak256(abi.encode(keccak256("cupel.sample-seed.v1"), SEED, uint256(7)));
        assertEq(Assignment.sampleSeed(SEED, 7), expected);
        assertFalse(Assignment.sampleSeed(SEED, 8) == expected);
    }

    function testFuzz_ProblemsAreAPermutation(bytes32 seed, uint256 count) external pure {
        count = bound(count, 1, 40);
        uint256 seen = 0;
        for (uint256 slot = 0; slot < count; ++slot) {
            uint256 problem = Assignment.problemIndex(seed, slot, count);
            assertTrue(problem < count);
            assertEq((seen >> problem) & 1, 0);
            seen |= 1 << problem;
        }
        assertEq(seen, (1 << count) - 1);
    }

    function testFuzz_AProblemIsBelowTheCount(bytes32 seed, uint256 slot, uint32 count) external pure {
        uint256 problemCount = bound(count, 1, type(uint32).max);
        slot = bound(slot, 0, problemCount - 1);
        assertTrue(Assignment.problemIndex(seed, slot, problemCount) < problemCount);
    }

    function test_DifferentSeedsPermuteDifferently() external pure {
        uint256 equal = 0;
        for (uint256 slot = 0; slot < 32; ++slot) {
            uint256 problem = Assignment.problemIndex(SEED, slot, 1 << 20);
            if (problem == Assignment.problemIndex(keccak256("other"), slot, 1 << 20)) ++equal;
        }
        assertEq(equal, 0);
    }

    function test_RevertWhen_TheSlotIsOutOfRange() external {
        vm.expectRevert(abi.encodeWithSelector(Assignment.Assignment_SlotOutOfRange.selector, 37, 37));
        this.problemIndex(SEED, 37, 37);
    }

    function test_RevertWhen_ThereAreNoProblems() external {
        vm.expectRevert(abi.encodeWithSelector(Assignment.Assignment_SlotOutOfRange.selector, 0, 0));
        this.problemIndex(SEED, 0, 0);
    }

    function problemIndex(bytes32 seed, uint256 slot, uint256 count) external pure returns (uint256) {
        return Assignment.problemIndex(seed, slot, count);
    }
}
