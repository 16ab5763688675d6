// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchTest} from "./BatchTest.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, Member, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract CommitBatchTest is BatchTest {
    /// @dev Each of 32 stands by its own work exactly as if it had sent it.
    function test_thirtyTwoNodesAtOnce() public {
        vm.warp(NOW);
        SignedCommit[] memory batch = new SignedCommit[](32);
        for (uint256 i = 0; i < 32; ++i) {
            join(1000 + i, QUOTA / 2);
            batch[i] = signedBy(1000 + i, 0, uint32(i % UNITS_PER_ROUND) + 1);
        }
        vm.warp(START);
        vm.expectEmit(address(hub));
        emit Committed(task, batch[0].node, 0, 0, batch[0].root, batch[0].manifest, 1, START);
        vm.prank(STRANGER);
        hub.commitBatch(task, 0, batch);

        for (uint256 i = 0; i < 32; ++i) {
            SignedCommit memory s = batch[i];
            Commitment memory c = Commitment(0, 0, s.root, s.manifest, s.units, START);
            assertEq(hub.commitmentHash(task, s.node, 0), keccak256(abi.encode(c)), "ring");
            Member memory m = member(s.node);
            assertEq(m.next, 1, "next");
            assertEq(m.unpaid, 1, "unpaid");
            assertEq(m.nextRound, 1, "next round");
            assertEq(m.unitsLeft, QUOTA / 2 - s.units, "left");
            assertEq(m.unitsReserved, QUOTA / 2, "reserved until paid");
        }
    }

    function test_roundAfterRound() public {
        relay(signedBy(NODE_KEY, 0, 3), 0);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        relay(signedBy(NODE_KEY, 1, 2), 1);
        assertEq(member(NODE).next, 2, "next");
        commitTo(NODE, 2, 1);
        vm.warp(roundStart(3));
        hub.openRound(task, 3);
        relay(signedBy(NODE_KEY, 3, 1), 3);
        assertEq(member(NODE).next, 4, "own and relayed commitments share the sequence");
    }

    function test_digestIsTheWrittenOne() public {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Cupel Hub"),
                keccak256("1"),
                block.chainid,
                address(hub)
            )
        );
        bytes32 typehash = keccak256(
            "Commit(bytes32 task,bytes32 beacon,uint32 sequence,uint32 round,bytes32 root,bytes32 manifest,uint32 units)"
        );
        bytes32 structHash = keccak256(
            abi.encode(typehash, task, bytes32("dice"), 1, 2, bytes32("root"), bytes32("files"), 3)
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, structHash));
        assertEq(hub.commitDigest(task, "dice", 1, 2, "root", "files", 3), digest, "digest");
        vm.chainId(99);
        assertTrue(hub.commitDigest(task, "dice", 1, 2, "root", "files", 3) != digest, "another chain");
    }

    function test_ofNobody() public {
        expect(IHubErrors.Hub_BatchEmpty.selector);
        hub.commitBatch(task, 0, new SignedCommit[](0));
    }

    function test_oneBadAmongGoodLeavesNothing() public {
        SignedCommit[] memory batch = new SignedCommit[](3);
        batch[0] = signedBy(NODE_KEY, 0, 3);
        batch[1] = signedBy(OTHER_KEY, 0, UNITS_PER_ROUND + 1);
        batch[2] = batch[0];
        expect(IHubErrors.Hub_BadUnits.selector, UNITS_PER_ROUND + 1, UNITS_PER_ROUND);
        hub.commitBatch(task, 0, batch);
        assertEq(member(NODE).next, 0, "nothing of the good one");
        assertEq(hub.commitmentHash(task, NODE, 0), 0, "ring");

        batch[1] = signedBy(OTHER_KEY, 0, 3);
        expect(IHubErrors.Hub_BadSignature.selector, uint160(NODE), 1);
        hub.commitBatch(task, 0, batch);
        assertEq(member(NODE).next + member(OTHER).next, 0, "nothing of the two good ones");
    }

    /// @dev Even a node that signs its next sequence too has one commitment in a round.
    function test_oneNodeTwice() public {
        SignedCommit[] memory batch = new SignedCommit[](2);
        batch[0] = signedBy(NODE_KEY, 0, 3);
        batch[1] = signedBy(NODE_KEY, 0, 3);
        batch[1].signature =
            sign(NODE_KEY, hub.commitDigest(task, beacon(), 1, 0, batch[1].root, batch[1].manifest, 3));
        expect(IHubErrors.Hub_RoundUsed.selector, 0, 1);
        hub.commitBatch(task, 0, batch);
    }

    function test_opensWithTheRound() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 1, 3);
        vm.warp(roundStart(1) - 1);
        expect(IHubErrors.Hub_TooEarly.selector, roundStart(1));
        relay(signed, 1);
        for (uint256 late = 0; late < 2; ++late) {
            uint256 before = vm.snapshotState();
            vm.warp(roundStart(1) + late);
            hub.openRound(task, 1);
            relay(signed, 1);
            vm.revertToState(before);
        }
    }

    function test_closesWithTheCommitTime() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(START + COMMIT_SECONDS + late);
            expect(IHubErrors.Hub_TooLate.selector, START + COMMIT_SECONDS);
            relay(signed, 0);
        }
        vm.warp(START + COMMIT_SECONDS - 1);
        relay(signed, 0);
    }

    function test_needsTheBeacon() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 1, 3);
        vm.warp(roundStart(1));
        expect(IHubErrors.Hub_RoundNotOpen.selector, 1);
        relay(signed, 1);
    }

    /// @dev A task that is not has no rounds.
    function test_onlyToTasksThatExist() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        task = "none";
        expect(IHubErrors.Hub_RoundUnknown.selector, 0, 0);
        relay(signed, 0);
    }

    function test_onlyRoundsOfTheTask() public {
        SignedCommit memory signed = signedBy(NODE_KEY, ROUNDS, 3);
        vm.warp(END);
        expect(IHubErrors.Hub_RoundUnknown.selector, ROUNDS, ROUNDS);
        relay(signed, ROUNDS);
    }

    function test_unitsWithinTheRoundAndTheQuota() public {
        SignedCommit memory none = signedBy(NODE_KEY, 0, 0);
        expect(IHubErrors.Hub_BadUnits.selector, 0, UNITS_PER_ROUND);
        relay(none, 0);
        vm.warp(NOW);
        join(1000, 2);
        vm.warp(START);
        SignedCommit memory poor = signedBy(1000, 0, 3);
        expect(IHubErrors.Hub_BadUnits.selector, 3, 2);
        relay(poor, 0);
        relay(signedBy(NODE_KEY, 0, UNITS_PER_ROUND), 0);
    }

    function test_notBeforeTheFirstRoundOfTheNode() public {
        join(1000, QUOTA);
        SignedCommit memory early = signedBy(1000, 0, 1);
        expect(IHubErrors.Hub_RoundUsed.selector, 0, 1);
        relay(early, 0);
    }

    function test_onlyActiveMembers() public {
        SignedCommit memory stranger = signedBy(7, 0, 1);
        expectStatus(stranger.node, MemberStatus.None);
        relay(stranger, 0);
        SignedCommit memory leaving = signedBy(NODE_KEY, 0, 1);
        askExit(NODE);
        expectStatus(NODE, MemberStatus.Exiting);
        relay(leaving, 0);

        vm.warp(roundStart(1));
        SignedCommit memory cheater = signedBy(OTHER_KEY, 1, 1);
        challengeBy(CHALLENGER, OTHER, commitTo(OTHER, 1, 1), IJudge.Verdict.Guilty);
        expectStatus(OTHER, MemberStatus.Slashed);
        relay(cheater, 1);
    }
}

contract FullRingTest is BatchTest {
    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.rounds = 65;
    }

    function test_needsAFreeSlot() public {
        vm.warp(NOW);
        join(1000, 65);
        for (uint32 round = 0; round < 64; ++round) {
            commitTo(vm.addr(1000), round, 1);
        }
        vm.warp(roundStart(64));
        hub.openRound(task, 64);
        SignedCommit memory signed = signedBy(1000, 64, 1);
        expect(IHubErrors.Hub_RingFull.selector, 64);
        relay(signed, 64);
    }
}
