// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryAppealTest} from "./JuryAppealTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {TrialStatus} from "contracts/types/Jury.sol";

/// @dev See JuryAppealWindow.tree.
contract JuryAppealWindowTest is JuryAppealTest {
    function test_RevertWhen_VotesCanStillCome() external {
        address[] memory jury = firstJury();
        vm.expectRevert(votingOpen());
        judge.appeal(ID);
        commitVote(jury[0], true);
        commitVote(jury[1], false);
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(votingOpen());
        judge.appeal(ID);
        revealVote(jury[0], true);
        vm.warp(OPENED_AT + 149);
        vm.expectRevert(votingOpen());
        judge.appeal(ID);
        assertResult(IJudge.Verdict.Guilty, OPENED_AT + 150 + 30);
        vm.warp(OPENED_AT + 150);
        appeal();
    }

    /// @dev The window begins with the last vote, however early that is.
    function test_TheAppealWindowFollowsTheLastVote() external {
        address[] memory jury = firstJury();
        vm.warp(OPENED_AT + 20);
        for (uint256 i = 0; i < 3; ++i) {
            commitVote(jury[i], true);
        }
        revealVote(jury[0], true);
        vm.warp(OPENED_AT + 25);
        revealVote(jury[1], true);
        assertResult(IJudge.Verdict.Guilty, OPENED_AT + 150 + 30);
        revealVote(jury[2], true);
        assertWindow(OPENED_AT + 25);
    }

    function test_TheAppealWindowFollowsTheLastVoteThatWasCommitted() external {
        address[] memory jury = firstJury();
        commitVote(jury[0], true);
        vm.warp(OPENED_AT + 120);
        revealVote(jury[0], true);
        assertWindow(OPENED_AT + 120);
    }

    function test_TheAppealWindowFollowsTheRevealDeadlineWhereAVoteStaysHidden() external {
        address[] memory jury = firstJury();
        vote(jury, "gc-");
        vm.warp(OPENED_AT + 150);
        assertWindow(OPENED_AT + 150);
    }

    function test_TheAppealWindowFollowsTheCommitDeadlineWhereNobodyCommitted() external {
        firstJury();
        vm.warp(OPENED_AT + 100);
        assertWindow(OPENED_AT + 100);
    }

    function test_TheAppealWindowFollowsTheCommitDeadlineWhereNobodySummoned() external {
        registerJurors(31);
        open();
        vm.warp(OPENED_AT + 99);
        vm.expectRevert(votingOpen());
        judge.appeal(ID);
        vm.warp(OPENED_AT + 100);
        assertWindow(OPENED_AT + 100);
    }

    function test_TheAppealWindowFollowsTheSummoningOfAnEmptyJury() external {
        registerJurors(1);
        for (uint256 id = 0; id < 4; ++id) {
            open(id, 520);
            vm.roll(block.number + 1);
            judge.summon(id);
            vm.warp(block.timestamp + 130);
            close(id);
        }
        assertEq(stakeOf(jurorAt(0)), 0);
        open();
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + 7);
        judge.summon(ID);
        assertEq(judge.roundOf(ID, 0).seats, 0);
        assertWindow(block.timestamp);
    }

    function test_RevertWhen_TheWindowIsOver() external {
        vote(firstJury(), "ggg");
        vm.warp(OPENED_AT + 130);
        vm.expectRevert(tooLate(OPENED_AT + 130));
        judge.appeal(ID);
        vm.warp(OPENED_AT + 131);
        vm.expectRevert(tooLate(OPENED_AT + 130));
        judge.appeal(ID);
        vm.warp(OPENED_AT + 129);
        appeal();
    }

    function test_RevertWhen_AllRoundsAreOver() external {
        vote(firstJury(), "ggg");
        appeal();
        vote(summon(), "g");
        appeal();
        address[] memory jury = summon();
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_NoFurtherAppeal.selector, ID));
        judge.appeal(ID);
        vote(jury, "g");
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_NoFurtherAppeal.selector, ID));
        judge.appeal(ID);
        // Nothing is left to wait for.
        assertResult(IJudge.Verdict.Guilty, block.timestamp);
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        vm.expectRevert(wrongStatus(TrialStatus.Closed));
        judge.appeal(ID);
    }

    function test_RevertWhen_ClosingWhileAnAppealIsPossible() external {
        vote(firstJury(), "ggg");
        vm.warp(OPENED_AT + 129);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_AppealOpen.selector, ID, OPENED_AT + 130));
        close(ID);
        vm.warp(OPENED_AT + 130);
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
    }

    /// @dev From `end` on for 30 s it can be appealed against, then it can be closed: never both, never neither.
    function assertWindow(uint256 end) private {
        uint256[5] memory times = [end - 1, end, end + 29, end + 30, end + 31];
        fund(APPELLANT, 7 * PENALTY);
        for (uint256 i = 0; i < 5; ++i) {
            if (times[i] < block.timestamp) continue;
            uint256 snapshot = vm.snapshotState();
            vm.warp(times[i]);
            (, uint256 closable) = judge.resultOf(ID);
            assertEq(closable, end + 30);
            vm.prank(APPELLANT);
            (bool appealed,) = address(judge).call(abi.encodeCall(judge.appeal, (ID)));
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
            vm.warp(times[i]);
            (bool closed,) = address(judge).call(abi.encodeCall(judge.close, (challengeOf(ID))));
            vm.revertToState(snapshot);
            assertTrue(appealed == (times[i] >= end && times[i] < end + 30));
            assertTrue(closed == (times[i] >= end + 30));
        }
    }
}
