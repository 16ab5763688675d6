// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract ExpireTest is Base {
    Commitment internal c;
    uint256 internal id;
    uint256 internal deadline;

    /// @dev A dispute shorter than the window, so that a commitment can be void and still be accused.
    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.disputeSeconds = 50;
    }

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        deadline = c.time + 50;
    }

    function expireNow() internal {
        vm.warp(deadline);
        vm.prank(STRANGER);
        expire(id);
    }

    function test_fromTheDeadlineOn() public {
        vm.warp(deadline - 1);
        expect(IHubErrors.Hub_TooEarly.selector, deadline);
        expire(id);
        vm.warp(deadline);
        vm.expectEmit(address(hub));
        emit Expired(id, task, NODE, 0, BOND, uint40(deadline));
        expire(id);
        assertChallenge(id, ChallengeStatus.Expired);
        assertEq(credit(CHALLENGER), BOND, "bond back");
        assertEq(member(NODE).voided, 1, "void");
        assertEq(blockedFrom(NODE), 1, "not blocked");
        assertStatus(NODE, MemberStatus.Active);
        assertTotals(BOUNTY, STAKE, 0, BOND);
    }

    function test_anyTimeLater() public {
        vm.warp(deadline + 1);
        expire(id);
        assertChallenge(id, ChallengeStatus.Expired);
    }

    function test_ofASlashedNodeAtOnce() public {
        challengeBy(STRANGER, NODE, c, IJudge.Verdict.Guilty);
        vm.expectEmit(address(hub));
        emit Mooted(id, BOND, c.time);
        expire(id);
        assertChallenge(id, ChallengeStatus.Moot);
        assertEq(credit(CHALLENGER), BOND, "bond back");
        assertEq(credit(STRANGER), 11 * BOND, "reward");
        assertTotals(BOUNTY, 0, 0, STAKE + 2 * BOND);
    }

    function test_onlyOnce() public {
        expireNow();
        expectNotPending(id, ChallengeStatus.Expired);
        expire(id);
        expectNotPending(id, ChallengeStatus.Expired);
        decide(id, true);
    }

    function test_onlyOfChallengesLeftOpen() public {
        Challenge memory other;
        expectNotPending(idOf(other), ChallengeStatus.None);
        hub.expire(other);
        uint256 answered = challengeBy(STRANGER, NODE, c, IJudge.Verdict.NotGuilty);
        vm.warp(deadline);
        expectNotPending(answered, ChallengeStatus.None);
        expire(answered);
    }

    function test_voidWorkIsPassedUnpaid() public {
        Commitment[] memory batch = new Commitment[](2);
        batch[0] = c;
        batch[1] = commitTo(NODE, 2, 3);
        expire(id);
        vm.warp(batch[1].time + WINDOW);
        hub.claim(params(), NODE, batch);
        assertEq(credit(PAYOUT), 3 * RATE, "only the second");
        assertEq(cursor(NODE), 2, "cursor");
        assertEq(member(NODE).voided, 0, "mark is gone with it");
        assertEq(member(NODE).unitsReserved, QUOTA - 3, "void units stay reserved until exit");
    }

    function test_voidWorkIsFinalNoEarlier() public {
        expireNow();
        vm.warp(c.time + WINDOW - 1);
        expect(IHubErrors.Hub_TooEarly.selector, c.time + WINDOW);
        claim(NODE, c);
    }

    /// @dev A cheater cannot void its commitment with a silent judge and so escape a proof.
    function test_voidWorkIsStillAccused() public {
        expireNow();
        challengeBy(STRANGER, NODE, c, IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
    }

    function test_voidTwiceIsVoid() public {
        uint256 second = challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        expireNow();
        assertEq(blockedFrom(NODE), 0, "the second still blocks");
        expire(second);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 0, "unpaid");
        assertEq(cursor(NODE), 1, "passed");
    }

    function test_voidStaysVoidAfterAnAcquittal() public {
        expireNow();
        uint256 second = challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        decide(second, false);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(credit(PAYOUT), BOND, "the bond, no pay");
    }

    /// @dev The mark goes with the commitment, not with the ring slot.
    function test_slotIsCleanForTheNextLap() public {
        expireNow();
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(member(NODE).voided | member(NODE).challenged, 0, "marks");
    }
}
