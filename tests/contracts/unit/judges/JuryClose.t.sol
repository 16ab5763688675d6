// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {TrialStatus} from "contracts/types/Jury.sol";

/// @dev See JuryClose.tree.
contract JuryCloseTest is JuryJudgeTest {
    // Closing

    function test_AMajorityConvicts() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "gng");
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryClosed(ID, IJudge.Verdict.Guilty, 1, true);
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE - PENALTY, STAKE + PENALTY / 2);
    }

    function test_AMajorityAcquits() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "ngn");
        close(ID);
        assertVerdict(IJudge.Verdict.NotGuilty);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE - PENALTY, STAKE + PENALTY / 2);
    }

    function test_AUnanimousJuryMovesNoMoney() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "ggg");
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertStakes(jury, STAKE, STAKE, STAKE);
    }

    function test_ATieIsNotGuiltyAndOutvotesNobody() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "gn-");
        close(ID);
        assertVerdict(IJudge.Verdict.NotGuilty);
        assertStakes(jury, STAKE + PENALTY / 2, STAKE + PENALTY / 2, STAKE - PENALTY);
    }

    function test_OneVoteIsAMajorityOfOne() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "-gc");
        vm.warp(OPENED_AT + 150);
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertStakes(jury, STAKE - PENALTY, STAKE + 2 * PENALTY, STAKE - PENALTY);
    }

    function test_ASilentJuryDismisses() external {
        address[] memory jury = summonFrom(3);
        vm.warp(OPENED_AT + 100);
        close(ID);
        assertVerdict(IJudge.Verdict.Dismissed);
        assertStakes(jury, STAKE - PENALTY, STAKE - PENALTY, STAKE - PENALTY);
    }

    function test_AJuryNobodySummonedDismisses() external {
        registerJurors(3);
        open();
        vm.expectRevert(votingOpen());
        close(ID);
        vm.warp(OPENED_AT + 100);
        close(ID);
        assertVerdict(IJudge.Verdict.Dismissed);
        assertEq(judge.pendingDraws(), 0);
        assertEq(judge.toBurn(), 0);
    }

    function test_WhatCannotBeDividedIsBurned() external {
        JuryTerms memory four = terms();
        four.jurySize = 4;
        judge = Juries.deploy(address(hub), address(token), four);
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
        assertVerdict(IJudge.Verdict.Guilty);
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
        assertVerdict(IJudge.Verdict.Guilty);
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
        emit IJuryJudge.JuryClosed(ID, IJudge.Verdict.Guilty, 1, false);
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
        assertVerdict(IJudge.Verdict.Guilty);
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
        if (revealed == 0) assertVerdict(IJudge.Verdict.Dismissed);
        else if (2 * guiltyVotes > revealed) assertVerdict(IJudge.Verdict.Guilty);
        else assertVerdict(IJudge.Verdict.NotGuilty);
        assertSolvent(count);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(judge.jurorOf(jury[i]).serving, 0);
            bool voted = votes[i] == "g" || votes[i] == "n";
            if (!voted) assertEq(stakeOf(jury[i]), STAKE - PENALTY);
        }
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

    function votingOpen() private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_VotingOpen.selector, ID);
    }
}
