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
        bytes32 digest = hub.commitDigest(task, 0, 1, bytes32("root"), 0, 5);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(NODE_KEY, digest);
        batch[0] = SignedCommit(NODE, bytes32("root"), 0, 5, abi.encodePacked(r, s, v));
        uint256 snapshot = vm.snapshotState();
        hub.commitBatch(task, 1, batch);
        vm.revertToState(snapshot);
        hub.commitBatch(task, 1, batch);
        assertEq(member(NODE).next, 1, "once");
        vm.revertToState(snapshot);

        vm.prank(NODE);
        hub.commit(task, 1, bytes32("another"), 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadSignature.selector, NODE, 1));
        hub.commitBatch(task, 1, batch);
    }

    // A commitment made for a beacon that the chain has dropped is work for other problems. It is the node's to lose: the
    // hub takes it, and the judge measures it by the beacon that stands. Nodes wait before they commit, or sign anew.
    function test_17_ABeaconOfADroppedBlockIsGone() external {
        uint256 snapshot = vm.snapshotState();
        bytes32 gone = hub.openRound(task, 1);
        vm.revertToState(snapshot);
        vm.prevrandao(keccak256("another block"));
        assertTrue(hub.openRound(task, 1) != gone, "another beacon");
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
