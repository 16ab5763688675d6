// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Work} from "../../utils/Work.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";

contract SortingRewardTest is Checks {
    SortingReward internal rule;

    function setUp() public {
        rule = new SortingReward();
    }

    function testFuzz_TheRightAnswerEarnsAll(uint32 problem) external view {
        assertEq(rule.reward(problem, Work.answer(problem)), 1_000_000);
    }

    function testFuzz_AnyOtherTokenEarnsNothing(uint32 problem, uint8 place, uint32 token) external view {
        uint32[] memory tokens = Work.answer(problem);
        if (place % 2 == 0) token %= 64;
        vm.assume(tokens[place % 9] != token);
        tokens[place % 9] = token;
        assertEq(rule.reward(problem, tokens), 0);
    }

    function testFuzz_AnyOtherOrderEarnsNothing(uint32 problem, uint8 first, uint8 second) external view {
        uint32[] memory tokens = Work.answer(problem);
        vm.assume(tokens[first % 9] != tokens[second % 9]);
        (tokens[first % 9], tokens[second % 9]) = (tokens[second % 9], tokens[first % 9]);
        assertEq(rule.reward(problem, tokens), 0);
    }

    function testFuzz_RandomTokensNeverRevert(uint32 problem, uint32[] memory tokens) external view {
        if (keccak256(abi.encode(tokens)) == keccak256(abi.encode(Work.answer(problem)))) return;
        assertEq(rule.reward(problem, tokens), 0);
    }

    function test_AnotherLengthEarnsNothing() external view {
        uint32[] memory answer = Work.answer(0);
        assertEq(rule.reward(0, resized(answer, 8)), 0);
        assertEq(rule.reward(0, resized(answer, 10)), 0);
        assertEq(rule.reward(0, new uint32[](0)), 0);
        assertEq(rule.reward(0, resized(answer, 9)), 1_000_000);
    }

    function resized(uint32[] memory tokens, uint256 length) private pure returns (uint32[] memory result) {
        result = new uint32[](length);
        for (uint256 i = 0; i < length && i < tokens.length; ++i) {
            result[i] = tokens[i];
        }
    }
}
