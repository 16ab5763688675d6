// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Security checklist 9, 10 and 21: loops that grow, challenges overtaken, honest nodes harassed
contract GriefingAttack is Base {
    Commitment internal older;
    Commitment internal c;
    Commitment internal younger;

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        older = commitTo(NODE, 0, 3);
        c = commitTo(NODE, 1, 5);
        younger = commitTo(NODE, 2, 4);
    }

    // 9. If a call's cost grew with members or challenges, a crowd could make verdicts, claims and exits impossible.
    function test_9_NoCallCostsMoreInACrowd() external {
        uint256 snapshot = vm.snapshotState();
        uint256[8] memory few = costs(4);
        vm.revertToState(snapshot);
        uint256[8] memory many = costs(120);
        for (uint256 k = 0; k < few.length; ++k) {
            // A slot that is written before costs less to write again: that much may differ, either way.
            assertLe(many[k], few[k] + 100, string.concat("call ", vm.toString(k)));
        }
    }

    /// @dev Gas of each function after `crowd` joins and `crowd` challenges to one commitment.
    function costs(uint256 crowd) internal returns (uint256[8] memory gas) {
        for (uint256 k = 0; k < crowd; ++k) {
            join(0x5000 + k, 2);
            challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        }
        uint256 last = opened.length - 1;
        address[8] memory from =
            [STRANGER, CHALLENGER, address(judge), address(judge), STRANGER, OWNER, STRANGER, CREATOR];
        for (uint256 k = 0; k < gas.length; ++k) {
            if (k == 4) vm.warp(shown[opened[last - 2]].deadline);
            if (k == 6) vm.warp(END + SETTLING);
            bytes memory data = callOf(k, last);
            vm.prank(from[k]);
            bool done;
            (done, gas[k]) = measure(data);
            assertTrue(done, string.concat("call ", vm.toString(k)));
        }
    }

    /// @dev Without touching memory, which costs more the more of it a test has used.
    function measure(bytes memory data) internal returns (bool done, uint256 used) {
        address target = address(hub);
        assembly ("memory-safe") {
            used := gas()
            done := call(gas(), target, 0, add(data, 0x20), mload(data), 0, 0)
            used := sub(used, gas())
        }
    }

    function callOf(uint256 k, uint256 last) internal returns (bytes memory) {
        TaskParams memory p = params();
        if (k == 0) {
            fund(STRANGER, STAKE);
            return abi.encodeCall(IHub.join, (p, STRANGER, STRANGER, 1, ""));
        }
        if (k == 1) {
            fund(CHALLENGER, BOND);
            judge.script(IJudge.Verdict.Pending);
            return abi.encodeCall(IHub.challenge, (p, NODE, c, address(judge), "one more"));
        }
        if (k == 2) return abi.encodeCall(IHub.verdict, (shown[opened[last]], IJudge.Verdict.NotGuilty));
        if (k == 3) return abi.encodeCall(IHub.verdict, (shown[opened[last - 1]], IJudge.Verdict.Dismissed));
        if (k == 4) return abi.encodeCall(IHub.expire, (shown[opened[last - 2]]));
        if (k == 5) return abi.encodeCall(IHub.requestExit, (task, NODE));
        if (k == 6) return abi.encodeCall(IHub.exit, (p, vm.addr(0x5000)));
        return abi.encodeCall(IHub.refund, (p));
    }

    // 10. Who sees an accusation can make it first, and takes its reward. It cannot take the slash away, nor the accuser's
    // bond: the accusation that comes second is refused, or gets its bond back.
    function test_10_OvertakingAnAccusationSavesNobody() external {
        fund(CHALLENGER, BOND);
        uint256 pending = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        challengeBy(STRANGER, NODE, c, IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
        expectStatus(NODE, MemberStatus.Slashed);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "too late");
        expire(pending);
        assertEq(credit(CHALLENGER), BOND, "back");
        assertEq(token.balanceOf(CHALLENGER), BOND, "not spent");
        assertEq(credit(BURN), STAKE - 10 * BOND, "burned all the same");
    }

    // 10. An accomplice that loses an accusation on purpose, first or at the same time, must not clear the commitment.
    function test_10_ALostAccusationClearsNothing() external {
        uint256 honest = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        for (uint256 k = 0; k < 5; ++k) {
            challengeBy(OWNER, NODE, c, IJudge.Verdict.NotGuilty);
            decide(challengeBy(OWNER, NODE, c, IJudge.Verdict.Pending), IJudge.Verdict.Dismissed);
        }
        decide(honest, true);
        assertStatus(NODE, MemberStatus.Slashed);
        // What the accomplice lost went to the cheater's payout; neither gains by it.
        assertEq(credit(OWNER) + credit(PAYOUT), 10 * BOND, "only their own bonds");
    }

    // 10. Nor can anybody take the place of another's accusation: its id names its challenger.
    function test_10_NobodyStandsInAnothersPlace() external {
        fund(CHALLENGER, BOND);
        fund(STRANGER, BOND);
        judge.script(IJudge.Verdict.Pending);
        vm.prank(STRANGER);
        hub.challenge(params(), NODE, c, address(judge), "the same evidence");
        accuse(CHALLENGER, NODE, c, "the same evidence");
        assertChallenge(opened[0], ChallengeStatus.Pending);
        decide(opened[0], true);
        assertEq(credit(CHALLENGER), 11 * BOND, "the challenger's own");
    }

    // 21. If there were a cap on open accusations, sybils would fill it and the true one would be kept out. There is none:
    // 300 false ones, and the true one still slashes, and gives all others their bonds back.
    function test_21_ThreeHundredAccusationsKeepNoneOut() external {
        for (uint256 k = 0; k < 300; ++k) {
            challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        }
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
        for (uint256 k = 0; k < 300; ++k) {
            expire(opened[k]);
            assertChallenge(opened[k], ChallengeStatus.Moot);
        }
        assertEq(credit(STRANGER), 300 * BOND, "bonds");
        assertTotals(BOUNTY, 0, 0, STAKE + 301 * BOND);
    }

    // 21. Nor do 300 false accusations hurt an honest node: each lost bond is its own, what came before is paid meanwhile,
    // and all is over after one window and one dispute.
    function test_21_ThreeHundredFalseAccusationsPayTheAccused() external {
        vm.warp(c.time + WINDOW - 1);
        claim(NODE, older);
        for (uint256 k = 0; k < 300; ++k) {
            challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        }
        vm.warp(younger.time + WINDOW);
        expect(IHubErrors.Hub_SequenceBlocked.selector, 1);
        claim(NODE, c);
        for (uint256 k = 0; k < 299; ++k) {
            decide(opened[k], false);
        }
        expect(IHubErrors.Hub_SequenceBlocked.selector, 1);
        claim(NODE, c);
        decide(opened[299], false);
        assertLe(block.timestamp, uint256(c.time) + WINDOW + DISPUTE, "in bounded time");
        claim(NODE, c);
        claim(NODE, younger);
        assertEq(credit(PAYOUT), 12 * RATE + 300 * BOND, "all its work, and every bond");
        assertEq(member(NODE).challenged, 0, "nothing left over");
    }

    // 21. A silent judge lets false accusations expire: the work is void, which costs its node the pay of that one
    // commitment and no stake, and nothing earlier or later.
    function test_21_ASilentJudgeVoidsOneCommitment() external {
        for (uint256 k = 0; k < 50; ++k) {
            challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        }
        vm.warp(shown[opened[49]].deadline);
        for (uint256 k = 0; k < 50; ++k) {
            expire(opened[k]);
        }
        Commitment[] memory batch = new Commitment[](3);
        (batch[0], batch[1], batch[2]) = (older, c, younger);
        hub.claim(params(), NODE, batch);
        assertEq(credit(PAYOUT), 7 * RATE, "all but the void one");
        assertStatus(NODE, MemberStatus.Active);
    }
}
