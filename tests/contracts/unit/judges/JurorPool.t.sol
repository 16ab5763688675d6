// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juries} from "../../utils/Juries.sol";
import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJurorPool} from "contracts/interfaces/IJurorPool.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";

/// @dev Keeps one unit of every transfer.
contract TollToken is TestToken {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(1), 1);
    }
}

/// @dev See JurorPool.tree.
contract JurorPoolTest is JuryJudgeTest {
    // Registering

    function test_ARegisteredJurorHasStakeAndPlace() external {
        registerJurors(2);
        assertJuror(jurorAt(1), STAKE, 1);
        assertEq(judge.jurorOf(jurorAt(1)).serving, 0);
        assertEq(judge.positionOf(jurorAt(1), 0), 1);
        assertEq(judge.placeAt(1).juror, jurorAt(1));
        assertEq(judge.poolSize(), 2);
        assertEq(judge.penalty(), PENALTY);
        assertSolvent(2);
    }

    function test_AJurorStakesForEveryPlace() external {
        fund(jurorAt(0), 31 * STAKE);
        vm.expectEmit(address(judge));
        emit IJurorPool.JurorRegistered(jurorAt(0), 3, 3 * STAKE);
        vm.prank(jurorAt(0));
        judge.register(3);
        register(jurorAt(1), 2);
        vm.expectEmit(address(judge));
        emit IJurorPool.JurorRegistered(jurorAt(0), 31, 31 * STAKE);
        vm.prank(jurorAt(0));
        judge.register(28);
        assertJuror(jurorAt(0), 31 * STAKE, 31);
        assertJuror(jurorAt(1), 2 * STAKE, 2);
        assertEq(judge.poolSize(), 33);
        assertEq(token.balanceOf(jurorAt(0)), 0);
        assertPlacesAgree(2);
        assertSolvent(2);
    }

    function test_RevertWhen_AskingForMoreThan31Places() external {
        bytes memory reason =
            abi.encodeWithSelector(IJurorPool.JurorPool_TooManyPlaces.selector, uint256(32), uint256(31));
        vm.expectRevert(reason);
        judge.register(32);
        register(jurorAt(0), 30);
        vm.expectRevert(reason);
        vm.prank(jurorAt(0));
        judge.register(2);
        register(jurorAt(0), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IJurorPool.JurorPool_TooManyPlaces.selector, 31 + (1 << 32) - 1, 31)
        );
        vm.prank(jurorAt(0));
        judge.register(type(uint32).max);
    }

    function test_RevertWhen_NothingIsAdded() external {
        registerJurors(1);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_NothingToAdd.selector, jurorAt(0)));
        vm.prank(jurorAt(0));
        judge.register(0);
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_NothingToAdd.selector, NODE));
        vm.prank(NODE);
        judge.register(0);
    }

    function test_EarningsCountTowardsAPlace() external {
        address[] memory jury = summonFrom(3);
        vote(jury, "gn-");
        close(ID);
        fund(jury[0], STAKE);
        vm.prank(jury[0]);
        judge.register(1);
        // It had half a penalty more than a full stake.
        assertJuror(jury[0], 2 * STAKE, 2);
        assertEq(token.balanceOf(jury[0]), PENALTY / 2);
        assertSolvent(3);
    }

    function test_RevertWhen_TheTokenTakesAToll() external {
        token = new TollToken();
        judge = Juries.deploy(address(hub), address(token), terms());
        token.mint(jurorAt(0), STAKE);
        vm.prank(jurorAt(0));
        token.approve(address(judge), STAKE);
        vm.expectRevert(
            abi.encodeWithSelector(IJurorPool.JurorPool_TransferMismatch.selector, STAKE, STAKE - 1)
        );
        vm.prank(jurorAt(0));
        judge.register(1);
    }

    // Resigning

    function test_AJurorResignsWithItsStake() external {
        registerJurors(3);
        resign(jurorAt(0));
        assertEq(token.balanceOf(jurorAt(0)), STAKE);
        assertEq(judge.poolSize(), 2);
        // The last one took the free place.
        assertEq(judge.positionOf(jurorAt(2), 0), 0);
        assertEq(judge.positionOf(jurorAt(1), 0), 1);
        assertPlacesAgree(3);
        resign(jurorAt(1));
        resign(jurorAt(2));
        assertEq(judge.poolSize(), 0);
        assertSolvent(3);
        register(jurorAt(0));
        assertEq(judge.positionOf(jurorAt(0), 0), 0);
    }

    function test_AJurorOfManyPlacesResignsAtOnce() external {
        register(jurorAt(0), 31);
        register(jurorAt(1), 2);
        register(jurorAt(2), 31);
        resign(jurorAt(0));
        assertEq(token.balanceOf(jurorAt(0)), 31 * STAKE);
        assertEq(judge.poolSize(), 33);
        assertPlacesAgree(3);
        assertSolvent(3);
    }

    /// @dev Six jurors of one to eight places that come, add and go.
    function testFuzz_PlacesAlwaysPointAtTheirJurors(uint256 order, uint256 sizes) external {
        for (uint256 i = 0; i < 16; ++i) {
            address juror = jurorAt((order >> (8 * i)) % 6);
            if ((order >> (8 * i + 7)) & 1 == 1 && judge.jurorOf(juror).places != 0) resign(juror);
            else if (judge.jurorOf(juror).places < 24) register(juror, uint32(1 + ((sizes >> (8 * i)) & 7)));
            assertPlacesAgree(6);
        }
        assertSolvent(6);
    }

    function test_RevertWhen_NotRegistered() external {
        bytes memory unknown = abi.encodeWithSelector(IJurorPool.JurorPool_NotRegistered.selector, jurorAt(0));
        vm.expectRevert(unknown);
        vm.prank(jurorAt(0));
        judge.resign();
        vm.expectRevert(unknown);
        judge.evict(jurorAt(0));
    }

    function test_AServingJurorLeavesThePoolAndGetsItsStakeLater() external {
        address[] memory jury = summonFrom(3);
        vm.expectEmit(address(judge));
        emit IJurorPool.PlacesReduced(jury[0], 0, STAKE);
        resign(jury[0]);
        assertJuror(jury[0], STAKE, 0);
        assertEq(token.balanceOf(jury[0]), 0);
        assertEq(judge.poolSize(), 2);
        // It still votes, still answers for it, and its stake stays until then.
        vm.expectRevert(abi.encodeWithSelector(IJurorPool.JurorPool_Serving.selector, jury[0], 1));
        resign(jury[0]);
        vote(jury, "ngg");
        close(ID);
        vm.expectEmit(address(judge));
        emit IJurorPool.JurorLeft(jury[0], STAKE - PENALTY);
        resign(jury[0]);
        assertEq(token.balanceOf(jury[0]), STAKE - PENALTY);
        assertSolvent(3);
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

    function test_AStakeWithoutPlaceLeavesWhileADrawIsPending() external {
        address[] memory jury = summonFrom(3);
        resign(jury[0]);
        vote(jury, "n");
        close(ID);
        open(99, 151);
        assertEq(judge.pendingDraws(), 1);
        resign(jury[0]);
        assertEq(token.balanceOf(jury[0]), STAKE);
    }
}
