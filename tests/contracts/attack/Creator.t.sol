// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title Security checklist 12: a creator that takes the work and keeps the money
contract CreatorAttack is Base {
    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
    }

    // 12. A refund before the work is paid leaves nodes with proofs of work and an empty pot.
    function test_12_TheBountyDoesNotShrinkBeforeTheEnd() external {
        Commitment memory c = commitTo(NODE, ROUNDS - 1, 8);
        uint256[4] memory times = [uint256(c.time), END - 1, END + WINDOW, END + SETTLING - 1];
        for (uint256 k = 0; k < times.length; ++k) {
            vm.warp(times[k]);
            expect(IHubErrors.Hub_TooEarly.selector, END + SETTLING);
            vm.prank(CREATOR);
            hub.refund(params());
        }
        assertEq(hub.taskOf(task).units, UNITS, "whole");
    }

    // 12. A refund of what is reserved would do the same to whoever claims late.
    function test_12_WhatIsReservedIsNeverRefunded() external {
        Commitment memory c = commitTo(NODE, 1, 8);
        vm.warp(END + SETTLING);
        vm.prank(CREATOR);
        hub.refund(params());
        assertEq(credit(CREATOR), BOUNTY - QUOTA * RATE, "what nobody reserved");
        vm.warp(END + 100 * SETTLING);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 8 * RATE, "a late claim is paid");
        hub.exit(params(), NODE);
        vm.prank(CREATOR);
        hub.refund(params());
        assertEq(credit(CREATOR) + credit(PAYOUT), BOUNTY, "and the rest is the creator's");
    }

    // 12. A creator that challenges at the end to have work voided after its refund gains nothing: the reserve stays.
    function test_12_AnOpenChallengeKeepsTheReserve() external {
        Commitment memory c = commitTo(NODE, ROUNDS - 1, 8);
        vm.warp(c.time + WINDOW - 1);
        uint256 id = challengeBy(CREATOR, NODE, c, IJudge.Verdict.Pending);
        vm.warp(shown[id].deadline - 1);
        decide(id, IJudge.Verdict.NotGuilty);
        vm.warp(END + SETTLING);
        vm.prank(CREATOR);
        hub.refund(params());
        claim(NODE, c);
        assertEq(credit(PAYOUT), 8 * RATE + BOND, "paid, and the creator's bond");
    }

    // 12. Softer terms for oneself, or harder ones for others, after nodes have joined: the terms are the task's id, so
    // other terms are another task, which nobody has joined and which holds no money.
    function test_12_ChangedTermsAreAnotherTask() external {
        Commitment memory c = commitTo(NODE, 1, 8);
        bytes32[7] memory ids;
        for (uint256 k = 0; k < 7; ++k) {
            TaskParams memory p = params();
            if (k == 0) p.rate = 1;
            if (k == 1) p.challengeWindow = 1_000_000;
            if (k == 2) p.judges[0] = Pinned(STRANGER, 0);
            if (k == 3) p.stake = 1;
            if (k == 4) p.exitMargin += 1;
            if (k == 5) p.creator = STRANGER;
            if (k == 6) p.judges[3] = p.judges[0];
            ids[k] = hub.taskIdOf(p);
            assertTrue(ids[k] != task, "another id");
            vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_TaskUnknown.selector, ids[k]));
            vm.prank(p.creator);
            hub.refund(p);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IHubErrors.Hub_MemberNotActive.selector, ids[k], NODE, MemberStatus.None
                )
            );
            vm.prank(CREATOR);
            hub.challenge(p, NODE, c, address(judge), "");
        }
    }

    // 12. A creator that is the judge finds everybody guilty who is about to be paid.
    function test_12_TheCreatorIsNotTheJudge() external {
        vm.warp(NOW);
        TaskParams memory p = params();
        p.creator = address(judge);
        expectBadParameter("judges");
        vm.prank(address(judge));
        hub.createTask(p, 1);
    }

    // 12. A judge without code could get code after nodes have joined, and one with other code is not the one named.
    function test_12_AJudgeIsCodeThatWasThere() external {
        vm.warp(NOW);
        TaskParams memory p = params();
        p.judges[0] = Pinned(STRANGER, STRANGER.codehash);
        vm.expectRevert(
            abi.encodeWithSelector(IHubErrors.Hub_CodeMismatch.selector, STRANGER, p.judges[0].codeHash, 0)
        );
        vm.prank(CREATOR);
        hub.createTask(p, 1);

        Commitment memory c = commitTo(NODE, 1, 8);
        fund(CREATOR, BOND);
        bytes32 before = address(judge).codehash;
        p = params();
        vm.etch(address(judge), hex"600260005260206000f3");
        vm.expectRevert(
            abi.encodeWithSelector(
                IHubErrors.Hub_CodeMismatch.selector, address(judge), before, address(judge).codehash
            )
        );
        vm.prank(CREATOR);
        hub.challenge(p, NODE, c, address(judge), "");
    }

    // 12. The other way round: somebody who adds to the bounty, or an accomplice of the creator who fills the quotas,
    // changes nothing for members that are in.
    function test_12_MoneyAddedOrReservedByOthersLeavesMembersAlone() external {
        Commitment memory c = commitTo(NODE, 1, 8);
        fund(STRANGER, 50 * RATE + STAKE);
        vm.prank(STRANGER);
        hub.topUp(params(), 50);
        vm.prank(STRANGER);
        hub.join(params(), STRANGER, STRANGER, uint32(UNITS + 50 - QUOTA), "");
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 8 * RATE, "paid");
        (bool done,) = address(hub).call(abi.encodeCall(IHub.topUp, (params(), 1)));
        assertTrue(!done, "without money");
    }
}
