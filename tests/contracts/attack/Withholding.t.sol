// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataCourtroom} from "../integration/DataCourtroom.sol";
import {Trees} from "../utils/Trees.sol";
import {Work} from "../utils/Work.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {DemandKind} from "contracts/types/Demand.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @title Security checklist 14: a node that commits to data and shows nobody, and a challenger that asks for too much
contract WithholdingAttack is DataCourtroom {
    uint256 private constant ASKED = 8;

    function commitRoot(bytes32 root) internal returns (Commitment memory c) {
        c = commitTo(root, 0);
    }

    function isActive() internal view returns (bool) {
        return hub.memberOf(task, NODE).status == MemberStatus.Active;
    }

    // A node that shows nothing would be paid for anything: no verifier could find the lie. Silence costs the stake, as
    // fraud does, and one demand that is not met is enough among many that are.
    function test_14_SilenceAboutOneLeafIsFatal() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        uint256[] memory ids = new uint256[](ASKED);
        for (uint256 i = 0; i < ASKED; ++i) {
            ids[i] = demand(c, DemandKind.Leaf, i, 0);
        }
        for (uint256 i = 0; i + 1 < ASKED; ++i) {
            showLeaf(ids[i], leaves);
        }
        assertTrue(isActive());
        vm.warp(START + 300);
        close(ids[ASKED - 1]);
        assertDemandOver(ids[ASKED - 1], ChallengeStatus.Guilty);
        assertFalse(isActive());
    }

    // Random bytes for a root would be such work: there is no leaf to show, true or false.
    function test_14_ARootOfNothingIsFatal() external {
        Commitment memory c = commitRoot(keccak256("nothing below"));
        uint256 id = demand(c, DemandKind.Leaf, 0, 0);
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory proof = proofOf(leaves, 0);
        vm.prank(NODE);
        (bool shown, bytes memory reason) = address(data)
            .call(abi.encodeCall(data.answerLeaf, (challenges[id], demands[id], leaves[0], proof)));
        assertFalse(shown);
        assertTrue(bytes4(reason) == IDataJudge.DataJudge_LeafNotProven.selector);
        vm.warp(START + 300);
        close(id);
        assertConvicted();
    }

    // A node could hide behind an accomplice that asks first and never closes. Then nobody's demand is met for it, the
    // work is void, and whoever asks too has an own demand that ends in the slash.
    function test_14_AnAccomplicesDemandShieldsNobody() external {
        Commitment memory c = commit(honest());
        address accomplice = address(0xACC);
        fund(accomplice, BOND);
        depositFor(accomplice, DEPOSIT);
        bytes memory evidence = abi.encode(uint8(DemandKind.Leaf), uint32(5), uint32(0));
        vm.prank(accomplice);
        hub.challenge(params(), NODE, c, address(data), evidence);
        uint256 id = demand(c, DemandKind.Leaf, 5, 0);
        vm.warp(START + 300);
        close(id);
        assertDemandOver(id, ChallengeStatus.Guilty);
        assertFalse(isActive());
    }

    // Demands that cost the asker nothing would bleed an honest node by its answers. Each is prepaid at the base fee, more
    // than the answer's gas; the bond comes back, since asking accuses nobody, and the price goes to who answered.
    function test_14_AnsweringCostsAnHonestNodeNothing() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        uint256 spent;
        for (uint256 i = 0; i < ASKED; ++i) {
            uint256 id = demand(c, DemandKind.Leaf, i, 0);
            showLeaf(id, leaves);
            spent += vm.lastCallGas().gasTotalUsed * BASE_FEE;
        }
        // The first answer, which opens the node's account, is the dearest; later ones earn that back.
        assertTrue(data.credit(NODE) >= spent);
        assertTrue(data.credit(CHALLENGER) < DEPOSIT - spent);
        assertEq(hub.credit(address(token), CHALLENGER), ASKED * BOND);
        assertTrue(isActive());
    }

    // Nor may demands hold back an honest node's pay: once answered they are over, and none can be made when the work is
    // final.
    function test_14_DemandsDoNotHoldBackPay() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        vm.warp(START + 7199);
        uint256 id = demand(c, DemandKind.Leaf, 0, 0);
        showLeaf(id, leaves);
        vm.warp(START + 7200);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_TooLate.selector, START + 7200));
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(data), abi.encode(1, 0, 0));
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        hub.claim(params(), NODE, batch);
        assertEq(hub.credit(address(token), NODE), uint256(UNITS) * params().rate);
    }

    // A node could "show" a leaf of another of its commitments, or of another node, that has the same place.
    function test_14_AnAnswerIsOfTheCommitmentThatWasAskedAbout() external {
        RolloutLeaf[] memory leaves = honest();
        LeafContext memory other = context();
        other.sequence = 1;
        bytes32[] memory hashes = Work.leafHashes(other, leaves);
        Commitment memory c = commitRoot(Trees.root(hashes));
        uint256 id = demand(c, DemandKind.Leaf, 3, 0);
        bytes32[] memory proof = Trees.proof(hashes, 3);
        vm.expectRevert(IDataJudge.DataJudge_LeafNotProven.selector);
        vm.prank(NODE);
        data.answerLeaf(challenges[id], demands[id], leaves[3], proof);
        vm.warp(START + 300);
        close(id);
        assertConvicted();
    }
}
