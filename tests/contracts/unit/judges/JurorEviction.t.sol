// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJurorPool} from "contracts/interfaces/IJurorPool.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";

/// @dev See JurorEviction.tree: stakes that have shrunk, and what was taken from them.
contract JurorEvictionTest is JuryJudgeTest {
    function test_WhoCannotPayAPenaltyIsEvicted() external {
        address[] memory jury = ruin();
        address idler = jury[0];
        assertEq(stakeOf(idler), 0);
        vm.expectEmit(address(judge));
        emit IJurorPool.PlacesReduced(idler, 0, 0);
        judge.evict(idler);
        assertEq(judge.jurorOf(idler).places, 0);
        assertEq(judge.poolSize(), 2);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_NotRegistered.selector, idler));
        resign(idler);
        register(idler);
        assertEq(stakeOf(idler), STAKE);
        assertEq(judge.poolSize(), 3);
        assertSolvent(3);
    }

    function test_AJurorKeepsThePlacesThatItsStakeCovers() external {
        address[] memory jury = summonFrom(2);
        register(jury[0], 4);
        vote(jury, "-n");
        close(ID);
        // More trials, until its stake, which loses at most three penalties each time, no longer covers five.
        uint256 id = ID;
        while (stakeOf(jury[0]) >= 5 * PENALTY) {
            open(++id, 151);
            vm.roll(block.number + 1);
            judge.summon(id);
            vm.warp(judge.roundOf(id, 0).commitDeadline);
            close(id);
        }
        uint256 stake = stakeOf(jury[0]);
        assertTrue(stake >= PENALTY);
        judge.evict(jury[0]);
        assertJuror(jury[0], stake, stake / PENALTY);
        assertEq(judge.poolSize(), 1 + stake / PENALTY);
        assertPlacesAgree(2);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_StakeSuffices.selector, jury[0], stake));
        judge.evict(jury[0]);
        assertSolvent(2);
    }

    function test_ARuinedJurorFillsItsStakeUpInPlace() external {
        address idler = ruin()[0];
        uint256 position = judge.positionOf(idler, 0);
        register(idler, 0, STAKE);
        assertJuror(idler, STAKE, 1);
        assertEq(judge.positionOf(idler, 0), position);
    }

    function test_ARuinedJurorStillInThePoolCanResign() external {
        address idler = ruin()[0];
        resign(idler);
        assertEq(judge.poolSize(), 2);
        assertEq(token.balanceOf(idler), 0);
    }

    function test_RevertWhen_EvictingWhoCanPay() external {
        registerJurors(1);
        vm.expectRevert(
            abi.encodeWithSelector(IJurorPool.JurorPool_StakeSuffices.selector, jurorAt(0), STAKE)
        );
        judge.evict(jurorAt(0));
    }

    function test_RevertWhen_EvictingWhileADrawIsPending() external {
        address idler = ruin()[0];
        open(99, 151);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_DrawPending.selector, 1));
        judge.evict(idler);
    }

    // Burning and withdrawing

    function test_PenaltiesNobodyEarnedAreBurned() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "---");
        close(ID);
        assertEq(judge.toBurn(), 3 * PENALTY);
        assertSolvent(3);
        judge.burn();
        assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), 3 * PENALTY);
        assertEq(judge.toBurn(), 0);
        assertSolvent(3);
    }

    function test_RevertWhen_NothingIsToBurn() external {
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_NothingToBurn.selector));
        judge.burn();
    }

    function test_RevertWhen_ThereIsNoCredit() external {
        registerJurors(1);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_NoCredit.selector, jurorAt(0)));
        judge.withdraw(jurorAt(0));
    }

    /// @dev Four trials in which the first juror of the first jury never votes. Three jurors, so all serve each time.
    function ruin() private returns (address[] memory jury) {
        jury = summonFrom(3);
        for (uint256 id = ID; id < ID + 4; ++id) {
            if (id != ID) {
                open(id, 151);
                vm.roll(block.number + 1);
                judge.summon(id);
            }
            for (uint256 i = 1; i < 3; ++i) {
                vm.prank(jury[i]);
                judge.commitVote(id, keccak256(abi.encode(id, uint8(0), jury[i], false, SALT)));
            }
            vm.warp(judge.roundOf(id, 0).commitDeadline);
            for (uint256 i = 1; i < 3; ++i) {
                vm.prank(jury[i]);
                judge.revealVote(id, false, SALT);
            }
            close(id);
            assertEq(uint256(hub.challengeStatus(id)), uint256(ChallengeStatus.NotGuilty));
        }
    }

    function register(address juror, uint32 places, uint256 amount) private {
        fund(juror, amount);
        vm.prank(juror);
        judge.register(places);
    }
}
