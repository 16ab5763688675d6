// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {JuryAppealTest} from "./JuryAppealTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Round, TrialStatus, Vote} from "contracts/types/Jury.sol";

/// @dev See JuryAppeal.tree: what an appeal needs and what it starts. When: JuryAppealWindow.t.sol; what it decides:
/// JuryAppealResult.t.sol.
contract JuryAppealRequestTest is JuryAppealTest {
    // Terms

    function test_JuriesGrowAndBondsDouble() external view {
        assertEq(judge.jurySizeIn(0), 3);
        assertEq(judge.jurySizeIn(1), 7);
        assertEq(judge.jurySizeIn(2), 15);
        assertEq(judge.jurySizeIn(3), 31);
        assertEq(judge.jurySizeIn(4), 31);
        assertEq(judge.appealBond(0), 0);
        assertEq(judge.appealBond(1), 7 * PENALTY);
        assertEq(judge.appealBond(2), 14 * PENALTY);
        assertEq(judge.appealBond(3), 0);
        assertEq(judge.neededSeconds(), 3 * 150 + 2 * 30 + 10);
    }

    function test_RevertWhen_TheTermsAreBad() external {
        assertBadTerms(JuryTerms(3, 1, 100, 50, 0, 1, STAKE));
        // From a full jury there is no larger one.
        assertBadTerms(JuryTerms(31, 1, 100, 50, 30, 1, STAKE));
        assertBadTerms(JuryTerms(7, 3, 100, 50, 30, 1, STAKE));
        assertBadTerms(JuryTerms(1, 5, 100, 50, 30, 1, STAKE));
        assertBadTerms(JuryTerms(1, type(uint256).max, 100, 50, 30, 1, STAKE));
        JuryJudge largest =
            Juries.deploy(address(hub), address(token), JuryTerms(1, 4, 1, 1, 1, 1, type(uint96).max));
        assertEq(largest.appealBond(4), 3 * uint256(type(uint96).max / 4) * 8);
        assertEq(largest.neededSeconds(), 5 * 2 + 4 + 1);
        largest = Juries.deploy(address(hub), address(token), JuryTerms(30, 1, 1, 1, 1, 1, 4));
        assertEq(largest.jurySizeIn(1), 31);
    }

    function test_RevertWhen_TheDisputeLeavesNoRoomForEveryRound() external {
        registerJurors(3);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_DisputeTooShort.selector, 520, 519));
        open(ID, 519);
        open(ID, 520);
    }

    // What it needs

    function test_RevertWhen_TheHubDoesNotWait() external {
        vote(firstJury(), "ggg");
        hub.setChallengeStatus(ID, ChallengeStatus.Moot);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_NotPending.selector, ID));
        judge.appeal(ID);
    }

    function test_RevertWhen_NobodyIsLeftToJudge() external {
        registerJurors(3);
        open();
        address[] memory jury = summon();
        vote(jury, "ggg");
        for (uint256 i = 0; i < 3; ++i) {
            resign(jury[i]);
        }
        register(NODE, 5);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_NoJurors.selector));
        judge.appeal(ID);
        register(jurorAt(7));
        appeal();
        assertEq(summon().length, 1);
    }

    function test_RevertWhen_TheBondIsNotThere() external {
        vote(firstJury(), "ggg");
        fund(APPELLANT, 7 * PENALTY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(judge), 7 * PENALTY - 1, 7 * PENALTY
            )
        );
        vm.prank(APPELLANT);
        judge.appeal(ID);
        assertEq(roundNumber(), 0);
    }

    function test_RevertWhen_AppealingWithoutATrial() external {
        vm.expectRevert(wrongStatus(TrialStatus.None));
        judge.appeal(ID);
        vm.expectRevert(wrongStatus(TrialStatus.None));
        judge.resultOf(ID);
    }

    // What it starts

    function test_AnAppealRequestsALargerJury() external {
        vote(firstJury(), "ggn");
        vm.roll(OPENED_IN + 30);
        vm.warp(OPENED_AT + 110);
        fund(APPELLANT, 7 * PENALTY);
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryRequested(ID, 1, uint64(OPENED_IN + 30), OPENED_AT + 210, OPENED_AT + 260, "");
        vm.expectEmit(address(judge));
        emit IJuryJudge.Appealed(ID, 1, APPELLANT, 7 * PENALTY);
        vm.prank(APPELLANT);
        judge.appeal(ID);

        assertEq(token.balanceOf(APPELLANT), 0);
        assertEq(token.balanceOf(address(judge)), 31 * STAKE + 7 * PENALTY);
        assertEq(uint256(judge.trialOf(ID).status), uint256(TrialStatus.Drawing));
        assertEq(roundNumber(), 1);
        assertEq(judge.pendingDraws(), 1);
        Round memory round = judge.roundOf(ID, 1);
        assertEq(judge.appellantOf(ID, 1), APPELLANT);
        assertEq(round.population, 31);
        assertEq(round.drawBlock, OPENED_IN + 30);
        // The first round stays as it was.
        assertEq(judge.roundOf(ID, 0).guiltyVotes, 2);
        assertEq(judge.juryOf(ID, 0).length, 3);

        address[] memory jury = summon();
        assertEq(jury.length, 7);
        assertEq(judge.roundOf(ID, 1).seats, 7);
        assertEq(judge.pendingDraws(), 0);
        assertEq(uint256(judge.ballotOf(ID, 1, jury[0]).vote), uint256(Vote.Summoned));
        vote(jury, "n");
        appeal();
        assertEq(summon().length, 15);
    }

    function test_AnAppealAgainstAJuryNobodySummonedEndsItsDraw() external {
        registerJurors(7);
        open();
        vm.roll(OPENED_IN + 1);
        vm.warp(OPENED_AT + 100);
        appeal();
        assertEq(judge.pendingDraws(), 1);
        assertEq(summon().length, 7);
        assertEq(judge.pendingDraws(), 0);
        assertEq(judge.juryOf(ID, 0).length, 0);
    }

    function test_AJurorOfTheFirstJuryMaySitOnTheSecond() external {
        registerJurors(3);
        open();
        address[] memory jury = summon();
        vote(jury, "g");
        appeal();
        address[] memory second = summon();
        assertEq(second.length, 3);
        assertEq(judge.jurorOf(jury[0]).serving, 2);
        vote(second, "g");
        appeal();
        vote(summon(), "g");
        close(ID);
        assertEq(judge.jurorOf(jury[0]).serving, 0);
    }

    function test_NobodyVotesInARoundThatIsOver() external {
        address[] memory jury = firstJury();
        vote(jury, "gn-");
        appeal();
        vm.expectRevert(wrongStatus(TrialStatus.Drawing));
        vm.prank(jury[2]);
        judge.commitVote(ID, SALT);
        vm.expectRevert(wrongStatus(TrialStatus.Drawing));
        revealVote(jury[0], true);
    }

    /// @dev Every move in its last second, every jury summoned in its last, and still the grace is left.
    function test_TheLongestTrialLeavesTheGrace() external {
        address[] memory jury = firstJury();
        uint256 time = OPENED_AT;
        for (uint256 round = 0; round < 3; ++round) {
            vm.warp(time + 99);
            if (round != 0) jury = summon();
            commitVote(jury[0], true);
            commitVote(jury[1], true);
            vm.warp(time + 149);
            revealVote(jury[0], true);
            time += 150;
            if (round == 2) break;
            vm.warp(time + 29);
            appeal();
            time += 29;
        }
        vm.warp(time - 1);
        vm.expectRevert(votingOpen());
        close(ID);
        assertTrue(time + 10 <= deadlines[ID]);
        vm.warp(deadlines[ID] - 1);
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
    }

    function assertBadTerms(JuryTerms memory bad) private {
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_BadTerms.selector));
        Juries.deploy(address(hub), address(token), bad);
    }
}
