// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @dev Rollouts 0 and 1 are of one problem, 2 and 3 of the next.
contract RepeatedProofTest is ObjectiveJudgeTest {
    uint32 internal constant EARLIER = 1;
    uint32 internal constant EARLIER_ROUND = 2;

    function test_GuiltyOfOneProofForTwoProblems() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[4].toplocRoot = leaves[1].toplocRoot;
        assertGuilty(accuseWithin(leaves, 1, 4));
        assertGuilty(accuseWithin(leaves, 4, 1));
        assertNotGuilty(accuseWithin(leaves, 0, 4));
    }

    function test_GuiltyOfTheProofOfAnEarlierRound() external {
        RolloutLeaf[] memory before = earlier();
        RolloutLeaf[] memory leaves = honest();
        leaves[5].toplocRoot = before[2].toplocRoot;
        assertGuilty(accuseAcross(leaves, 5, before, 2));
        assertNotGuilty(accuseAcross(leaves, 4, before, 2));
    }

    function test_NotGuiltyOfOneProofForOneProblem() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[1].toplocRoot = leaves[0].toplocRoot;
        assertNotGuilty(accuseWithin(leaves, 0, 1));
    }

    function test_NotGuiltyOfOneProofUnderTwoPolicies() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[1].toplocRoot = leaves[0].toplocRoot;
        leaves[1].policyVersion = 5;
        leaves[1].policyDigest = keccak256("version 5, with the same weights");
        assertNotGuilty(accuseWithin(leaves, 0, 1));
    }

    function testFuzz_HonestLeavesAreNotGuilty(uint8 first, uint8 second, bool across) external {
        if (across) assertNotGuilty(accuseAcross(honest(), first % UNITS, earlier(), second % UNITS));
        else assertNotGuilty(accuseWithin(honest(), first % UNITS, second % UNITS));
    }

    function test_RevertWhen_TheOtherCommitmentIsNotTheNodes() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence =
            Work.repeatedProof(leaves[0], proofOf(leaves, 0), c, leaves[2], proofOf(leaves, 2));
        hub.hold(CHALLENGER, c);
        expectUnknown(SEQUENCE);
        ask(c, evidence);
    }

    function test_RevertWhen_TheRingHasMovedOn() external {
        RolloutLeaf[] memory leaves = honest();
        RolloutLeaf[] memory before = earlier();
        leaves[5].toplocRoot = before[2].toplocRoot;
        assertGuilty(accuseAcross(leaves, 5, before, 2));
        Commitment memory later = commitmentTo(leaves);
        later.sequence = EARLIER + 64;
        hub.hold(NODE, later);
        bytes memory evidence = evidenceAcross(leaves, 5, before, 2);
        Commitment memory c = commitmentTo(leaves);
        expectUnknown(EARLIER);
        ask(c, evidence);
    }

    function test_RevertWhen_TheOtherCommitmentIsACheckpoint() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory other = commitmentTo(leaves);
        other.sequence = EARLIER;
        other.units = 0;
        hub.hold(NODE, other);
        bytes memory evidence =
            Work.repeatedProof(leaves[0], proofOf(leaves, 0), other, leaves[2], proofOf(leaves, 2));
        Commitment memory c = commitmentTo(leaves);
        expectLeafNotProven(2);
        ask(c, evidence);
    }

    function test_RevertWhen_ALeafIsNotInItsTree() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        hub.hold(NODE, c);
        RolloutLeaf[] memory others = honest();
        others[3].toplocRoot = leaves[0].toplocRoot;
        bytes memory first =
            Work.repeatedProof(others[3], proofOf(leaves, 3), c, leaves[0], proofOf(leaves, 0));
        bytes memory second =
            Work.repeatedProof(leaves[0], proofOf(leaves, 0), c, others[3], proofOf(leaves, 3));
        expectLeafNotProven(3);
        ask(c, first);
        expectLeafNotProven(3);
        ask(c, second);
    }

    function test_RevertWhen_TheTwinIsOfTheOtherContext() external {
        RolloutLeaf[] memory leaves = honest();
        RolloutLeaf[] memory before = earlier();
        Commitment memory c = commitmentTo(leaves);
        hub.hold(NODE, c);
        // A leaf of the earlier commitment, claimed to lie in the challenged one.
        bytes32[] memory path = Trees.proof(Work.leafHashes(earlierContext(), before), 2);
        bytes memory evidence = Work.repeatedProof(leaves[0], proofOf(leaves, 0), c, before[2], path);
        expectLeafNotProven(2);
        ask(c, evidence);
    }

    function accuseWithin(RolloutLeaf[] memory leaves, uint256 first, uint256 second)
        private
        returns (IJudge.Verdict)
    {
        Commitment memory c = commitmentTo(leaves);
        hub.hold(NODE, c);
        bytes memory evidence = Work.repeatedProof(
            leaves[first], proofOf(leaves, first), c, leaves[second], proofOf(leaves, second)
        );
        return ask(c, evidence);
    }

    function accuseAcross(
        RolloutLeaf[] memory leaves,
        uint256 index,
        RolloutLeaf[] memory before,
        uint256 twin
    ) private returns (IJudge.Verdict) {
        hub.hold(NODE, commitmentTo(leaves));
        hub.hold(NODE, earlierCommitment(before));
        return ask(commitmentTo(leaves), evidenceAcross(leaves, index, before, twin));
    }

    function evidenceAcross(
        RolloutLeaf[] memory leaves,
        uint256 index,
        RolloutLeaf[] memory before,
        uint256 twin
    ) private view returns (bytes memory) {
        bytes32[] memory path = Trees.proof(Work.leafHashes(earlierContext(), before), twin);
        return Work.repeatedProof(
            leaves[index], proofOf(leaves, index), earlierCommitment(before), before[twin], path
        );
    }

    /// @dev An honest round before this one, with proofs of its own.
    function earlier() private view returns (RolloutLeaf[] memory leaves) {
        leaves = Work.honestLeaves(
            params(), earlierContext(), hub.beacon(), UNITS, EARLIER_ROUND, keccak256("version 2")
        );
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i].toplocRoot = keccak256(abi.encode("earlier proofs", i));
        }
    }

    function earlierContext() private view returns (LeafContext memory before) {
        before = contextOf(params(), EARLIER_ROUND);
        before.sequence = EARLIER;
    }

    function earlierCommitment(RolloutLeaf[] memory before) private view returns (Commitment memory c) {
        c = commitmentTo(Work.leafHashes(earlierContext(), before), UNITS);
        c.sequence = EARLIER;
        c.round = EARLIER_ROUND;
        c.time = COMMITTED_AT - 1000;
    }

    function expectUnknown(uint32 sequence) private {
        bytes4 selector = IObjectiveJudge.ObjectiveJudge_CommitmentUnknown.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, sequence));
    }
}
