// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {HostileJudge, Manner} from "../invariant/HostileJudge.sol";
import {IPlanner} from "../invariant/Reentry.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title Security checklist 16, 17 and 20: time, chance, and judges that the hub must not trust with money
contract JudgesAttack is Base, IPlanner {
    HostileJudge internal hostile;
    Commitment internal c;

    function setUp() public override {
        super.setUp();
        hostile = new HostileJudge(this);
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
    }

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        if (address(hostile) == address(0)) return p;
        p.judges[1] = Pinned(address(hostile), address(hostile).codehash);
    }

    /// @dev What the hostile judge tries from within `open`: to decide the other judge's case, to pay itself, to let
    /// the accused out.
    function plan() external view returns (bytes[] memory calls) {
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        calls = new bytes[](4);
        calls[0] = abi.encodeCall(IHub.verdict, (shown[opened[0]], IJudge.Verdict.Guilty));
        calls[1] = abi.encodeCall(IHub.withdraw, (address(token), PAYOUT));
        calls[2] = abi.encodeCall(IHub.claim, (params(), NODE, batch));
        calls[3] = abi.encodeCall(IHub.expire, (shown[opened[0]]));
    }

    function accuseBeforeHostile(Manner manner, IJudge.Verdict answer) internal returns (bool, bytes memory) {
        hostile.script(manner, answer);
        fund(CHALLENGER, BOND);
        bytes memory data = abi.encodeCall(IHub.challenge, (params(), NODE, c, address(hostile), "x"));
        vm.prank(CHALLENGER);
        return address(hub).call(data);
    }

    // 20. A judge that can come in while the hub waits for it could take money that is between two places.
    function test_20_AJudgeCannotComeIn() external {
        challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
        (bool done,) = accuseBeforeHostile(Manner.Reenters, IJudge.Verdict.NotGuilty);
        assertTrue(done, "and its answer counts");
        assertEq(hostile.calls(), 4, "tried");
        assertEq(hostile.breaches(), 0, "came in");
        assertChallenge(opened[0], ChallengeStatus.Pending);
        assertEq(credit(PAYOUT), BOND, "one lost bond");
    }

    // 20. A judge's answer that is none must not slash, acquit, or lock the bond: the whole challenge is undone.
    function test_20_AnAnswerThatIsNoneUndoesTheChallenge() external {
        Manner[3] memory manners = [Manner.AnswersGarbage, Manner.AnswersNothing, Manner.Reverts];
        for (uint256 k = 0; k < manners.length; ++k) {
            (bool done,) = accuseBeforeHostile(manners[k], IJudge.Verdict.Guilty);
            assertTrue(!done, "an answer that is none");
            assertEq(member(NODE).challenged, 0, "no trace");
            assertTotals(BOUNTY, STAKE, 0, 0);
        }
    }

    // 20. A judge that could judge another's case, its own case again, with other amounts, another accused or another
    // winner, would own every stake of the task.
    function test_20_AVerdictIsOneBitOfOneCase() external {
        uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_NotJudge.selector, hostile, judge));
        vm.prank(address(hostile));
        hub.verdict(shown[id], IJudge.Verdict.Guilty);
        for (uint256 k = 0; k < 10; ++k) {
            Challenge memory changed = shown[id];
            if (k == 0) changed.task = bytes32("other");
            if (k == 1) changed.node = OTHER;
            if (k == 2) changed.sequence += 1;
            if (k == 3) changed.challenger = STRANGER;
            if (k == 4) changed.token = STRANGER;
            if (k == 5) changed.stake = type(uint96).max;
            if (k == 6) changed.bond = type(uint96).max;
            if (k == 7) changed.deadline += 1;
            if (k == 8) changed.evidenceHash = 0;
            if (k == 9) changed.judge = address(hostile);
            expectNotPending(idOf(changed), ChallengeStatus.None);
            vm.prank(changed.judge);
            hub.verdict(changed, IJudge.Verdict.Guilty);
        }
        decide(id, false);
        expectNotPending(id, ChallengeStatus.NotGuilty);
        vm.prank(address(judge));
        hub.verdict(shown[id], IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Active);
    }

    // 20. A judge that stays silent must not lock a stake, a bond, or the bounty for ever.
    function test_20_ASilentJudgeEndsAtTheDeadline() external {
        uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        vm.warp(shown[id].deadline);
        expect(IHubErrors.Hub_TooLate.selector, shown[id].deadline);
        vm.prank(address(judge));
        hub.verdict(shown[id], IJudge.Verdict.Guilty);
        expire(id);
        claim(NODE, c);
        vm.warp(END + SETTLING);
        hub.exit(params(), NODE);
        assertEq(credit(CHALLENGER), BOND, "bond");
        assertEq(credit(OWNER), STAKE, "stake");
        assertEq(credit(PAYOUT), 0, "void work");
    }

    // 20. A judge whose code has changed since nodes agreed to it hears no new case.
    function test_20_AChangedJudgeHearsNoCase() external {
        bytes32 before = address(judge).codehash;
        TaskParams memory p = params();
        vm.etch(address(judge), address(hostile).code);
        vm.expectRevert(
            abi.encodeWithSelector(
                IHubErrors.Hub_CodeMismatch.selector, address(judge), before, address(judge).codehash
            )
        );
        vm.prank(CHALLENGER);
        hub.challenge(p, NODE, c, address(judge), "");
    }

    // 16. Windows counted in blocks stretch and shrink with the chain: on some the number is another chain's. However many
    // blocks pass, or none, the second decides.
    function test_16_BlockNumbersDecideNothing() external {
        vm.roll(block.number + 1_000_000);
        vm.warp(c.time + WINDOW - 1);
        expect(IHubErrors.Hub_TooEarly.selector, c.time + WINDOW);
        claim(NODE, c);
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.NotGuilty);
        vm.roll(2);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        vm.roll(1);
        vm.warp(END + SETTLING);
        hub.exit(params(), NODE);
    }

    // 16. A task whose times do not fit their 40 bits would wrap to windows in the past.
    function test_16_TimesThatWouldWrapAreRefused() external {
        TaskParams memory p = params();
        p.start = type(uint40).max - p.rounds * p.roundSeconds - SETTLING + 1;
        expectBadParameter("end");
        vm.prank(CREATOR);
        hub.createTask(p, 1);
    }

    // 17. Who knows a round's beacon before it must choose could choose by it: a node its address, or its quota. A beacon
    // exists only after the round has started, joining counts from the next round on, and a beacon is never drawn again.
    function test_17_NobodyKnowsItsSeedsBeforehand() external {
        vm.warp(roundStart(5) - 1);
        expect(IHubErrors.Hub_TooEarly.selector, roundStart(5));
        hub.openRound(task, 5);
        vm.warp(roundStart(5));
        bytes32 beacon = hub.openRound(task, 5);
        vm.prevrandao(keccak256("a better one"));
        vm.roll(block.number + 1);
        expect(IHubErrors.Hub_RoundAlreadyOpen.selector, 5);
        hub.openRound(task, 5);
        assertEq(hub.beaconOf(task, 5), beacon, "for ever");
        join(OTHER_KEY, 8);
        assertEq(member(OTHER).nextRound, 6, "from the next round on");
    }

    // 17. Nor does it help to hold a round's opening back: who opens it at the last second commits in the same second as
    // everybody, and who may choose among several blocks chooses samples, not verdicts or pay.
    function test_17_GrindingABeaconGainsNoMoney() external {
        vm.warp(roundStart(5) + COMMIT_SECONDS - 1);
        uint256 snapshot = vm.snapshotState();
        uint256[2] memory pay;
        for (uint256 k = 0; k < 2; ++k) {
            vm.prevrandao(keccak256(abi.encode(k)));
            Commitment memory late = commitTo(NODE, 5, 8);
            vm.warp(END);
            claim(NODE, c);
            claim(NODE, late);
            pay[k] = credit(PAYOUT);
            vm.revertToState(snapshot);
        }
        assertEq(pay[0], pay[1], "the same pay");
        vm.warp(roundStart(5) + COMMIT_SECONDS);
        expect(IHubErrors.Hub_TooLate.selector, roundStart(5) + COMMIT_SECONDS);
        hub.openRound(task, 5);
    }
}
