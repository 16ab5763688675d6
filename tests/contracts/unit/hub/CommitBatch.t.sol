// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {ContractNode} from "../../mocks/Wallets.sol";
import {Hub} from "contracts/Hub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, Member, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

abstract contract BatchTest is Base {
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function setUp() public virtual override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        join(OTHER_KEY, QUOTA);
        vm.warp(START);
        hub.openRound(task, 0);
    }

    function relay(SignedCommit memory only, uint32 round) internal {
        SignedCommit[] memory batch = new SignedCommit[](1);
        batch[0] = only;
        vm.prank(STRANGER);
        hub.commitBatch(task, round, batch);
    }

    function expectUnsigned(address node, uint256 sequence) internal {
        expect(IHubErrors.Hub_BadSignature.selector, uint160(node), sequence);
    }

    function refusesSignature(SignedCommit memory signed) internal {
        expectUnsigned(signed.node, 0);
        relay(signed, 0);
    }
}

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
            "Commit(bytes32 task,uint32 sequence,uint32 round,bytes32 root,bytes32 manifest,uint32 units)"
        );
        bytes32 structHash = keccak256(abi.encode(typehash, task, 1, 2, bytes32("root"), bytes32("files"), 3));
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, structHash));
        assertEq(hub.commitDigest(task, 1, 2, "root", "files", 3), digest, "digest");
        vm.chainId(99);
        assertTrue(hub.commitDigest(task, 1, 2, "root", "files", 3) != digest, "another chain");
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
        expectUnsigned(NODE, 1);
        hub.commitBatch(task, 0, batch);
        assertEq(member(NODE).next + member(OTHER).next, 0, "nothing of the two good ones");
    }

    /// @dev Even a node that signs its next sequence too has one commitment in a round.
    function test_oneNodeTwice() public {
        SignedCommit[] memory batch = new SignedCommit[](2);
        batch[0] = signedBy(NODE_KEY, 0, 3);
        batch[1] = signedBy(NODE_KEY, 0, 3);
        batch[1].signature = sign(NODE_KEY, hub.commitDigest(task, 1, 0, batch[1].root, batch[1].manifest, 3));
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

contract BatchSignatureTest is BatchTest {
    function test_contractNodeSignsByEip1271() public {
        vm.warp(NOW);
        ContractNode node = new ContractNode();
        node.approve(hub.joinDigest(task, address(node), OWNER, PAYOUT, QUOTA));
        fund(OWNER, STAKE);
        vm.prank(OWNER);
        hub.join(params(), address(node), PAYOUT, QUOTA, "");
        vm.warp(START);

        SignedCommit memory signed = SignedCommit(address(node), "root", "manifest", 4, "");
        expectUnsigned(address(node), 0);
        relay(signed, 0);
        node.approve(hub.commitDigest(task, 0, 0, "root", "manifest", 4));
        relay(signed, 0);
        assertEq(member(address(node)).next, 1, "next");
    }

    /// @dev An account that delegates to code (EIP-7702) that knows no EIP-1271 keeps its key.
    function test_keyOfADelegatedAccount() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 4);
        vm.etch(NODE, abi.encodePacked(hex"ef0100", address(token)));
        relay(signed, 0);
        assertEq(member(NODE).next, 1, "next");
    }

    function test_countsOnce() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        relay(signed, 0);
        expectUnsigned(NODE, 1);
        relay(signed, 0);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        expectUnsigned(NODE, 1);
        relay(signed, 1);
    }

    function test_overTheNextSequenceOnly() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        for (uint32 sequence = 1; sequence < 3; ++sequence) {
            signed.signature =
                sign(NODE_KEY, hub.commitDigest(task, sequence, 0, signed.root, signed.manifest, 3));
            refusesSignature(signed);
        }
        // What was signed before the node committed by itself is stale.
        signed = signedBy(NODE_KEY, 1, 3);
        commitTo(NODE, 0, 1);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        expectUnsigned(NODE, 1);
        relay(signed, 1);
    }

    function test_notOfAnotherChain() public {
        uint256 here = block.chainid;
        vm.chainId(99);
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        vm.chainId(here);
        refusesSignature(signed);
    }

    function test_notForAnotherHub() public {
        Hub other = new Hub();
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        signed.signature = sign(NODE_KEY, other.commitDigest(task, 0, 0, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    function test_notForAnotherTask() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        TaskParams memory p = params();
        p.maxStaleness += 1;
        bytes32 other = hub.taskIdOf(p);
        signed.signature = sign(NODE_KEY, hub.commitDigest(other, 0, 0, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    function test_coversEveryField() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        signed.root ^= bytes32(uint256(1));
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.manifest ^= bytes32(uint256(1));
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.units = 2;
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.node = OTHER;
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.signature = sign(NODE_KEY, hub.commitDigest(task, 0, 1, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    function test_notTheMirrorImage() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(NODE_KEY, hub.commitDigest(task, 0, 0, signed.root, signed.manifest, 3));
        signed.signature = abi.encodePacked(r, ORDER - uint256(s), v ^ 7);
        refusesSignature(signed);
    }

    function test_ofSixtyFiveBytes() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        bytes memory good = signed.signature;
        signed.signature = abi.encodePacked(good, hex"00");
        refusesSignature(signed);
        signed.signature = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            signed.signature[i] = good[i];
        }
        refusesSignature(signed);
        signed.signature = "";
        refusesSignature(signed);
        signed.signature = new bytes(65);
        refusesSignature(signed);
        signed.signature = good;
        good[64] = hex"1d";
        refusesSignature(signed);
        good[64] = hex"00";
        refusesSignature(signed);
    }

    /// @dev A signature that recovers to nobody must not speak for the zero address.
    function test_ofNobodyForTheZeroAddress() public {
        SignedCommit memory signed = SignedCommit(address(0), "root", "manifest", 1, new bytes(65));
        expectStatus(address(0), MemberStatus.None);
        relay(signed, 0);
    }
}
