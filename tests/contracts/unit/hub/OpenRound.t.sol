// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";

contract OpenRoundTest is Base {
    function setUp() public override {
        super.setUp();
        create();
    }

    function test_fixesTheBeaconOfTheBlock() public {
        vm.warp(roundStart(3));
        vm.prevrandao(keccak256("randao"));
        bytes32 beacon = keccak256(abi.encode(uint256(keccak256("randao")), blockhash(block.number - 1)));
        vm.expectEmit(address(hub));
        emit RoundOpened(task, 3, beacon, uint40(block.timestamp));
        vm.prank(STRANGER);
        assertEq(hub.openRound(task, 3), beacon, "returned");
        assertEq(hub.beaconOf(task, 3), beacon, "stored");
        assertEq(hub.beaconOf(task, 2), 0, "other round");
    }

    function test_whileCommitmentsAreAccepted() public {
        for (uint32 round = 0; round < ROUNDS; round += 3) {
            uint256 opens = roundStart(round);
            vm.warp(opens - 1);
            expect(IHubErrors.Hub_TooEarly.selector, opens);
            hub.openRound(task, round);
            vm.warp(opens + COMMIT_SECONDS);
            expect(IHubErrors.Hub_TooLate.selector, opens + COMMIT_SECONDS);
            hub.openRound(task, round);
            vm.warp(opens + COMMIT_SECONDS + 1);
            expect(IHubErrors.Hub_TooLate.selector, opens + COMMIT_SECONDS);
            hub.openRound(task, round);
            uint256[3] memory good = [opens, opens + 1, opens + COMMIT_SECONDS - 1];
            for (uint256 i = 0; i < good.length; ++i) {
                uint256 before = vm.snapshotState();
                vm.warp(good[i]);
                hub.openRound(task, round);
                assertEq(hub.beaconOf(task, round), beacon(), "opened");
                vm.revertToState(before);
            }
        }
    }

    /// @dev A round that nobody opened in time stays without a beacon, and the next is none the worse.
    function test_roundsMayBeMissed() public {
        vm.warp(roundStart(4));
        hub.openRound(task, 4);
        assertEq(hub.beaconOf(task, 3), 0, "missed");
        assertTrue(hub.beaconOf(task, 4) != 0, "open");
    }

    function test_onlyOnce() public {
        vm.warp(START + 1);
        hub.openRound(task, 0);
        vm.prevrandao(keccak256("better"));
        expect(IHubErrors.Hub_RoundAlreadyOpen.selector, 0);
        hub.openRound(task, 0);
    }

    function test_onlyRoundsOfTheTask() public {
        vm.warp(END);
        expect(IHubErrors.Hub_RoundUnknown.selector, ROUNDS, ROUNDS);
        hub.openRound(task, ROUNDS);
    }

    function test_onlyOfTasksThatExist() public {
        expect(IHubErrors.Hub_TaskUnknown.selector, 7);
        hub.openRound(bytes32(uint256(7)), 0);
    }
}
