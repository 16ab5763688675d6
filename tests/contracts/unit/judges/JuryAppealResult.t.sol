// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryAppealTest} from "./JuryAppealTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJurorPool} from "contracts/interfaces/IJurorPool.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";

/// @dev See JuryAppealResult.tree: who wins and who pays after an appeal.
contract JuryAppealResultTest is JuryAppealTest {
    uint256 internal constant BOND = 7 * PENALTY;
    /// @dev What a juror should have gained or lost, over all rounds.
    mapping(address juror => int256) internal deltas;

    function test_ARightAppealTurnsTheResultAndGetsItsBondBack() external {
        address[] memory first = firstJury();
        vote(first, "ggn");
        assertResult(IJudge.Verdict.Guilty, OPENED_AT + 130);
        appeal();
        address[] memory second = summon();
        vote(second, "nnnnnnn");
        assertResult(IJudge.Verdict.NotGuilty, block.timestamp + 30);
        (, uint256 closable) = judge.resultOf(ID);
        vm.warp(closable);
        vm.expectEmit(address(judge));
        emit IJuryJudge.BondReturned(ID, 1, APPELLANT, uint128(BOND));
        vm.expectEmit(address(judge));
        emit IJuryJudge.JuryClosed(ID, IJudge.Verdict.NotGuilty, 2, true);
        close(ID);
        assertVerdict(IJudge.Verdict.NotGuilty);

        // The first jury is judged by the last result: its minority was right.
        expectDelta(first, 0, -100);
        expectDelta(first, 1, -100);
        expectDelta(first, 2, 200);
        assertDeltas();
        assertEq(judge.credit(APPELLANT), BOND);
        vm.expectEmit(address(judge));
        emit IJurorPool.CreditWithdrawn(APPELLANT, uint128(BOND));
        judge.withdraw(APPELLANT);
        assertEq(token.balanceOf(APPELLANT), BOND);
        assertEq(judge.credit(APPELLANT), 0);
        assertAllSettled();
    }

    function test_TheBondOfAWrongAppealGoesToTheJuryThatItCaused() external {
        address[] memory first = firstJury();
        vote(first, "ggn");
        appeal();
        address[] memory second = summon();
        vote(second, "ggggggn");
        (, uint256 closable) = judge.resultOf(ID);
        vm.warp(closable);
        vm.expectEmit(address(judge));
        emit IJuryJudge.BondLost(ID, 1, APPELLANT, uint128(BOND));
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertEq(judge.credit(APPELLANT), 0);
        // Six coherent seats share seven penalties of bond and one of the minority.
        uint256 share = 8 * uint256(PENALTY) / 6;
        assertEq(judge.toBurn(), 8 * PENALTY - 6 * share);
        for (uint256 i = 0; i < 6; ++i) {
            expectDelta(second, i, int256(share));
        }
        expectDelta(second, 6, -100);
        expectDelta(first, 0, 50);
        expectDelta(first, 1, 50);
        expectDelta(first, 2, -100);
        assertDeltas();
        assertAllSettled();
    }

    function test_ASilentAppealChangesNothingAndIsBurned() external {
        vote(firstJury(), "ggg");
        appeal();
        summon();
        vm.warp(judge.roundOf(ID, 1).commitDeadline);
        assertResult(IJudge.Verdict.Guilty, block.timestamp + 30);
        closeAfterAppeals();
        assertVerdict(IJudge.Verdict.Guilty);
        assertEq(judge.toBurn(), BOND + 7 * PENALTY);
        assertAllSettled();
    }

    function test_AnAppealThatNobodySummonsIsBurned() external {
        vote(firstJury(), "nnn");
        appeal();
        vm.warp(judge.roundOf(ID, 1).commitDeadline);
        closeAfterAppeals();
        assertVerdict(IJudge.Verdict.NotGuilty);
        assertEq(judge.toBurn(), BOND);
        assertEq(judge.pendingDraws(), 0);
        assertAllSettled();
    }

    function test_ATieOnAppealAcquitsAndOutvotesNobody() external {
        address[] memory first = firstJury();
        vote(first, "gg-");
        appeal();
        address[] memory second = summon();
        vote(second, "gggnnn-");
        closeAfterAppeals();
        assertVerdict(IJudge.Verdict.NotGuilty);
        assertEq(judge.credit(APPELLANT), BOND);
        expectDelta(first, 0, 50);
        expectDelta(first, 1, 50);
        expectDelta(first, 2, -100);
        for (uint256 i = 0; i < 6; ++i) {
            expectDelta(second, i, 16);
        }
        expectDelta(second, 6, -100);
        assertDeltas();
        assertEq(judge.toBurn(), 4);
        assertAllSettled();
    }

    function test_ATrialThatNobodyVotedOnCanBeDecidedOnAppeal() external {
        firstJury();
        vm.warp(OPENED_AT + 100);
        assertResult(IJudge.Verdict.Dismissed, OPENED_AT + 130);
        appeal();
        vote(summon(), "g");
        closeAfterAppeals();
        assertVerdict(IJudge.Verdict.Guilty);
        assertEq(judge.credit(APPELLANT), BOND);
        assertEq(judge.toBurn(), 3 * PENALTY);
        assertAllSettled();
    }

    function test_NobodyVotingInAnyRoundDismisses() external {
        firstJury();
        vm.warp(OPENED_AT + 100);
        appeal();
        summon();
        vm.warp(OPENED_AT + 200);
        appeal(CHALLENGER);
        vm.warp(OPENED_AT + 300);
        close(ID);
        assertVerdict(IJudge.Verdict.Dismissed);
        assertEq(judge.toBurn(), 3 * PENALTY + 7 * PENALTY + 3 * BOND);
        assertAllSettled();
    }

    function test_AResultThatIsTurnedBackCostsTheFirstAppellant() external {
        vote(firstJury(), "ggg");
        appeal();
        vote(summon(), "n");
        appeal(CHALLENGER);
        assertEq(token.balanceOf(address(judge)), 31 * STAKE + 3 * BOND);
        vote(summon(), "g");
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertEq(judge.credit(CHALLENGER), 2 * BOND);
        assertEq(judge.credit(APPELLANT), 0);
        // The middle jury had no coherent seat: bond and penalties are burned.
        assertEq(judge.toBurn(), BOND + 7 * PENALTY);
        assertAllSettled();
    }

    function test_TwoRightAppealsWhereTheFirstJuryWasSilent() external {
        firstJury();
        vm.warp(OPENED_AT + 100);
        appeal();
        vote(summon(), "n");
        appeal(CHALLENGER);
        vote(summon(), "g");
        close(ID);
        assertVerdict(IJudge.Verdict.Guilty);
        assertEq(judge.credit(CHALLENGER), 2 * BOND);
        assertEq(judge.credit(APPELLANT), BOND);
        assertAllSettled();
    }

    function test_AMootTrialReturnsEveryBondAndBlamesNobody() external {
        address[] memory first = firstJury();
        vote(first, "gn-");
        appeal();
        vote(summon(), "ggg----");
        appeal(CHALLENGER);
        hub.setChallengeStatus(ID, ChallengeStatus.Moot);
        close(ID);
        assertEq(hub.verdicts(), 0);
        assertEq(judge.credit(APPELLANT), BOND);
        assertEq(judge.credit(CHALLENGER), 2 * BOND);
        assertEq(judge.pendingDraws(), 0);
        assertDeltas();
        assertAllSettled();
    }

    function test_AnExpiredChallengeStillSettlesAppeals() external {
        vote(firstJury(), "ggg");
        appeal();
        vote(summon(), "n");
        vm.warp(deadlines[ID]);
        close(ID);
        assertEq(hub.verdicts(), 0);
        assertEq(judge.credit(APPELLANT), BOND);
        assertAllSettled();
    }

    function test_ClosingTheLargestTrialIsBounded() external {
        vote(firstJury(), "gng");
        appeal();
        vote(summon(), "gnn");
        appeal();
        vote(summon(), "gng");
        uint256 before = gasleft();
        close(ID);
        assertTrue(before - gasleft() < 1_500_000);
    }

    /// @dev Any votes in any number of rounds, against the rules written down once more.
    function testFuzz_TheNewestRoundWithAVoteDecides(uint256 choices, uint8 appeals) external {
        bytes memory alphabet = "ggnnc-";
        IJudge.Verdict[3] memory results;
        uint256 last = appeals % 3;
        address[] memory jury = firstJury();
        for (uint256 round = 0; round <= last; ++round) {
            if (round != 0) {
                results[round] = results[round - 1];
                appeal(round == 1 ? APPELLANT : CHALLENGER);
                jury = summon();
            } else {
                results[0] = IJudge.Verdict.Dismissed;
            }
            bytes memory votes = new bytes(jury.length);
            uint256 revealed = 0;
            uint256 guiltyVotes = 0;
            for (uint256 i = 0; i < jury.length; ++i) {
                votes[i] = alphabet[uint256(keccak256(abi.encode(choices, round, i))) % 6];
                if (choices & (1 << round) != 0) votes[i] = "-";
                if (votes[i] == "g") ++guiltyVotes;
                if (votes[i] == "g" || votes[i] == "n") ++revealed;
            }
            vote(jury, votes);
            if (2 * guiltyVotes > revealed) results[round] = IJudge.Verdict.Guilty;
            else if (revealed != 0) results[round] = IJudge.Verdict.NotGuilty;
            (IJudge.Verdict result, uint256 closable) = judge.resultOf(ID);
            assertTrue(result == results[round]);
            if (round != 2) vm.warp(closable - 1);
        }
        closeAfterAppeals();
        assertVerdict(results[last]);
        if (last > 0) assertEq(judge.credit(APPELLANT), results[0] == results[last] ? 0 : BOND);
        if (last > 1) assertEq(judge.credit(CHALLENGER), results[1] == results[last] ? 0 : 2 * BOND);
        assertAllSettled();
    }

    /// @dev The juror in this place of a jury gains or loses this much in its round.
    function expectDelta(address[] memory jury, uint256 index, int256 amount) private {
        deltas[jury[index]] += amount;
    }

    function assertDeltas() private view {
        for (uint256 i = 0; i < 31; ++i) {
            assertEq(stakeOf(jurorAt(i)), uint256(int256(uint256(STAKE)) + deltas[jurorAt(i)]));
        }
    }

    function assertAllSettled() private view {
        for (uint256 i = 0; i < 31; ++i) {
            assertEq(judge.jurorOf(jurorAt(i)).serving, 0);
        }
        uint256 owed = judge.toBurn() + judge.credit(APPELLANT) + judge.credit(CHALLENGER);
        for (uint256 i = 0; i < 31; ++i) {
            owed += stakeOf(jurorAt(i));
        }
        assertEq(token.balanceOf(address(judge)), owed);
    }
}
