// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

contract ExitTest is Base {
    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
    }

    function test_requestStopsTheWork() public {
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        vm.expectEmit(address(hub));
        emit ExitRequested(task, NODE, uint40(block.timestamp));
        askExit(NODE);
        assertEq(member(NODE).exitAt, block.timestamp, "exitAt");

        expectStatus(NODE, MemberStatus.Exiting);
        vm.prank(NODE);
        hub.commit(task, beacon(), 0, 1, 0, 0, 1);
        expectStatus(NODE, MemberStatus.Exiting);
        vm.prank(NODE);
        hub.postCheckpoint(task, 1, 0);
        expectStatus(NODE, MemberStatus.Exiting);
        askExit(NODE);
    }

    function test_requestOnlyByTheOwner() public {
        expect(IHubErrors.Hub_NotOwner.selector, uint160(NODE), uint160(OWNER));
        vm.prank(NODE);
        hub.requestExit(task, NODE);
    }

    function test_requestOnlyOfMembers() public {
        expectStatus(OTHER, MemberStatus.None);
        askExit(OTHER);
    }

    function test_afterTheWaitAnyoneMayFinish() public {
        askExit(NODE);
        uint256 opens = NOW + SETTLING;
        vm.warp(opens - 1);
        expect(IHubErrors.Hub_TooEarly.selector, opens);
        hub.exit(params(), NODE);

        vm.warp(opens);
        vm.expectEmit(address(hub));
        emit Exited(task, NODE, OWNER, STAKE, QUOTA, uint40(opens));
        vm.prank(STRANGER);
        hub.exit(params(), NODE);
        assertEq(credit(OWNER), STAKE, "stake to the owner");
        assertEq(member(NODE).unitsReserved, 0, "units");
        assertEq(hub.taskOf(task).reserved, 0, "reserve");
        assertStatus(NODE, MemberStatus.Exited);
        assertTotals(BOUNTY, 0, 0, STAKE);
    }

    function test_anyTimeAfterTheWait() public {
        askExit(NODE);
        vm.warp(NOW + SETTLING + 1);
        hub.exit(params(), NODE);
        assertStatus(NODE, MemberStatus.Exited);
    }

    function test_withoutRequestAfterTheTask() public {
        uint256 opens = END + SETTLING;
        vm.warp(opens - 1);
        expect(IHubErrors.Hub_TooEarly.selector, opens);
        hub.exit(params(), NODE);
        for (uint256 late = 0; late < 2; ++late) {
            uint256 before = vm.snapshotState();
            vm.warp(opens + late);
            hub.exit(params(), NODE);
            assertStatus(NODE, MemberStatus.Exited);
            vm.revertToState(before);
        }
    }

    /// @dev A second before the end a request still brings the exit forward; from the end on it changes nothing.
    function test_requestAroundTheEnd() public {
        for (uint256 i = 0; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            vm.warp(END - 1 + i);
            askExit(NODE);
            uint256 opens = (i == 0 ? END - 1 : END) + SETTLING;
            vm.warp(opens - 1);
            expect(IHubErrors.Hub_TooEarly.selector, opens);
            hub.exit(params(), NODE);
            vm.warp(opens);
            hub.exit(params(), NODE);
            vm.revertToState(before);
        }
    }

    function test_onlyOfMembers() public {
        vm.warp(END + SETTLING);
        expectStatus(OTHER, MemberStatus.None);
        hub.exit(params(), OTHER);
    }

    function test_notBeforeEverythingIsClaimed() public {
        Commitment memory c = commitTo(NODE, 0, 3);
        askExit(NODE);
        vm.warp(block.timestamp + SETTLING + 1);
        expect(IHubErrors.Hub_CommitmentsUnpaid.selector, 0, 1);
        hub.exit(params(), NODE);
        claim(NODE, c);
        hub.exit(params(), NODE);
        assertEq(hub.taskOf(task).units, UNITS - 3, "units");
        assertEq(hub.taskOf(task).reserved, 0, "reserve");
    }

    /// @dev The last commitment, challenged in the last second, with a judge that stays silent: still no way out early.
    function test_notWhileAChallengeIsPending() public {
        Commitment memory c = commitTo(NODE, 0, 3);
        askExit(NODE);
        vm.warp(c.time + WINDOW - 1);
        uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        vm.warp(c.time + SETTLING);
        expect(IHubErrors.Hub_CommitmentsUnpaid.selector, 0, 1);
        hub.exit(params(), NODE);
        expect(IHubErrors.Hub_SequenceBlocked.selector, 0);
        claim(NODE, c);
        expire(id);
        claim(NODE, c);
        hub.exit(params(), NODE);
        assertEq(credit(OWNER), STAKE, "stake");
        assertEq(credit(PAYOUT), 0, "void work earns nothing");
    }

    function test_slashableUntilOut() public {
        Commitment memory c = commitTo(NODE, 0, 3);
        askExit(NODE);
        vm.warp(c.time + WINDOW - 1);
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
        vm.warp(END + SETTLING);
        expectStatus(NODE, MemberStatus.Slashed);
        hub.exit(params(), NODE);
        assertEq(credit(OWNER), 0, "nothing for the owner");
    }

    function test_onlyOnceAndForGood() public {
        askExit(NODE);
        vm.warp(NOW + SETTLING);
        hub.exit(params(), NODE);
        expectStatus(NODE, MemberStatus.Exited);
        hub.exit(params(), NODE);
        expectStatus(NODE, MemberStatus.Exited);
        claim(NODE, Commitment(0, 0, 0, 0, 0, 0));
        bytes memory signature = consentOf(NODE_KEY, OWNER, PAYOUT, QUOTA);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_MemberExists.selector, task, NODE));
        vm.prank(OWNER);
        hub.join(params(), NODE, PAYOUT, QUOTA, signature);
    }
}
