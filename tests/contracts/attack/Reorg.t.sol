// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";

/// @title Calls that were meant for a history which the chain has since dropped, sent again on the one that stands
/// @dev Part of checklist 10 (a target is named by its hash) and 18 (a signature counts where it was meant to).
contract ReorgAttack is Base {
    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        vm.warp(roundStart(1));
    }

    // An accusation of a commitment that is gone must not strike the one that took its sequence, even with the same root.
    function test_10_AnAccusationStrikesOnlyWhatItNames() external {
        uint256 snapshot = vm.snapshotState();
        Commitment memory gone = commitTo(NODE, 1, 5);
        fund(CHALLENGER, BOND);
        bytes memory accusation = abi.encodeCall(IHub.challenge, (params(), NODE, gone, address(judge), "x"));
        vm.revertToState(snapshot);

        vm.warp(roundStart(1) + 12);
        Commitment memory stands = commitTo(NODE, 1, 5);
        assertEq(stands.root, gone.root, "the same work, twelve seconds later");
        fund(CHALLENGER, BOND);
        judge.script(IJudge.Verdict.Guilty);
        vm.prank(CHALLENGER);
        (bool done, bytes memory reason) = address(hub).call(accusation);
        assertTrue(!done, "struck another commitment");
        assertEq(
            bytes32(reason),
            bytes32(abi.encodeWithSelector(IHubErrors.Hub_CommitmentUnknown.selector)),
            "named"
        );
        assertStatus(NODE, MemberStatus.Active);
    }

    // A verdict, or an expiry, of a challenge that is gone must not end one that was opened anew.
    function test_10_AVerdictEndsOnlyTheChallengeItNames() external {
        Commitment memory c = commitTo(NODE, 1, 5);
        uint256 snapshot = vm.snapshotState();
        uint256 gone = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        bytes memory verdict = abi.encodeCall(IHub.verdict, (shown[gone], IJudge.Verdict.Guilty));
        vm.revertToState(snapshot);

        vm.warp(c.time + 12);
        uint256 anew = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        assertTrue(gone != anew, "another deadline, another id");
        vm.prank(address(judge));
        (bool done,) = address(hub).call(verdict);
        assertTrue(!done, "ended another challenge");
        decide(anew, false);
        assertStatus(NODE, MemberStatus.Active);
    }

    // A relayed commitment may be sent again: it says what it said, once. One that took another's sequence may not.
    function test_18_ASignatureStandsForItsPlaceInTheHistory() external {
        hub.openRound(task, 1);
        SignedCommit[] memory batch = new SignedCommit[](1);
        bytes32 digest = hub.commitDigest(task, beacon(), 0, 1, bytes32("root"), 0, 5);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(NODE_KEY, digest);
        batch[0] = SignedCommit(NODE, bytes32("root"), 0, 5, abi.encodePacked(r, s, v));
        uint256 snapshot = vm.snapshotState();
        hub.commitBatch(task, 1, batch);
        vm.revertToState(snapshot);
        hub.commitBatch(task, 1, batch);
        assertEq(member(NODE).next, 1, "once");
        vm.revertToState(snapshot);

        vm.prank(NODE);
        hub.commit(task, beacon(), 0, 1, bytes32("another"), 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadSignature.selector, NODE, 1));
        hub.commitBatch(task, 1, batch);
    }

    // A commitment made for a beacon that the chain has dropped is work for other problems: taken, it would convict an
    // honest node before the judge, which measures it by the beacon that stands. The hub must refuse it, sent or relayed.
    function test_17_WorkForADroppedBeaconConvictsNobody() external {
        uint256 snapshot = vm.snapshotState();
        bytes32 gone = hub.openRound(task, 1);
        bytes memory sent = abi.encodeCall(IHub.commit, (task, gone, 0, 1, "root", "manifest", 5));
        SignedCommit[] memory batch = new SignedCommit[](1);
        batch[0] = signedBy(NODE_KEY, 1, 5);
        vm.revertToState(snapshot);

        vm.prevrandao(keccak256("another block"));
        bytes32 stands = hub.openRound(task, 1);
        assertTrue(stands != gone, "another beacon");
        vm.prank(NODE);
        (bool done, bytes memory reason) = address(hub).call(sent);
        assertTrue(!done, "took work for a dropped beacon");
        assertEq(
            keccak256(reason),
            keccak256(abi.encodeWithSelector(IHubErrors.Hub_BeaconStale.selector, gone, stands)),
            "named"
        );
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadSignature.selector, NODE, 0));
        hub.commitBatch(task, 1, batch);
    }

    // A commitment may land after the node's next one was dropped and another took its place in the sequence: its leaves
    // bind the sequence, so in another place nobody could answer for them.
    function test_18_ACommitmentKeepsItsPlace() external {
        hub.openRound(task, 1);
        vm.prank(NODE);
        hub.postCheckpoint(task, 1, "digest");
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_SequenceStale.selector, 0, 1));
        vm.prank(NODE);
        hub.commit(task, beacon(), 0, 1, "root", "manifest", 5);
    }

    // The same parameters on the fork of a chain are another task: nothing that is signed or accused there counts here.
    function test_18_AForkedChainHasOtherTasks() external {
        bytes32 here = hub.taskIdOf(params());
        vm.chainId(block.chainid + 1);
        assertTrue(hub.taskIdOf(params()) != here, "another id");
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_TaskUnknown.selector, hub.taskIdOf(params())));
        vm.prank(CREATOR);
        hub.refund(params());
    }
}
