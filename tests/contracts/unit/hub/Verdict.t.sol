// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract VerdictTest is Base {
    Commitment internal c;
    uint256 internal id;
    uint256 internal deadline;

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        deadline = c.time + DISPUTE;
    }

    function test_guilty() public {
        vm.warp(deadline - 1);
        vm.expectEmit(address(hub));
        emit Slashed(task, NODE, id, STAKE, STAKE - 10 * BOND, 10 * BOND, uint40(deadline - 1));
        vm.expectEmit(address(hub));
        emit Resolved(id, true, 11 * BOND, uint40(deadline - 1));
        decide(id, true);
        assertChallenge(id, ChallengeStatus.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
        assertEq(credit(CHALLENGER), 11 * BOND, "challenger");
        assertEq(credit(BURN), STAKE - 10 * BOND, "burned");
        assertEq(hub.taskOf(task).reserved, 0, "reserve");
        assertTotals(BOUNTY, 0, 0, STAKE + BOND);
    }

    function test_notGuilty() public {
        vm.expectEmit(address(hub));
        emit Resolved(id, false, 0, c.time);
        decide(id, false);
        assertChallenge(id, ChallengeStatus.NotGuilty);
        assertEq(credit(PAYOUT), BOND, "bond to the accused");
        assertEq(blockedFrom(NODE), 1, "not blocked");
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(credit(PAYOUT), BOND + 5 * RATE, "and its pay");
        assertTotals(BOUNTY - 5 * RATE, STAKE, 0, BOND + 5 * RATE);
    }

    function test_untilTheDeadline() public {
        vm.warp(deadline);
        expect(IHubErrors.Hub_TooLate.selector, deadline);
        decide(id, true);
        vm.warp(deadline + 1);
        expect(IHubErrors.Hub_TooLate.selector, deadline);
        decide(id, true);
        vm.warp(deadline - 1);
        decide(id, true);
    }

    function test_onlyByItsJudge() public {
        expect(IHubErrors.Hub_NotJudge.selector, uint160(CREATOR), uint160(address(judge)));
        vm.prank(CREATOR);
        hub.verdict(shown[id], IJudge.Verdict.Guilty);
    }

    function test_onlyOnce() public {
        decide(id, false);
        expectNotPending(id, ChallengeStatus.NotGuilty);
        decide(id, true);
        expectNotPending(id, ChallengeStatus.NotGuilty);
        expire(id);
    }

    function test_onlyOfChallengesLeftOpen() public {
        Challenge memory other;
        expectNotPending(idOf(other), ChallengeStatus.None);
        judge.decide(hub, other, IJudge.Verdict.Guilty);
        uint256 answered = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.NotGuilty);
        expectNotPending(answered, ChallengeStatus.None);
        decide(answered, true);
    }

    /// @dev Each field is part of the id, so a judge that shows other amounts or people shows no challenge.
    function test_onlyAsItWasRecorded() public {
        bytes memory words = abi.encode(shown[id]);
        for (uint256 i = 0; i < words.length / 32; ++i) {
            bytes memory changed = abi.encode(shown[id]);
            changed[32 * i + 31] ^= 0x01;
            Challenge memory other = abi.decode(changed, (Challenge));
            expectNotPending(uint256(keccak256(changed)), ChallengeStatus.None);
            judge.decide(hub, other, IJudge.Verdict.Guilty);
            expectNotPending(uint256(keccak256(changed)), ChallengeStatus.None);
            hub.expire(other);
        }
    }

    function test_mustBeAVerdict() public {
        expect(IHubErrors.Hub_NoVerdict.selector, id);
        decide(id, IJudge.Verdict.Pending);
    }

    function test_dismissed() public {
        vm.expectEmit(address(hub));
        emit Dismissed(id, BOND, c.time);
        decide(id, IJudge.Verdict.Dismissed);
        assertChallenge(id, ChallengeStatus.Dismissed);
        assertStatus(NODE, MemberStatus.Active);
        assertEq(credit(CHALLENGER), BOND, "bond back");
        assertEq(blockedFrom(NODE), 1, "not blocked");
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 5 * RATE, "full pay");
        assertTotals(BOUNTY - 5 * RATE, STAKE, 0, 5 * RATE + BOND);
    }

    /// @dev Two challengers, one conviction: the other gets its bond back, whatever the judge says or when.
    function test_afterASlashTheBondGoesBack() public {
        uint256 second = challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        uint256 third = challengeBy(OTHER, NODE, c, IJudge.Verdict.Pending);
        uint256 fourth = challengeBy(CREATOR, NODE, c, IJudge.Verdict.Pending);
        decide(id, true);
        assertTotals(BOUNTY, 0, 3 * BOND, STAKE + BOND);

        vm.expectEmit(address(hub));
        emit Mooted(second, BOND, c.time);
        decide(second, true);
        decide(third, false);
        expire(fourth);
        uint256[3] memory moot = [second, third, fourth];
        for (uint256 i = 0; i < moot.length; ++i) {
            assertChallenge(moot[i], ChallengeStatus.Moot);
        }
        assertEq(credit(STRANGER) + credit(OTHER) + credit(CREATOR), 3 * BOND, "bonds");
        assertEq(credit(PAYOUT), 0, "nothing for the guilty");
        assertTotals(BOUNTY, 0, 0, STAKE + 4 * BOND);
    }

    /// @dev A challenge that loses on purpose protects nobody.
    function test_anAcquittalDoesNotCoverAnotherProof() public {
        decide(id, false);
        challengeBy(STRANGER, NODE, c, IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
    }
}

/// @title With a stake that cannot be halved
contract SmallestStakeTest is Base {
    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.stake = 1;
    }

    function test_aStakeOfOneIsBurned() public {
        create();
        join(NODE_KEY, QUOTA);
        challengeBy(CHALLENGER, NODE, commitTo(NODE, 1, 1), IJudge.Verdict.Guilty);
        assertEq(credit(CHALLENGER), BOND, "challenger");
        assertEq(credit(BURN), 1, "burned");
    }
}

/// @title With ten bonds worth more than half the stake
contract BigBondTest is Base {
    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.bond = 60;
    }

    function test_halfTheStakeIsTheMostAChallengerGets() public {
        create();
        join(NODE_KEY, QUOTA);
        challengeBy(CHALLENGER, NODE, commitTo(NODE, 1, 1), IJudge.Verdict.Guilty);
        // The odd unit is burned.
        assertEq(credit(CHALLENGER), 60 + STAKE / 2, "challenger");
        assertEq(credit(BURN), STAKE / 2 + 1, "burned");
    }
}
