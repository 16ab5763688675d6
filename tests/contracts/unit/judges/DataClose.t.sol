// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataJudgeTest} from "./DataJudgeTest.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";

contract DataCloseTest is DataJudgeTest {
    RolloutLeaf[] internal leaves;
    Challenge internal challenge;
    Demand internal demand;

    function setUp() public override {
        super.setUp();
        RolloutLeaf[] memory made = honest(UNITS);
        for (uint256 i = 0; i < UNITS; ++i) {
            leaves.push(made[i]);
        }
        (challenge, demand) = ask(commitmentTo(made), DemandKind.Tokens, 1, 1);
    }

    function test_SilenceIsGuilt() external {
        vm.warp(OPENED_AT + 100);
        vm.expectEmit(address(judge));
        emit IDataJudge.DemandClosed(idOf(challenge), demand.price, true);
        vm.prank(FRIEND);
        judge.close(challenge, demand);
        assertStatus(idOf(challenge), ChallengeStatus.Guilty);
        assertEq(judge.credit(CHALLENGER), DEPOSIT);
        assertEq(judge.credit(FRIEND), 0);
        assertEq(judge.demandHash(idOf(challenge)), bytes32(0));
        assertSolvent(0);
    }

    /// @dev At every second exactly one of the two is possible.
    function test_ClosingStartsWhenAnsweringEnds() external {
        vm.warp(OPENED_AT + 99);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_AnswerOpen.selector, OPENED_AT + 100));
        judge.close(challenge, demand);
        for (uint256 late = 0; late < 2; ++late) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(OPENED_AT + 100 + late);
            judge.close(challenge, demand);
            assertStatus(idOf(challenge), ChallengeStatus.Guilty);
            vm.revertToState(snapshot);
        }
    }

    function test_ClosingIsRelayedBeforeTheHubsDeadline() external {
        for (uint256 late = 0; late < 3; ++late) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(OPENED_AT + 149 + late);
            judge.close(challenge, demand);
            assertStatus(idOf(challenge), late == 0 ? ChallengeStatus.Guilty : ChallengeStatus.Pending);
            assertEq(judge.credit(CHALLENGER), DEPOSIT);
            vm.revertToState(snapshot);
        }
    }

    function test_AnEndedChallengeGivesThePriceBackAtOnce() external {
        hub.setChallengeStatus(idOf(challenge), ChallengeStatus.Moot);
        vm.expectEmit(address(judge));
        emit IDataJudge.DemandClosed(idOf(challenge), demand.price, false);
        judge.close(challenge, demand);
        assertEq(hub.verdicts(), 0);
        assertEq(judge.credit(CHALLENGER), DEPOSIT);
        assertSolvent(0);
    }

    function test_AnExpiredChallengeGivesThePriceBack() external {
        vm.warp(OPENED_AT + 150);
        hub.setChallengeStatus(idOf(challenge), ChallengeStatus.Expired);
        judge.close(challenge, demand);
        assertEq(hub.verdicts(), 0);
        assertEq(judge.credit(CHALLENGER), DEPOSIT);
    }

    function test_RevertWhen_ClosedTwiceOrAnsweredAfterwards() external {
        vm.warp(OPENED_AT + 100);
        judge.close(challenge, demand);
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.close(challenge, demand);
        vm.warp(OPENED_AT + 99);
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.answerManifest(challenge, demand, published);
        assertEq(hub.verdicts(), 1);
    }
}
