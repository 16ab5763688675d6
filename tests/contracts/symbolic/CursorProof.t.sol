// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubProof} from "./HubState.sol";
import {Commitment, MemberStatus, Work} from "contracts/types/Membership.sol";

/// @title The pay cursor only moves forward, and pays what it passes once
/// @dev In any state of the member, with any commitments in the ring, for batches of one and two.
contract CursorProof is HubProof {
    bytes32 private constant BEACON = bytes32(uint256(1));

    function cursorOf(Work memory work) internal pure returns (uint256) {
        return work.next - work.unpaid;
    }

    function isMarked(uint256 marks, uint256 sequence) internal pure returns (bool) {
        return (marks >> (sequence % RING)) & 1 == 1;
    }

    /// @dev Any state of the member in which a claim can be made, with `c` in its ring.
    function stateWith(uint256 word, Commitment memory c) internal returns (Work memory work) {
        work = setWork(word);
        assumeStaked(work);
        assumeReachable(work);
        keep(work, c);
        setTask(type(uint40).max, type(uint40).max);
    }

    /// @dev What `commit` keeps true: the ring holds what was committed.
    function keep(Work memory work, Commitment memory c) internal {
        vm.assume(c.sequence < work.next);
        hub.setRing(task, NODE, c.sequence % RING, keccak256(abi.encode(c)));
    }

    /// @dev What passing `c` should pay, and the claims that must hold when it is passed.
    function dueFor(Work memory work, Commitment memory c) internal view returns (uint256) {
        must(block.timestamp >= uint256(c.time) + WINDOW);
        must(!isMarked(work.challenged, c.sequence));
        return isMarked(work.voided, c.sequence) ? 0 : c.units;
    }

    function assertPaid(Work memory work, uint256 moved, uint256 due) internal view {
        Work memory later = workNow();
        must(cursorOf(later) == cursorOf(work) + moved && later.next == work.next);
        must(hub.credit(address(token), NODE) == due * RATE);
        must(work.unitsReserved - later.unitsReserved == due);
    }

    /// @dev Whatever is shown: the claim fails, or it was the oldest unpaid commitment and is paid.
    function check_AClaimPaysTheOldest(uint256 word, uint40 time, Commitment memory c) external {
        vm.warp(time);
        Work memory work = stateWith(word, c);
        // Unpaid units are part of the reserve.
        vm.assume(c.units <= work.unitsReserved);
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        hub.claim(params(), NODE, batch);
        must(c.sequence == cursorOf(work) && work.unpaid != 0);
        assertPaid(work, 1, dueFor(work, c));
    }

    /// @dev The two oldest in one batch: each is paid, once.
    function check_ABatchPaysBoth(
        uint256 word,
        uint40 time,
        Commitment memory first,
        Commitment memory second
    ) external {
        vm.warp(time);
        Work memory work = stateWith(word, first);
        keep(work, second);
        vm.assume(first.sequence == cursorOf(work));
        vm.assume(second.sequence == uint256(first.sequence) + 1);
        vm.assume(uint256(first.units) + second.units <= work.unitsReserved);
        Commitment[] memory batch = new Commitment[](2);
        (batch[0], batch[1]) = (first, second);
        hub.claim(params(), NODE, batch);
        assertPaid(work, 2, dueFor(work, first) + dueFor(work, second));
    }

    /// @dev The oldest, and then any that is not younger, itself included: only the first is paid.
    function check_WhatIsPassedIsNotPaidAgain(
        uint256 word,
        uint40 time,
        Commitment memory first,
        Commitment memory second
    ) external {
        vm.warp(time);
        Work memory work = stateWith(word, first);
        vm.assume(first.sequence == cursorOf(work));
        vm.assume(second.sequence <= first.sequence);
        vm.assume(first.units <= work.unitsReserved);
        Commitment[] memory batch = new Commitment[](2);
        (batch[0], batch[1]) = (first, second);
        hub.claim(params(), NODE, batch);
        assertPaid(work, 1, dueFor(work, first));
    }

    /// @dev A commitment is added behind the others: none that is unpaid leaves the ring, and none becomes payable
    /// again.
    function check_ACommitmentDoesNotMoveTheCursor(uint256 word, uint32 round, uint32 units, uint40 time)
        external
    {
        vm.warp(time);
        Work memory work = setWork(word);
        assumeStatus(work, MemberStatus.Active);
        assumeReachable(work);
        // Commitments to work are no more than the quota, those to checkpoints no more than the rounds: 2^24 each.
        vm.assume(work.next < 1 << 25);
        vm.assume(round < 10);
        setTask(type(uint40).max, type(uint40).max);
        hub.setBeacon(task, round, BEACON);
        vm.prank(NODE);
        hub.commit(task, BEACON, uint32(work.next), round, 0, 0, units);

        Work memory later = workNow();
        must(cursorOf(later) == cursorOf(work) && later.next == work.next + 1);
        must(isReachable(later));
        // Units that are committed leave the quota, and the reserve covers them still.
        must(later.unitsLeft + units == work.unitsLeft && later.unitsReserved == work.unitsReserved);
        must(later.nextRound == uint256(round) + 1 && round >= work.nextRound);
        // The slot that was written held no unpaid commitment.
        must(!isMarked(unpaidBits(work), work.next));
    }
}
