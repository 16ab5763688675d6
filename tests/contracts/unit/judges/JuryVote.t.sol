// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {TrialStatus} from "contracts/types/Jury.sol";

/// @dev See JuryVote.tree.
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
        vm.expectEmit(address(judge));
        emit IJuryJudge.VoteCommitted(ID, 0, jury[2]);
        commitVote(jury[2], false);
        vm.expectEmit(address(judge));
        emit IJuryJudge.VoteRevealed(ID, 0, jury[0], true, OPENED_AT);
        revealVote(jury[0], true);
        assertEq(judge.roundOf(ID, 0).guiltyVotes, 1);
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
        bytes32 copied = judge.ballotOf(ID, 0, jury[0]).commitment;
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

    function test_TheVoteOfOneRoundOrTrialIsNoneOfAnother() external {
        address[] memory jury = summonFrom(3);
        vm.prank(jury[0]);
        judge.commitVote(ID, keccak256(abi.encode(ID, uint8(1), jury[0], true, SALT)));
        vm.prank(jury[1]);
        judge.commitVote(ID, keccak256(abi.encode(ID + 1, uint8(0), jury[1], true, SALT)));
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(mismatch(jury[0]));
        revealVote(jury[0], true);
        vm.expectRevert(mismatch(jury[1]));
        revealVote(jury[1], true);
    }

    function wrongStatus(TrialStatus status) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_WrongStatus.selector, ID, status);
    }

    function tooLate(uint256 deadline) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_TooLate.selector, deadline);
    }

    function mismatch(address juror) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_VoteMismatch.selector, juror);
    }

    function cannotReveal(address juror) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_CannotReveal.selector, juror);
    }
}
