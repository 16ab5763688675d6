// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {TrialStatus} from "contracts/types/Jury.sol";

contract JuryVoteTest is JuryJudgeTest {
    // Committing

    function test_RevertWhen_CommittingBeforeTheJuryIsSummoned() external {
        registerJurors(3);
        open();
        vm.expectRevert(wrongStatus(TrialStatus.Drawing));
        vm.prank(jurorAt(0));
        judge.commitVote(ID, SALT);
    }

    function test_RevertWhen_AStrangerCommits() external {
        summonFrom(3);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_CannotCommit.selector, NODE));
        vm.prank(NODE);
        judge.commitVote(ID, SALT);
    }

    function test_RevertWhen_CommittingTwice() external {
        address[] memory jury = summonFrom(3);
        commitVote(jury[0], true);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_CannotCommit.selector, jury[0]));
        vm.prank(jury[0]);
        judge.commitVote(ID, SALT);
    }

    function test_VotesAreCommittedUntilTheDeadline() external {
        address[] memory jury = summonFrom(3);
        vm.warp(OPENED_AT + 99);
        commitVote(jury[0], true);
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(tooLate(OPENED_AT + 100));
        vm.prank(jury[1]);
        judge.commitVote(ID, SALT);
    }

    // Revealing

    function test_RevertWhen_RevealingBeforeAllHaveCommitted() external {
        address[] memory jury = summonFrom(3);
        commitVote(jury[0], true);
        commitVote(jury[1], true);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_RevealNotOpen.selector, OPENED_AT + 100));
        revealVote(jury[0], true);
        commitVote(jury[2], false);
        revealVote(jury[0], true);
        assertEq(judge.trialOf(ID).guiltyVotes, 1);
    }

    function test_VotesAreRevealedUntilTheDeadline() external {
        address[] memory jury = summonFrom(3);
        commitVote(jury[0], true);
        commitVote(jury[1], true);
        vm.warp(OPENED_AT + 149);
        revealVote(jury[0], true);
        vm.warp(OPENED_AT + 150);
        vm.expectRevert(tooLate(OPENED_AT + 150));
        revealVote(jury[1], true);
    }

    function test_RevertWhen_TheVoteIsAnother() external {
        address[] memory jury = summonFrom(3);
        commitVote(jury[0], true);
        bytes32 copied = judge.ballotOf(ID, jury[0]).commitment;
        vm.prank(jury[1]);
        judge.commitVote(ID, copied);
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(mismatch(jury[0]));
        revealVote(jury[0], false);
        vm.expectRevert(mismatch(jury[0]));
        vm.prank(jury[0]);
        judge.revealVote(ID, true, bytes32(0));
        // A copied commitment cannot be opened: it names its juror.
        vm.expectRevert(mismatch(jury[1]));
        revealVote(jury[1], true);
    }

    function test_RevertWhen_ThereIsNothingToReveal() external {
        address[] memory jury = summonFrom(3);
        commitVote(jury[0], true);
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(cannotReveal(jury[1]));
        revealVote(jury[1], true);
        vm.expectRevert(cannotReveal(NODE));
        revealVote(NODE, true);
        revealVote(jury[0], true);
        vm.expectRevert(cannotReveal(jury[0]));
        revealVote(jury[0], true);
    }

    // Closing

    function test_AMajorityConvicts() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "gng");
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryClosed(ID, true, 2, 3, 3, true);
        close(ID);
        assertVerdict(true);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE - PENALTY, STAKE + PENALTY / 2);
    }

    function test_AMajorityAcquits() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "ngn");
        close(ID);
        assertVerdict(false);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE - PENALTY, STAKE + PENALTY / 2);
    }

    function test_AUnanimousJuryMovesNoMoney() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "ggg");
        close(ID);
        assertVerdict(true);
        assertStakes(jury, STAKE, STAKE, STAKE);
    }

    function test_ATieIsNotGuiltyAndOutvotesNobody() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "gn-");
        close(ID);
        assertVerdict(false);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE + PENALTY / 2, STAKE - PENALTY);
    }

    function test_OneVoteIsAMajorityOfOne() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "-gc");
        vm.warp(OPENED_AT + 150);
        close(ID);
        assertVerdict(true);
        assertStakes(jury, STAKE - PENALTY, STAKE + 2 * PENALTY, STAKE - PENALTY);
    }

    function test_ASilentJuryIsNotGuilty() external {
        address[] memory jury = summonFrom(3);
        vm.warp(OPENED_AT + 100);
        close(ID);
        assertVerdict(false);
        assertStakes(jury, STAKE - PENALTY, STAKE - PENALTY, STAKE - PENALTY);
    }

    function test_AJuryNobodySummonedIsNotGuilty() external {
        registerJurors(3);
        open();
        vm.expectRevert(votingOpen());
        close(ID);
        vm.warp(OPENED_AT + 100);
        close(ID);
        assertVerdict(false);
        assertEq(judge.pendingDraws(), 0);
        assertEq(judge.toBurn(), 0);
    }

    function test_WhatCannotBeDividedIsBurned() external {
        judge = new JuryJudge(address(hub), address(token), 4, 100, 50, STAKE);
        address[] memory jury = summonFrom(4);
        vote(jury, "ggng");
        close(ID);
        assertEq(stakeOf(jury[2]), STAKE - PENALTY);
        assertEq(stakeOf(jury[0]), STAKE + 33);
        assertEq(judge.toBurn(), 1);
        assertSolvent(4);
    }

    function test_ClosingWaitsForEveryVoteThatCanStillCome() external {
        address[] memory jury = summonFrom(3);
        vm.expectRevert(votingOpen());
        close(ID);
        vote(jury, "gc-");
        vm.expectRevert(votingOpen());
        close(ID);
        vm.warp(OPENED_AT + 150);
        close(ID);
        assertVerdict(true);
    }

    function test_ClosingIsEarlyWhenAllHaveRevealed() external {
        address[] memory jury = summonFrom(3);
        for (uint256 i = 0; i < 3; ++i) {
            commitVote(jury[i], true);
        }
        for (uint256 i = 0; i < 3; ++i) {
            revealVote(jury[i], true);
        }
        assertEq(block.timestamp, OPENED_AT);
        close(ID);
        assertVerdict(true);
    }

    function test_RevertWhen_ClosedTwiceOrWithoutATrial() external {
        vm.expectRevert(wrongStatus(TrialStatus.None));
        close(ID);
        address[] memory jury = summonFrom(3);
        vote(jury, "ggg");
        close(ID);
        vm.expectRevert(wrongStatus(TrialStatus.Closed));
        close(ID);
        vm.expectRevert(wrongStatus(TrialStatus.Closed));
        revealVote(jury[0], true);
        assertEq(hub.verdicts(), 1);
    }

    // The hub did not wait

    function test_AMootTrialReleasesTheJuryAtOnce() external {
        address[] memory jury = summonFrom(3);
        commitVote(jury[0], true);
        hub.setChallengeStatus(ID, ChallengeStatus.Moot);
        close(ID);
        assertEq(hub.verdicts(), 0);
        assertStakes(jury, STAKE, STAKE, STAKE);
    }

    function test_AMootTrialEndsBeforeItsDraw() external {
        registerJurors(3);
        open();
        hub.setChallengeStatus(ID, ChallengeStatus.Moot);
        close(ID);
        assertEq(judge.pendingDraws(), 0);
        assertEq(hub.verdicts(), 0);
    }

    function test_AnExpiredChallengeStillReleasesTheJury() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "gg-");
        vm.warp(OPENED_AT + 151);
        hub.setChallengeStatus(ID, ChallengeStatus.Expired);
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryClosed(ID, true, 2, 2, 3, false);
        close(ID);
        assertEq(hub.verdicts(), 0);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE + PENALTY / 2, STAKE - PENALTY);
    }

    function test_ALateVerdictIsNotRelayedAndDoesNotGetStuck() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "ggg");
        uint256 snapshot = vm.snapshotState();
        vm.warp(OPENED_AT + 151);
        close(ID);
        assertEq(hub.verdicts(), 0);
        assertStakes(jury, STAKE, STAKE, STAKE);
        vm.revertToState(snapshot);
        vm.warp(OPENED_AT + 150);
        close(ID);
        assertVerdict(true);
    }

    function testFuzz_TheMajorityOfTheRevealedVotesDecides(uint256 choices, uint8 jurors) external {
        uint256 count = bound(jurors, 1, 3);
        address[] memory jury = summonFrom(count);
        bytes memory votes = new bytes(count);
        uint256 revealed = 0;
        uint256 guiltyVotes = 0;
        for (uint256 i = 0; i < count; ++i) {
            votes[i] = bytes("gnc-")[(choices >> (2 * i)) & 3];
            if (votes[i] == "g") ++guiltyVotes;
            if (votes[i] == "g" || votes[i] == "n") ++revealed;
        }
        vote(jury, votes);
        vm.warp(OPENED_AT + 150);
        close(ID);
        assertVerdict(2 * guiltyVotes > revealed);
        assertSolvent(count);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(judge.jurorOf(jury[i]).serving, 0);
            bool voted = votes[i] == "g" || votes[i] == "n";
            if (!voted) assertEq(stakeOf(jury[i]), STAKE - PENALTY);
        }
    }

    function assertVerdict(bool guilty) private view {
        assertEq(hub.verdicts(), 1);
        assertTrue(hub.guilty() == guilty);
    }

    function assertStakes(address[] memory jury, uint256 first, uint256 second, uint256 third) private view {
        assertEq(stakeOf(jury[0]), first);
        assertEq(stakeOf(jury[1]), second);
        assertEq(stakeOf(jury[2]), third);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(judge.jurorOf(jury[i]).serving, 0);
        }
        assertSolvent(3);
    }

    function wrongStatus(TrialStatus status) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_WrongStatus.selector, ID, status);
    }

    function tooLate(uint40 deadline) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_TooLate.selector, deadline);
    }

    function mismatch(address juror) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_VoteMismatch.selector, juror);
    }

    function cannotReveal(address juror) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_CannotReveal.selector, juror);
    }

    function votingOpen() private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_VotingOpen.selector, ID);
    }
}
