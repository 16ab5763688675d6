// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {HostileToken, Vice} from "../invariant/HostileToken.sol";
import {IPlanner} from "../invariant/Reentry.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Security checklist 1 and 2: tokens that misbehave, receivers that fail
contract TokensAttack is Base, IPlanner {
    HostileToken internal hostile;
    bytes[] internal calls;

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.token = address(hostile);
    }

    function use(Vice vice) internal {
        hostile = new HostileToken(vice, this);
        create();
        join(NODE_KEY, QUOTA);
    }

    /// @inheritdoc IPlanner
    function plan() external view returns (bytes[] memory) {
        return calls;
    }

    // 1. If a fee passed unnoticed, the hub would owe more than it holds, and the last to withdraw would pay for it.
    function test_1_AFeeIsRefusedAtEveryDeposit() external {
        use(Vice.FeeFromReceiver);
        Commitment memory c = commitTo(NODE, 1, 5);
        hostile.tempt(true);
        fund(CREATOR, 100);
        fund(OWNER, STAKE);
        fund(CHALLENGER, BOND);
        bytes memory consent = consentOf(OTHER_KEY, OWNER, PAYOUT, 1);

        expect(IHubErrors.Hub_TransferMismatch.selector, 10 * RATE, 10 * RATE - 1);
        vm.prank(CREATOR);
        hub.topUp(params(), 10);
        expect(IHubErrors.Hub_TransferMismatch.selector, STAKE, STAKE - 1);
        vm.prank(OWNER);
        hub.join(params(), OTHER, PAYOUT, 1, consent);
        expect(IHubErrors.Hub_TransferMismatch.selector, BOND, BOND - 1);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "");
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    // 1. A fee on the sender would let one account's withdrawal eat what belongs to another.
    function test_1_AFeeIsRefusedAtAWithdrawal() external {
        use(Vice.FeeFromSender);
        Commitment memory c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        hostile.tempt(true);
        expect(IHubErrors.Hub_TransferMismatch.selector, 5 * RATE, 5 * RATE + 1);
        hub.withdraw(address(hostile), PAYOUT);
        assertEq(credit(PAYOUT), 5 * RATE, "credit stays");
    }

    // 1. If "false", nonsense or a missing contract counted as payment, stakes, bonds and bounties would be free.
    function test_1_NothingThatDoesNotMoveCountsAsPaid() external {
        Vice[3] memory vices = [Vice.Reverts, Vice.AnswersFalse, Vice.AnswersGarbage];
        for (uint256 k = 0; k < vices.length; ++k) {
            vm.warp(NOW);
            use(vices[k]);
            fund(STRANGER, RATE);
            hostile.tempt(true);
            vm.prank(STRANGER);
            (bool paid,) = address(hub).call(abi.encodeCall(IHub.topUp, (params(), 1)));
            assertTrue(!paid, "paid with nothing");
            assertEq(hub.taskOf(task).units, UNITS, "units");
        }
        TaskParams memory p = params();
        p.token = STRANGER;
        vm.prank(CREATOR);
        (bool created,) = address(hub).call(abi.encodeCall(IHub.createTask, (p, 1)));
        assertTrue(!created, "paid with an account that has no code");
    }

    // 1. Tokens that answer nothing are common. Refusing them would lock what they hold.
    function test_1_ATokenThatAnswersNothingWorks() external {
        use(Vice.AnswersNothing);
        hostile.tempt(true);
        Commitment memory c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        hub.withdraw(address(hostile), PAYOUT);
        assertEq(hostile.balanceOf(PAYOUT), 5 * RATE, "paid");
    }

    // 1. A callback that met a half-done state could spend it: leave before its stake arrived, withdraw twice.
    function test_1_ACallbackMeetsAFinishedStateBehindAShutDoor() external {
        use(Vice.CallsBack);
        Commitment memory c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        calls.push(abi.encodeCall(IHub.withdraw, (address(hostile), PAYOUT)));
        calls.push(abi.encodeCall(IHub.exit, (params(), NODE)));
        hostile.tempt(true);
        hub.withdraw(address(hostile), PAYOUT);
        assertEq(hostile.calls(), 2, "called back");
        assertEq(hostile.breaches(), 0, "came in");
        assertEq(hostile.balanceOf(PAYOUT), 5 * RATE, "once");
    }

    // 1. A token that takes balances back would, with one pot for all, make other tasks' members pay.
    function test_1_AShrinkingTokenHarmsItsOwnTaskOnly() external {
        use(Vice.Shrinks);
        Commitment memory c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        hostile.shrink(address(hub), BOUNTY + STAKE);
        expectRefusal(abi.encodeCall(IHub.withdraw, (address(hostile), PAYOUT)));
        // The honest token's own task, with the same creator, owner and node.
        hostile = new HostileToken(Vice.None, this);
        vm.warp(NOW);
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        hub.withdraw(address(hostile), PAYOUT);
        assertEq(hostile.balanceOf(PAYOUT), 5 * RATE, "paid in full");
        assertTotals(BOUNTY - 5 * RATE, STAKE, 0, 0);
    }

    // 2. If a verdict paid out, a challenger or a burn address that cannot receive would save the cheater's stake.
    function test_2_NoFailingReceiverStopsAVerdict() external {
        use(Vice.Reverts);
        Commitment memory c = commitTo(NODE, 1, 5);
        uint256 first = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        uint256 second = challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        hostile.tempt(true);
        decide(first, true);
        assertStatus(NODE, MemberStatus.Slashed);
        expire(second);
        assertChallenge(second, ChallengeStatus.Moot);
        expectRefusal(abi.encodeCall(IHub.withdraw, (address(hostile), CHALLENGER)));
        hostile.tempt(false);
        hub.withdraw(address(hostile), CHALLENGER);
        assertEq(hostile.balanceOf(CHALLENGER), 11 * BOND, "bond and reward");
    }

    // 2. If leaving or being paid needed a transfer, one receiver's failure could hold up the next.
    function test_2_ClaimsExitsAndRefundsNeedNoTransfer() external {
        use(Vice.Reverts);
        Commitment memory c = commitTo(NODE, 1, 5);
        hostile.tempt(true);
        vm.warp(END + SETTLING);
        claim(NODE, c);
        hub.exit(params(), NODE);
        vm.prank(CREATOR);
        hub.refund(params());
        assertTotals(0, 0, 0, BOUNTY + STAKE);
    }

    function expectRefusal(bytes memory data) internal {
        (bool succeeded,) = address(hub).call(data);
        assertTrue(!succeeded, "should be refused");
    }
}
