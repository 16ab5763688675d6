// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {Hub} from "contracts/Hub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {Commitment} from "contracts/types/Membership.sol";

contract BountyTest is Base {
    uint256 internal constant OPENS = END + SETTLING;

    function setUp() public override {
        super.setUp();
        create();
        fund(STRANGER, 50 * RATE);
    }

    function topUp(uint40 units) internal {
        vm.prank(STRANGER);
        hub.topUp(params(), units);
    }

    function refund() internal {
        vm.prank(CREATOR);
        hub.refund(params());
    }

    function test_topUpByAnyone() public {
        vm.expectEmit(address(hub));
        emit BountyAdded(task, STRANGER, 50, UNITS + 50);
        topUp(50);
        assertEq(hub.taskOf(task).units, UNITS + 50, "units");
        assertTotals(BOUNTY + 50 * RATE, 0, 0, 0);
    }

    function test_topUpUntilTheEnd() public {
        vm.warp(END - 1);
        topUp(1);
        vm.warp(END);
        expect(IHubErrors.Hub_TooLate.selector, END);
        topUp(1);
        vm.warp(END + 1);
        expect(IHubErrors.Hub_TooLate.selector, END);
        topUp(1);
    }

    function test_topUpOfNothing() public {
        expect(IHubErrors.Hub_AmountZero.selector);
        topUp(0);
    }

    function test_topUpOfMoreThanCanBeCounted() public {
        uint256 most = type(uint40).max;
        expect(IHubErrors.Hub_BadUnits.selector, most + 1, most);
        topUp(type(uint40).max - UNITS + 1);
        fund(STRANGER, uint256(type(uint40).max - UNITS) * RATE);
        topUp(type(uint40).max - UNITS);
        assertEq(hub.taskOf(task).units, type(uint40).max, "units");
    }

    function test_topUpOfNoTask() public {
        hub = new Hub();
        bytes32 id = hub.taskIdOf(params());
        expect(IHubErrors.Hub_TaskUnknown.selector, uint256(id));
        topUp(1);
    }

    function test_refundFromItsTimeOn() public {
        vm.warp(OPENS - 1);
        expect(IHubErrors.Hub_TooEarly.selector, OPENS);
        refund();
        vm.warp(OPENS);
        vm.expectEmit(address(hub));
        emit Refunded(task, CREATOR, UNITS, BOUNTY);
        refund();
        assertEq(credit(CREATOR), BOUNTY, "credit");
        assertEq(hub.taskOf(task).units, 0, "units");
        assertTotals(0, 0, 0, BOUNTY);
    }

    function test_refundAnyTimeLater() public {
        vm.warp(OPENS + 1);
        refund();
        assertEq(credit(CREATOR), BOUNTY, "credit");
    }

    function test_refundOfNoTask() public {
        hub = new Hub();
        vm.warp(OPENS);
        bytes32 id = hub.taskIdOf(params());
        expect(IHubErrors.Hub_TaskUnknown.selector, uint256(id));
        refund();
    }

    function test_refundOfWhatIsReserved() public {
        join(NODE_KEY, uint32(UNITS));
        vm.warp(OPENS);
        expect(IHubErrors.Hub_NothingToRefund.selector, uint256(task));
        refund();
    }

    function test_refundLeavesTheReserve() public {
        join(NODE_KEY, QUOTA);
        Commitment memory c = commitTo(NODE, 1, 8);
        vm.warp(OPENS + 1);
        refund();
        assertEq(credit(CREATOR), BOUNTY - QUOTA * RATE, "unreserved");

        // The node is still paid, and what it did not use comes back after it left.
        claim(NODE, c);
        assertEq(credit(PAYOUT), 8 * RATE, "pay");
        hub.exit(params(), NODE);
        refund();
        assertEq(credit(CREATOR), BOUNTY - 8 * RATE, "all but the pay");
        assertTotals(0, 0, 0, BOUNTY + STAKE);
    }

    function test_refundOnlyByTheCreator() public {
        vm.warp(OPENS);
        expect(IHubErrors.Hub_NotCreator.selector, uint160(STRANGER), uint160(CREATOR));
        vm.prank(STRANGER);
        hub.refund(params());
    }
}
