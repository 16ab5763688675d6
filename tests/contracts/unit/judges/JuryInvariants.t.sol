// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {JuryWalk} from "./JuryWalk.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {Juror, Round, Trial, TrialStatus} from "contracts/types/Jury.sol";

contract JuryInvariantsTest is Checks {
    JuryWalk internal walk;
    JuryJudge internal judge;

    function setUp() public {
        walk = new JuryWalk();
        judge = walk.judge();
    }

    /// @dev Only the walk is walked: the hub double and the judge are called through it.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(walk);
    }

    function invariant_EveryTokenIsAStakeABondACreditOrWaitsToBeBurned() external view {
        uint256 owed = judge.toBurn();
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            owed += judge.jurorOf(walk.jurorAt(i)).stake + judge.credit(walk.jurorAt(i));
        }
        for (uint256 id = 0; id < walk.trials(); ++id) {
            Trial memory trial = judge.trialOf(id);
            if (trial.status == TrialStatus.Closed) continue;
            for (uint256 round = 1; round <= trial.round; ++round) {
                owed += judge.appealBond(round);
            }
        }
        assertEq(walk.token().balanceOf(address(judge)), owed);
    }

    function invariant_PlacesAndPoolAgree() external view {
        uint256 places = 0;
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            address juror = walk.jurorAt(i);
            uint256 held = judge.jurorOf(juror).places;
            assertTrue(held <= 31);
            for (uint256 index = 0; index < held; ++index) {
                uint256 position = judge.positionOf(juror, index);
                assertEq(judge.placeAt(position).juror, juror);
                assertEq(judge.placeAt(position).index, index);
            }
            places += held;
        }
        assertEq(judge.poolSize(), places);
    }

    function invariant_CountsOfServiceSeatsAndDrawsAreThoseOfOpenTrials() external view {
        uint256 draws = 0;
        uint256 serving = 0;
        for (uint256 id = 0; id < walk.trials(); ++id) {
            Trial memory trial = judge.trialOf(id);
            if (trial.status == TrialStatus.Drawing) ++draws;
            assertTrue(trial.round <= judge.maxAppeals());
            for (uint256 number = 0; number <= trial.round; ++number) {
                address[] memory jury = judge.juryOf(id, number);
                if (trial.status != TrialStatus.Closed) serving += jury.length;
                Round memory round = judge.roundOf(id, number);
                uint256 seats = 0;
                for (uint256 i = 0; i < jury.length; ++i) {
                    seats += judge.ballotOf(id, number, jury[i]).seats;
                    assertTrue(jury[i] != trial.node && jury[i] != trial.challenger);
                }
                assertEq(round.seats, seats);
                assertTrue(seats <= judge.jurySizeIn(number) && seats <= round.population);
                assertTrue(round.guiltyVotes <= round.revealed);
                assertTrue(round.revealed <= round.committed && round.committed <= round.seats);
            }
        }
        uint256 counted = 0;
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            counted += judge.jurorOf(walk.jurorAt(i)).serving;
        }
        assertEq(judge.pendingDraws(), draws);
        assertEq(counted, serving);
    }

    function invariant_NobodyLosesMoreThanAPenaltyForEachSeat() external view {
        assertEq(walk.excessiveLosses(), 0);
    }

    function invariant_AFreeJurorCanResign() external view {
        assertEq(walk.refusedResignations(), 0);
    }

    function invariant_NoStakeLeavesWhileItServes() external view {
        assertEq(walk.earlyStakes(), 0);
    }

    /// @dev Whatever happened, every trial that nobody appeals any more closes at a time known in advance, in time for
    /// the hub; then every juror and every appellant gets out what is its own, and the judge is empty.
    function invariant_EveryTrialEndsAndEveryTokenComesOut() external {
        uint256 snapshot = vm.snapshotState();
        uint256 longest = block.timestamp + 180;
        for (uint256 id = 0; id < walk.trials(); ++id) {
            if (judge.trialOf(id).status == TrialStatus.Closed) continue;
            (, uint256 closable) = judge.resultOf(id);
            assertTrue(closable <= longest);
            assertTrue(closable + judge.graceSeconds() <= walk.openedAt(id) + judge.neededSeconds());
        }
        vm.warp(longest);
        for (uint256 id = 0; id < walk.trials(); ++id) {
            if (judge.trialOf(id).status != TrialStatus.Closed) judge.close(walk.challengeAt(id));
        }
        assertEq(judge.pendingDraws(), 0);
        assertTrue(walk.hub().verdicts() <= walk.trials());
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            address account = walk.jurorAt(i);
            Juror memory juror = judge.jurorOf(account);
            assertEq(juror.serving, 0);
            vm.prank(account);
            if (juror.stake != 0 || juror.places != 0) judge.resign();
            if (judge.credit(account) != 0) judge.withdraw(account);
        }
        if (judge.toBurn() != 0) judge.burn();
        assertEq(judge.poolSize(), 0);
        assertEq(walk.token().balanceOf(address(judge)), 0);
        vm.revertToState(snapshot);
    }
}
