// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

contract ClaimTest is Base {
    Commitment internal c;

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
    }

    function three() internal returns (Commitment[] memory batch) {
        batch = new Commitment[](3);
        batch[0] = c;
        batch[1] = commitTo(NODE, 2, 3);
        batch[2] = commitTo(NODE, 4, 1);
        vm.warp(batch[2].time + WINDOW);
    }

    function test_paysTheUnits() public {
        vm.warp(c.time + WINDOW);
        vm.expectEmit(address(hub));
        emit Claimed(task, NODE, 5, 5 * RATE, PAYOUT, 1);
        vm.prank(STRANGER);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 5 * RATE, "pay");
        assertEq(cursor(NODE), 1, "cursor");
        assertEq(member(NODE).unitsReserved, QUOTA - 5, "reserved units");
        assertEq(hub.taskOf(task).units, UNITS - 5, "units");
        assertEq(hub.taskOf(task).reserved, QUOTA - 5, "reserve");
        assertTotals(BOUNTY - 5 * RATE, STAKE, 0, 5 * RATE);
    }

    function test_whenFinal() public {
        vm.warp(c.time + WINDOW - 1);
        expect(IHubErrors.Hub_TooEarly.selector, c.time + WINDOW);
        claim(NODE, c);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
    }

    function test_severalAtOnce() public {
        hub.claim(params(), NODE, three());
        assertEq(credit(PAYOUT), 9 * RATE, "pay");
        assertEq(cursor(NODE), 3, "cursor");
    }

    function test_onlyOnce() public {
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        expect(IHubErrors.Hub_NothingToClaim.selector, 1);
        claim(NODE, c);
        expect(IHubErrors.Hub_NothingToClaim.selector, 1);
        hub.claim(params(), NODE, new Commitment[](0));
    }

    /// @dev Someone who claims the first of a batch before its owner does cannot spoil the rest.
    function test_whatIsPaidIsSkipped() public {
        Commitment[] memory batch = three();
        claim(NODE, batch[0]);
        hub.claim(params(), NODE, batch);
        assertEq(credit(PAYOUT), 9 * RATE, "pay");
    }

    function test_inOrderWithoutGaps() public {
        Commitment[] memory batch = three();
        expect(IHubErrors.Hub_SequenceGap.selector, 1, 0);
        claim(NODE, batch[1]);
        batch[1] = batch[2];
        expect(IHubErrors.Hub_SequenceGap.selector, 2, 1);
        hub.claim(params(), NODE, batch);
    }

    function test_noCommitmentTwiceInABatch() public {
        Commitment[] memory batch = three();
        batch[1] = batch[0];
        batch[2] = batch[0];
        hub.claim(params(), NODE, batch);
        assertEq(credit(PAYOUT), 5 * RATE, "once");
    }

    function test_onlyWhatWasCommitted() public {
        vm.warp(c.time + WINDOW);
        c.units = 6;
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 0);
        claim(NODE, c);
        c.units = 5;
        claim(NODE, c);
        c.sequence = 1;
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 1);
        claim(NODE, c);
    }

    function test_notPastAPendingChallenge() public {
        Commitment memory second = commitTo(NODE, 2, 3);
        uint256 id = challengeBy(CHALLENGER, NODE, second, IJudge.Verdict.Pending);
        vm.warp(second.time + WINDOW);
        claim(NODE, c);
        expect(IHubErrors.Hub_SequenceBlocked.selector, 1);
        claim(NODE, second);
        decide(id, false);
        claim(NODE, second);
        assertEq(credit(PAYOUT), 8 * RATE + BOND, "pay and bond");
    }

    function test_neverWhatWasSlashed() public {
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        vm.warp(c.time + WINDOW);
        expectStatus(NODE, MemberStatus.Slashed);
        claim(NODE, c);
    }

    function test_whileExiting() public {
        askExit(NODE);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 5 * RATE, "pay");
    }

    function test_onlyMembers() public {
        expectStatus(OTHER, MemberStatus.None);
        claim(OTHER, c);
    }
}
