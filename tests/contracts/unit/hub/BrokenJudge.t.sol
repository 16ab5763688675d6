// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {BrokenJudge} from "../../mocks/ScriptedJudge.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

contract BrokenJudgeTest is Base {
    BrokenJudge internal broken;
    Commitment internal c;

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.judges[0] = Pinned(address(broken), address(broken).codehash);
    }

    function setUp() public override {
        super.setUp();
        broken = new BrokenJudge();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        fund(CHALLENGER, BOND);
    }

    function accuse(uint8 how) internal {
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(broken), abi.encodePacked(how));
    }

    /// @dev Its challenges do not exist: no bond is taken, nothing is blocked.
    function assertNothingHappened() internal view {
        assertEq(blockedFrom(NODE), 1, "not blocked");
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    function test_thatReverts() public {
        vm.expectRevert(BrokenJudge.BrokenJudge_Broken.selector);
        accuse(2);
        assertNothingHappened();
    }

    function test_thatAnswersNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadAnswer.selector, broken));
        accuse(1);
        assertNothingHappened();
    }

    function test_thatAnswersNoVerdict() public {
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadAnswer.selector, broken));
        accuse(0);
        assertNothingHappened();
    }
}
