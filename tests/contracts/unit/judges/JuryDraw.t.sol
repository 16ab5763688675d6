// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Round, Trial, TrialStatus, Vote} from "contracts/types/Jury.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @dev See JuryDraw.tree.
contract JuryDrawTest is JuryJudgeTest {
    function test_NamesItsHubAndItsGuarantee() external view {
        assertEq(judge.hub(), address(hub));
        assertEq(judge.jurySize(), 3);
        assertEq(judge.maxAppeals(), 0);
        assertEq(judge.appealSeconds(), 0);
        assertEq(judge.graceSeconds(), 1);
        assertEq(judge.neededSeconds(), 151);
        assertEq(judge.appealBond(1), 0);
        assertEq(judge.commitSeconds(), 100);
        assertEq(judge.revealSeconds(), 50);
        assertEq(
            keccak256(bytes(judge.guarantee())),
            keccak256("honest-majority: a drawn jury votes, and a dishonest majority of it decides wrongly")
        );
    }

    function test_RevertWhen_TheTermsAreBad() external {
        assertBadTerms(JuryTerms(0, 0, 100, 50, 0, 1, STAKE));
        assertBadTerms(JuryTerms(32, 0, 100, 50, 0, 1, STAKE));
        assertBadTerms(JuryTerms(3, 0, 0, 50, 0, 1, STAKE));
        assertBadTerms(JuryTerms(3, 0, 100, 0, 0, 1, STAKE));
        assertBadTerms(JuryTerms(3, 0, 100, 50, 0, 0, STAKE));
        assertBadTerms(JuryTerms(3, 0, 100, 50, 0, 1, 3));
        Juries.deploy(address(hub), address(token), JuryTerms(31, 0, 1, 1, 0, 1, 4));
    }

    function test_OpenFixesDeadlinesAndTheBlockOfTheDraw() external {
        registerJurors(4);
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryRequested(ID, 0, uint64(OPENED_IN), OPENED_AT + 100, OPENED_AT + 150, "evidence");
        open();
        Trial memory trial = judge.trialOf(ID);
        assertEq(uint256(trial.status), uint256(TrialStatus.Drawing));
        assertEq(trial.round, 0);
        assertEq(trial.node, NODE);
        assertEq(trial.challenger, CHALLENGER);
        Round memory round = judge.roundOf(ID, 0);
        assertEq(round.drawBlock, OPENED_IN);
        assertEq(round.commitDeadline, OPENED_AT + 100);
        assertEq(round.revealDeadline, OPENED_AT + 150);
        assertEq(round.population, 4);
        assertEq(judge.appellantOf(ID, 0), address(0));
        assertEq(judge.juryOf(ID, 0).length, 0);
        assertEq(judge.pendingDraws(), 1);
    }

    function test_RevertWhen_TheCallerIsNotTheHub() external {
        TaskParams memory p;
        Commitment memory c;
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_NotHub.selector, address(this)));
        judge.open(ID, challengeOf(ID), p, c, "");
    }

    function test_RevertWhen_TheDisputeIsTooShort() external {
        registerJurors(3);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_DisputeTooShort.selector, 151, 150));
        open(ID, 150);
        open(ID, 151);
    }

    function test_RevertWhen_NobodyButThePartiesIsRegistered() external {
        bytes memory noJurors = abi.encodeWithSelector(IJuryJudge.JuryJudge_NoJurors.selector);
        vm.expectRevert(noJurors);
        open();
        register(NODE);
        vm.expectRevert(noJurors);
        open();
        register(CHALLENGER);
        vm.expectRevert(noJurors);
        open();
        registerJurors(1);
        open();
    }

    /// @dev Four jurors and, anywhere between them, the parties; some register too late.
    function testFuzz_TheJuryIsDrawnFromThePopulationWithoutTheParties(
        uint256 blockNumber,
        uint8 accusedAt,
        uint8 challengerAt
    ) external {
        vm.roll(bound(blockNumber, 1, 1 << 40));
        for (uint256 i = 0; i < 5; ++i) {
            if (accusedAt % 6 == i) register(NODE);
            if (challengerAt % 6 == i) register(CHALLENGER);
            if (i < 4) register(jurorAt(i));
        }
        open();
        if (accusedAt % 6 == 5) register(NODE);
        if (challengerAt % 6 == 5) register(CHALLENGER);
        register(jurorAt(90));
        vm.roll(block.number + 1);
        judge.summon(ID);
        address[] memory jury = judge.juryOf(ID, 0);
        assertEq(jury.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            assertTrue(jury[i] >= jurorAt(0) && jury[i] <= jurorAt(3));
            assertTrue(jury[i] != jury[(i + 1) % 3]);
            assertEq(judge.jurorOf(jury[i]).serving, 1);
            assertEq(uint256(judge.ballotOf(ID, 0, jury[i]).vote), uint256(Vote.Summoned));
        }
        assertEq(judge.roundOf(ID, 0).seats, 3);
    }

    function test_EveryJurorCanBeDrawn() external {
        registerJurors(6);
        register(NODE);
        uint256 seen = 0;
        for (uint256 id = 0; id < 24; ++id) {
            open(id, 151);
            vm.roll(block.number + 1);
            judge.summon(id);
            address[] memory jury = judge.juryOf(id, 0);
            for (uint256 i = 0; i < 3; ++i) {
                seen |= 1 << (uint160(jury[i]) - uint160(jurorAt(0)));
            }
        }
        assertEq(seen, (1 << 6) - 1);
    }

    function test_ASmallPoolServesAsAWhole() external {
        assertEq(summonFrom(2).length, 2);
    }

    function test_AChallengerThatAccusesItselfIsLeftOutOnce() external {
        register(NODE);
        registerJurors(3);
        TaskParams memory p;
        p.disputeSeconds = 151;
        Commitment memory c;
        Challenge memory itself = challengeOf(ID);
        itself.challenger = NODE;
        hub.ask(judge, itself, p, c, "");
        vm.roll(OPENED_IN + 1);
        judge.summon(ID);
        assertEq(judge.juryOf(ID, 0).length, 3);
    }

    function test_TheJuryDoesNotDependOnWhenItIsSummoned() external {
        registerJurors(9);
        open();
        uint256 snapshot = vm.snapshotState();
        vm.roll(OPENED_IN + 1);
        judge.summon(ID);
        address[] memory early = judge.juryOf(ID, 0);
        vm.revertToState(snapshot);
        vm.roll(OPENED_IN + 200);
        vm.warp(OPENED_AT + 99);
        vm.prank(CHALLENGER);
        judge.summon(ID);
        assertEq(keccak256(abi.encode(judge.juryOf(ID, 0))), keccak256(abi.encode(early)));
    }

    function test_WhoCannotPayAPenaltyIsNotSeated() external {
        address[] memory jury = summonFrom(1);
        // Four trials of one juror that never votes.
        for (uint256 id = ID; id < ID + 4; ++id) {
            if (id != ID) {
                open(id, 151);
                vm.roll(block.number + 1);
                judge.summon(id);
            }
            vm.warp(judge.roundOf(id, 0).commitDeadline);
            close(id);
        }
        assertEq(stakeOf(jury[0]), 0);
        open(99, 151);
        vm.roll(block.number + 1);
        judge.summon(99);
        assertEq(judge.juryOf(99, 0).length, 0);
        close(99);
        assertEq(uint256(hub.answer()), uint256(IJudge.Verdict.Dismissed));
    }

    function test_RevertWhen_SummonedInTheBlockOfTheChallenge() external {
        registerJurors(3);
        open();
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_TooEarlyToSummon.selector, OPENED_IN));
        judge.summon(ID);
    }

    function test_RevertWhen_SummonedAfterTheCommitDeadline() external {
        registerJurors(3);
        open();
        vm.roll(OPENED_IN + 1);
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_TooLate.selector, OPENED_AT + 100));
        judge.summon(ID);
    }

    function test_RevertWhen_SummonedTwiceOrWithoutATrial() external {
        vm.expectRevert(
            abi.encodeWithSelector(IJuryJudge.JuryJudge_WrongStatus.selector, ID, TrialStatus.None)
        );
        judge.summon(ID);
        summonFrom(3);
        vm.expectRevert(
            abi.encodeWithSelector(IJuryJudge.JuryJudge_WrongStatus.selector, ID, TrialStatus.Voting)
        );
        judge.summon(ID);
    }

    function test_AForgottenHashPostponesTheDraw() external {
        registerJurors(5);
        open();
        vm.roll(OPENED_IN + 257);
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryPostponed(ID, 0, uint64(OPENED_IN + 257));
        judge.summon(ID);
        assertEq(judge.juryOf(ID, 0).length, 0);
        assertEq(judge.pendingDraws(), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IJuryJudge.JuryJudge_TooEarlyToSummon.selector, OPENED_IN + 257)
        );
        judge.summon(ID);
        vm.roll(OPENED_IN + 258);
        judge.summon(ID);
        assertEq(judge.juryOf(ID, 0).length, 3);
    }

    function assertBadTerms(JuryTerms memory bad) private {
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_BadTerms.selector));
        Juries.deploy(address(hub), address(token), bad);
    }
}
