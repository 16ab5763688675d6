// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJurorPool} from "contracts/interfaces/IJurorPool.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Juror} from "contracts/types/Jury.sol";

/// @dev Keeps one unit of every transfer.
contract TollToken is TestToken {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(1), 1);
    }
}

contract JurorPoolTest is JuryJudgeTest {
    function test_ARegisteredJurorHasStakeAndPlace() external {
        registerJurors(2);
        Juror memory juror = judge.jurorOf(jurorAt(1));
        assertEq(juror.stake, STAKE);
        assertEq(juror.place, 2);
        assertEq(juror.serving, 0);
        assertEq(judge.poolSize(), 2);
        assertEq(judge.penalty(), PENALTY);
        assertSolvent(2);
    }

    function test_AJurorResignsWithItsStake() external {
        registerJurors(3);
        resign(jurorAt(0));
        assertEq(token.balanceOf(jurorAt(0)), STAKE);
        assertEq(judge.poolSize(), 2);
        // The last one took the free place.
        assertEq(judge.jurorOf(jurorAt(2)).place, 1);
        assertEq(judge.jurorOf(jurorAt(1)).place, 2);
        resign(jurorAt(1));
        resign(jurorAt(2));
        assertEq(judge.poolSize(), 0);
        assertSolvent(3);
        register(jurorAt(0));
        assertEq(judge.jurorOf(jurorAt(0)).place, 1);
    }

    function testFuzz_PlacesAlwaysPointAtTheirJurors(uint256 order) external {
        registerJurors(6);
        for (uint256 i = 0; i < 6; ++i) {
            address juror = jurorAt((order >> (8 * i)) % 6);
            if (judge.jurorOf(juror).place != 0) resign(juror);
            else register(juror);
            uint256 seen = 0;
            uint256 registered = 0;
            for (uint256 k = 0; k < 6; ++k) {
                uint256 place = judge.jurorOf(jurorAt(k)).place;
                if (place == 0) continue;
                assertTrue(place <= judge.poolSize());
                assertEq((seen >> place) & 1, 0);
                seen |= 1 << place;
                ++registered;
            }
            assertEq(registered, judge.poolSize());
        }
        assertSolvent(6);
    }

    function test_RevertWhen_RegisteredAlready() external {
        registerJurors(1);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_AlreadyRegistered.selector, jurorAt(0)));
        vm.prank(jurorAt(0));
        judge.register();
    }

    function test_RevertWhen_NotRegistered() external {
        bytes memory unknown = abi.encodeWithSelector(IJurorPool.JurorPool_NotRegistered.selector, jurorAt(0));
        vm.expectRevert(unknown);
        vm.prank(jurorAt(0));
        judge.resign();
        vm.expectRevert(unknown);
        judge.evict(jurorAt(0));
    }

    function test_RevertWhen_ResigningWhileServing() external {
        address[] memory jury = summonFrom(3);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_Serving.selector, jury[0], 1));
        resign(jury[0]);
        vote(jury, "nnn");
        close(ID);
        resign(jury[0]);
        assertEq(token.balanceOf(jury[0]), STAKE);
    }

    function test_RevertWhen_ResigningWhileADrawIsPending() external {
        registerJurors(5);
        open();
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_DrawPending.selector, 1));
        resign(jurorAt(4));
        vm.roll(OPENED_IN + 1);
        judge.summon(ID);
        assertEq(judge.pendingDraws(), 0);
        for (uint256 i = 0; i < 5; ++i) {
            if (judge.jurorOf(jurorAt(i)).serving == 0) resign(jurorAt(i));
        }
        assertEq(judge.poolSize(), 3);
    }

    function test_WhoCannotPayAPenaltyIsEvicted() external {
        address[] memory jury = ruin();
        address idler = jury[0];
        assertEq(stakeOf(idler), 0);
        judge.evict(idler);
        assertEq(judge.jurorOf(idler).place, 0);
        assertEq(judge.poolSize(), 2);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_NotRegistered.selector, idler));
        resign(idler);
        register(idler);
        assertEq(stakeOf(idler), STAKE);
        assertEq(judge.poolSize(), 3);
        assertSolvent(3);
    }

    function test_ARuinedJurorFillsItsStakeUpInPlace() external {
        address idler = ruin()[0];
        uint256 place = judge.jurorOf(idler).place;
        register(idler);
        assertEq(stakeOf(idler), STAKE);
        assertEq(judge.jurorOf(idler).place, place);
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

    function test_RevertWhen_TheTokenTakesAToll() external {
        token = new TollToken();
        judge = new JuryJudge(address(hub), address(token), 3, 100, 50, STAKE);
        token.mint(jurorAt(0), STAKE);
        vm.prank(jurorAt(0));
        token.approve(address(judge), STAKE);
        vm.expectRevert(
            abi.encodeWithSelector(IJurorPool.JurorPool_TransferMismatch.selector, STAKE, STAKE - 1)
        );
        vm.prank(jurorAt(0));
        judge.register();
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
                judge.commitVote(id, keccak256(abi.encode(id, jury[i], false, SALT)));
            }
            vm.warp(judge.trialOf(id).commitDeadline);
            for (uint256 i = 1; i < 3; ++i) {
                vm.prank(jury[i]);
                judge.revealVote(id, false, SALT);
            }
            close(id);
            assertEq(uint256(hub.challengeStatus(id)), uint256(ChallengeStatus.NotGuilty));
        }
    }

    function resign(address juror) private {
        vm.prank(juror);
        judge.resign();
    }
}
