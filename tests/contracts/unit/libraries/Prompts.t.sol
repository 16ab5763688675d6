// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {Prompts} from "contracts/libraries/Prompts.sol";
import {Pinned} from "contracts/types/Task.sol";

/// @notice Answers every question with the bytes it was made with.
contract Parrot {
    bytes private _said;

    constructor(bytes memory said) {
        _said = said;
    }

    fallback() external {
        bytes memory said = _said;
        assembly ("memory-safe") {
            return(add(said, 0x20), mload(said))
        }
    }
}

contract PromptsTest is Checks {
    SortingReward internal rule = new SortingReward();

    function testFuzz_TheSortingRuleTellsEveryPrompt(uint32 problem) external view {
        assertEq(Prompts.count(address(rule), problem), rule.prompt(problem).length);
    }

    function test_ThatRuleAnswersTheSameForEver() external view {
        assertTrue(Prompts.isFit(Pinned(address(rule), address(rule).codehash)));
    }

    function test_AnotherCodeOrNoneIsUnfit() external {
        assertFalse(Prompts.isFit(Pinned(address(rule), bytes32(uint256(1)))));
        assertFalse(Prompts.isFit(Pinned(address(0), bytes32(0))));
        Parrot parrot = new Parrot("");
        assertFalse(Prompts.isFit(Pinned(address(parrot), address(parrot).codehash)));
    }

    function testFuzz_AWholeListIsCounted(uint8 length) external {
        uint32[] memory tokens = new uint32[](length);
        assertEq(Prompts.count(address(new Parrot(abi.encode(tokens))), 0), length);
    }

    function testFuzz_AnythingElseCountsAsNone(bytes32 first, bytes32 second, uint8 words) external {
        vm.assume(first != bytes32(uint256(0x20)) || uint256(second) != words);
        bytes memory said = bytes.concat(first, second, new bytes(32 * uint256(words)));
        assertEq(Prompts.count(address(new Parrot(said)), 0), 0);
    }

    function test_AShortOrLongAnswerCountsAsNone() external {
        uint32[] memory tokens = new uint32[](3);
        bytes memory said = abi.encode(tokens);
        assertEq(Prompts.count(address(new Parrot(bytes.concat(said, hex"00"))), 0), 0);
        assembly ("memory-safe") {
            mstore(said, sub(mload(said), 1))
        }
        assertEq(Prompts.count(address(new Parrot(said)), 0), 0);
        assertEq(Prompts.count(address(new Parrot("")), 0), 0);
    }
}
