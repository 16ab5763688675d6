// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Security checklist 6, 8, 11 and 13: whether cheating, crowding and idling pay
contract EconomicsAttack is Base {
    // The shipped terms (deploy/devnet/presets.py, FULL): 32 problems of 16 completions a round, windows of two rounds.
    uint96 internal constant TOKEN = 1 ether;
    uint96 internal constant SHIPPED_RATE = TOKEN / 100;
    uint96 internal constant SHIPPED_STAKE = 100 * TOKEN;
    uint96 internal constant SHIPPED_BOND = 5 * TOKEN;
    uint32 internal constant SHIPPED_UNITS_PER_ROUND = 512;
    uint40 internal constant SHIPPED_BOUNTY = 4 * 10 * 512;

    uint96 internal rate;
    uint96 internal stake;
    uint96 internal bond;
    uint40 internal bounty;

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        if (stake == 0) return p;
        (p.rate, p.stake, p.bond) = (rate, stake, bond);
        (p.problemsPerRound, p.groupSize) = (32, 16);
    }

    function open(uint96 rate_, uint96 stake_, uint96 bond_, uint40 bounty_) internal {
        (rate, stake, bond, bounty) = (rate_, stake_, bond_, bounty_);
        fund(CREATOR, uint256(bounty) * rate);
        vm.prank(CREATOR);
        task = hub.createTask(params(), bounty);
    }

    function enlist(uint256 key, uint32 quota) internal returns (address node) {
        fund(OWNER, params().stake);
        node = join(key, quota);
    }

    // 6. If a cheater that accuses itself first got most of its stake back, being caught would cost nothing. With the
    // shipped terms it gets its own accusation's share, and still loses half the stake, all unpaid work and the rest of
    // its quota, whoever else accuses.
    function test_6_AccusingOneselfStillCostsHalf() external {
        open(SHIPPED_RATE, SHIPPED_STAKE, SHIPPED_BOND, SHIPPED_BOUNTY);
        address node = enlist(NODE_KEY, 5120);
        Commitment memory c = commitTo(node, 1, SHIPPED_UNITS_PER_ROUND);
        uint256 honest = challengeBy(CHALLENGER, node, c, IJudge.Verdict.Pending);
        challengeBy(OWNER, node, c, IJudge.Verdict.Guilty);
        assertStatus(node, MemberStatus.Slashed);
        assertEq(credit(OWNER), SHIPPED_BOND + SHIPPED_STAKE / 2, "its bond, and half its stake");
        assertEq(credit(BURN), SHIPPED_STAKE / 2, "the other half burns");
        assertEq(credit(PAYOUT), 0, "no pay");
        expire(honest);
        assertEq(credit(CHALLENGER), SHIPPED_BOND, "the honest accuser loses nothing");
    }

    // 6. p (B S + R) >= (1 - p) g, with p the chance that somebody honest checks, S the stake, B the burned part, R honest
    // work forfeited with it, and g what cheating throughout one window earns. Counting nothing for R, the shipped terms
    // keep it from p = 23.5 % on; for p = 10 % the stake would have to be 2.8 times as large. The demo's verifiers check
    // every commitment.
    function test_6_CheatingDoesNotPayWhenOneWindowInFourIsChecked() external pure {
        // Commitments of three rounds can be inside a window of two.
        uint256 g = 3 * uint256(SHIPPED_UNITS_PER_ROUND) * SHIPPED_RATE;
        uint256 reward = 10 * SHIPPED_BOND < SHIPPED_STAKE / 2 ? 10 * SHIPPED_BOND : SHIPPED_STAKE / 2;
        uint256 lost = SHIPPED_STAKE - reward;
        assertTrue(25 * lost >= 75 * g, "one in four");
        assertTrue(20 * lost < 80 * g, "one in five would not do");
        // B = 1/2: p B S = (1 - p) g for S = 2 g (1 - p) / p.
        assertTrue(18 * g > 27 * uint256(SHIPPED_STAKE) / 10, "stake for one in ten");
        assertTrue(18 * g < 28 * uint256(SHIPPED_STAKE) / 10, "stake for one in ten");
    }

    // 6. With more stake than twenty bonds the accuser's share stops growing, so colluders never get more out of more.
    function test_6_TheShareIsCappedByBonds() external {
        open(SHIPPED_RATE, 10 * SHIPPED_STAKE, SHIPPED_BOND, SHIPPED_BOUNTY);
        address node = enlist(NODE_KEY, 512);
        Commitment memory c = commitTo(node, 1, 512);
        challengeBy(OWNER, node, c, IJudge.Verdict.Guilty);
        assertEq(credit(OWNER), 11 * SHIPPED_BOND, "bond and ten bonds");
        assertEq(credit(BURN), 10 * SHIPPED_STAKE - 10 * SHIPPED_BOND, "95 in a hundred burn");
    }

    // 6. Validators are not paid from a common fund that sybils could draw on: what burns is nobody's.
    function test_6_WhatBurnsReachesNobody() external {
        create();
        join(NODE_KEY, QUOTA);
        Commitment memory c = commitTo(NODE, 1, 5);
        challengeBy(OWNER, NODE, c, IJudge.Verdict.Guilty);
        vm.warp(END + SETTLING);
        vm.prank(CREATOR);
        hub.refund(params());
        hub.withdraw(address(token), BURN);
        assertEq(token.balanceOf(BURN), STAKE - 10 * BOND, "out of reach");
        assertEq(credit(CREATOR), BOUNTY, "the creator gets the bounty, not the stake");
    }

    // 8. If pay were shared by time or by head, joining at the last moment, or often, would take from those who worked.
    function test_8_ACrowdOfLateJoinersTakesNothingFromWorkers() external {
        create();
        join(NODE_KEY, QUOTA);
        Commitment memory c = commitTo(NODE, 1, 8);
        vm.warp(roundStart(ROUNDS - 2));
        for (uint256 k = 0; k < 10; ++k) {
            join(0x5000 + k, 96);
        }
        expect(IHubErrors.Hub_BountyTooSmall.selector, 1, 0);
        vm.prank(STRANGER);
        hub.join(params(), STRANGER, STRANGER, 1, "");
        vm.warp(END + SETTLING);
        claim(NODE, c);
        assertEq(credit(PAYOUT), 8 * RATE, "in full");
        for (uint256 k = 0; k < 10; ++k) {
            hub.exit(params(), vm.addr(0x5000 + k));
        }
        assertEq(credit(PAYOUT), 8 * RATE, "and nobody else is paid");
    }

    // 8. Joining when a round's beacon is known would let a node choose its address by the problems it draws; joining
    // after the last start would lock quota for nothing.
    function test_8_NobodyJoinsARoundThatHasStarted() external {
        create();
        vm.warp(roundStart(3));
        hub.openRound(task, 3);
        join(NODE_KEY, 8);
        expect(IHubErrors.Hub_RoundUsed.selector, 3, 4);
        vm.prank(NODE);
        hub.commit(task, beacon(), 0, 3, 0, 0, 1);
        vm.warp(roundStart(ROUNDS - 1));
        expect(IHubErrors.Hub_JoinClosed.selector, ROUNDS, ROUNDS);
        vm.prank(STRANGER);
        hub.join(params(), STRANGER, STRANGER, 1, "");
    }

    // 11. A remainder that goes to a party, or to nobody, is taken from somebody: with every stake and bond the parts of a
    // slash are the whole, and the odd unit burns.
    function testFuzz_11_PartsOfASlashAreTheWhole(uint96 stake_, uint96 bond_) external {
        stake_ = uint96(bound(stake_, 1, type(uint96).max - 1));
        bond_ = uint96(bound(bond_, 1, type(uint96).max - stake_));
        open(1, stake_, bond_, 8);
        address node = enlist(NODE_KEY, 8);
        Commitment memory c = commitTo(node, 1, 1);
        challengeBy(CHALLENGER, node, c, IJudge.Verdict.Guilty);
        uint256 reward = credit(CHALLENGER) - bond_;
        assertEq(credit(BURN) + reward, stake_, "whole");
        assertTrue(credit(BURN) >= reward && credit(BURN) >= stake_ - stake_ / 2, "the odd unit burns");
        assertTrue(reward == stake_ / 2 || reward == 10 * uint256(bond_), "half, or ten bonds");
        assertTotals(8, 0, 0, uint256(stake_) + bond_);
    }

    // 11. Pay is units times rate, without a division: in any portions it comes to the same.
    function testFuzz_11_PayIsTheSameInAnyPortions(uint8 first, uint8 second, uint96 rate_) external {
        first = uint8(bound(first, 1, 100));
        second = uint8(bound(second, 1, 100));
        rate_ = uint96(bound(rate_, 1, type(uint96).max / 200));
        open(rate_, STAKE, BOND, 200);
        address node = enlist(NODE_KEY, 200);
        Commitment memory a = commitTo(node, 1, first);
        Commitment memory b = commitTo(node, 2, second);
        vm.warp(END);
        claim(node, a);
        claim(node, b);
        assertEq(credit(PAYOUT), (uint256(first) + second) * rate_, "pay");
        assertEq(hub.taskOf(task).units, 200 - uint256(first) - second, "the rest is still there");
    }

    // 13. Where nobody cheats nobody who checks is paid, and then nobody checks. A canary is a membership that cheats on
    // purpose: its finder is paid like any other, so a creator can keep verifiers looking, at a price that it knows.
    // (A pay for attention, the other cure, is not part of these contracts.)
    function test_13_ACanaryPaysItsFinder() external {
        open(SHIPPED_RATE, SHIPPED_STAKE, SHIPPED_BOND, SHIPPED_BOUNTY);
        address canary = enlist(NODE_KEY, 512);
        Commitment memory c = commitTo(canary, 1, 512);
        challengeBy(STRANGER, canary, c, IJudge.Verdict.Guilty);
        // A finder risks one bond for ten: it breaks even when one accusation in eleven is right.
        assertEq(credit(STRANGER) - SHIPPED_BOND, 10 * SHIPPED_BOND, "the finder's pay");
        assertEq(hub.taskOf(task).reserved, 0, "the canary's quota is free again");
    }
}
