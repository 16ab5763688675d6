// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, Member, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract CommitTest is Base {
    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        vm.warp(START);
        hub.openRound(task, 0);
    }

    /// @dev The node's first commitment.
    function submit(uint32 round, uint32 units) internal {
        submit(0, round, units);
    }

    function submit(uint32 sequence, uint32 round, uint32 units) internal {
        vm.prank(NODE);
        hub.commit(task, beacon(), sequence, round, keccak256("root"), keccak256("manifest"), units);
    }

    function test_storesTheHashAndTellsTheRest() public {
        Commitment memory c = Commitment(0, 0, keccak256("root"), keccak256("manifest"), 5, START);
        vm.expectEmit(address(hub));
        emit Committed(task, NODE, 0, 0, c.root, c.manifest, 5, START);
        submit(0, 5);

        assertEq(hub.commitmentHash(task, NODE, 0), keccak256(abi.encode(c)), "ring");
        Member memory m = member(NODE);
        assertEq(m.next, 1, "next");
        assertEq(m.unpaid, 1, "unpaid");
        assertEq(m.nextRound, 1, "next round");
        assertEq(m.unitsLeft, QUOTA - 5, "left");
        assertEq(m.unitsReserved, QUOTA, "reserved until paid");
        assertEq(blockedFrom(NODE), 1, "nothing blocks");
    }

    function test_inTheFirstSecondsOfTheRound() public {
        vm.warp(roundStart(1) - 1);
        expect(IHubErrors.Hub_TooEarly.selector, roundStart(1));
        submit(1, 1);
        for (uint256 late = 0; late < 2; ++late) {
            uint256 before = vm.snapshotState();
            vm.warp(roundStart(1) + late);
            hub.openRound(task, 1);
            submit(1, 1);
            vm.revertToState(before);
        }

        vm.warp(roundStart(2));
        hub.openRound(task, 2);
        vm.warp(roundStart(2) + COMMIT_SECONDS);
        expect(IHubErrors.Hub_TooLate.selector, roundStart(2) + COMMIT_SECONDS);
        submit(2, 1);
        vm.warp(roundStart(2) + COMMIT_SECONDS + 1);
        expect(IHubErrors.Hub_TooLate.selector, roundStart(2) + COMMIT_SECONDS);
        submit(2, 1);
        vm.warp(roundStart(2) + COMMIT_SECONDS - 1);
        submit(2, 1);
    }

    function test_needsTheBeacon() public {
        vm.warp(roundStart(1));
        expect(IHubErrors.Hub_RoundNotOpen.selector, 1);
        submit(1, 1);
    }

    function test_oncePerRound() public {
        submit(0, 1);
        expect(IHubErrors.Hub_RoundUsed.selector, 0, 1);
        submit(1, 0, 1);
    }

    /// @dev The work was done for a block that the chain has dropped.
    function test_needsTheBeaconThatStands() public {
        vm.prevrandao(keccak256("a dropped block"));
        bytes32 gone = beacon();
        bytes32 stands = hub.beaconOf(task, 0);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BeaconStale.selector, gone, stands));
        submit(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BeaconStale.selector, bytes32(0), stands));
        vm.prank(NODE);
        hub.commit(task, 0, 0, 0, 0, 0, 1);
        assertEq(member(NODE).next, 0, "nothing counts");
    }

    /// @dev Leaves bind their sequence, so under another one an honest node could not answer for them.
    function test_onlyAsTheNext() public {
        expect(IHubErrors.Hub_SequenceStale.selector, 1, 0);
        submit(1, 0, 1);
        submit(0, 1);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        expect(IHubErrors.Hub_SequenceStale.selector, 0, 1);
        submit(1, 1);
        expect(IHubErrors.Hub_SequenceStale.selector, 2, 1);
        submit(2, 1, 1);
        submit(1, 1, 1);
    }

    function test_notBeforeTheFirstRoundOfTheNode() public {
        join(OTHER_KEY, QUOTA);
        expect(IHubErrors.Hub_RoundUsed.selector, 0, 1);
        vm.prank(OTHER);
        hub.commit(task, beacon(), 0, 0, 0, 0, 1);
    }

    function test_onlyRoundsOfTheTask() public {
        vm.warp(END);
        expect(IHubErrors.Hub_RoundUnknown.selector, ROUNDS, ROUNDS);
        submit(ROUNDS, 1);
        expect(IHubErrors.Hub_RoundUnknown.selector, type(uint32).max, ROUNDS);
        submit(type(uint32).max, 1);
    }

    function test_unitsWithinTheRound() public {
        expect(IHubErrors.Hub_BadUnits.selector, 0, UNITS_PER_ROUND);
        submit(0, 0);
        expect(IHubErrors.Hub_BadUnits.selector, UNITS_PER_ROUND + 1, UNITS_PER_ROUND);
        submit(0, UNITS_PER_ROUND + 1);
        submit(0, UNITS_PER_ROUND);
    }

    function test_unitsWithinTheQuota() public {
        for (uint32 round = 0; round < 4; ++round) {
            commitTo(NODE, round, UNITS_PER_ROUND);
        }
        commitTo(NODE, 4, QUOTA - 4 * UNITS_PER_ROUND - 2);
        vm.warp(roundStart(5));
        hub.openRound(task, 5);
        expect(IHubErrors.Hub_BadUnits.selector, 3, 2);
        submit(5, 5, 3);
        submit(5, 5, 2);
        vm.warp(roundStart(6));
        hub.openRound(task, 6);
        expect(IHubErrors.Hub_BadUnits.selector, 1, 0);
        submit(6, 6, 1);
    }

    function test_onlyMembers() public {
        expectStatus(OTHER, MemberStatus.None);
        vm.prank(OTHER);
        hub.commit(task, beacon(), 0, 0, 0, 0, 1);
        expectStatus(OWNER, MemberStatus.None);
        vm.prank(OWNER);
        hub.commit(task, beacon(), 0, 0, 0, 0, 1);
    }

    function test_notWhileLeaving() public {
        askExit(NODE);
        expectStatus(NODE, MemberStatus.Exiting);
        submit(0, 1);
    }

    function test_notOnceSlashed() public {
        Commitment memory c = commitTo(NODE, 0, 1);
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        expectStatus(NODE, MemberStatus.Slashed);
        submit(1, 1);
    }

    function test_onlyToTasksThatExist() public {
        task = "none";
        expectStatus(NODE, MemberStatus.None);
        submit(0, 1);
    }

    function test_unusedSlotsAreZero() public {
        submit(0, 1);
        assertTrue(hub.commitmentHash(task, NODE, 0) != 0, "used");
        assertEq(hub.commitmentHash(task, NODE, 1), 0, "unused");
        assertEq(hub.commitmentHash(task, NODE, 64), 0, "not in the ring");
        assertEq(hub.commitmentHash(task, OTHER, 0), 0, "no member");
    }
}

contract RingTest is Base {
    uint32 internal constant RING = 64;

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.rounds = 300;
    }

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, 200);
    }

    /// @dev Goes on to the first round whose commitment has no slot.
    function fill() internal returns (Commitment[] memory all) {
        all = new Commitment[](RING);
        for (uint32 round = 0; round < RING; ++round) {
            all[round] = commitTo(NODE, round, 1);
        }
        vm.warp(roundStart(RING));
        hub.openRound(task, RING);
    }

    function test_holdsSixtyFourUnpaid() public {
        fill();
        expect(IHubErrors.Hub_RingFull.selector, RING);
        vm.prank(NODE);
        hub.commit(task, beacon(), RING, RING, 0, 0, 1);
        SignedCommit[] memory batch = new SignedCommit[](1);
        batch[0] = signedBy(NODE_KEY, RING, 1);
        expect(IHubErrors.Hub_RingFull.selector, RING);
        hub.commitBatch(task, RING, batch);
        expect(IHubErrors.Hub_RingFull.selector, RING);
        vm.prank(NODE);
        hub.postCheckpoint(task, 1, 0);
    }

    function test_paidSlotsAreUsedAgain() public {
        Commitment[] memory all = fill();
        bytes32 first = hub.commitmentHash(task, NODE, 0);
        claim(NODE, all[0]);
        assertEq(hub.commitmentHash(task, NODE, 0), first, "a paid slot stays until it is needed");
        commitTo(NODE, RING, 1);
        assertTrue(hub.commitmentHash(task, NODE, 0) != first, "then it is overwritten");
        assertEq(member(NODE).unpaid, RING, "full again");
        assertEq(cursor(NODE), 1, "cursor");

        // What was overwritten can neither be claimed nor challenged again.
        fund(CHALLENGER, BOND);
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 0);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, all[0], address(judge), "");
        expect(IHubErrors.Hub_NothingToClaim.selector, 1);
        claim(NODE, all[0]);
    }

    function test_everySlotIsUsable() public {
        for (uint32 i = 0; i < 2 * RING; ++i) {
            Commitment memory c = commitTo(NODE, 2 * i, 1);
            vm.warp(c.time + WINDOW);
            claim(NODE, c);
        }
        assertEq(cursor(NODE), 2 * RING, "cursor");
        assertEq(credit(PAYOUT), 2 * RING * RATE, "pay");
    }
}
