// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Assignment} from "contracts/libraries/Assignment.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract WrongAssignmentTest is ObjectiveJudgeTest {
    address internal constant POSTER = address(0xCAFE);
    bytes32 internal constant OTHER_DIGEST = keccak256("not version 4");

    function testFuzz_AnHonestLeafIsNotGuilty(uint8 which) external {
        assertNotGuilty(accuse(honest(), which % UNITS));
    }

    function test_GuiltyOfAnotherProblem() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[4].problem = (leaves[4].problem + 1) % 1000;
        assertGuilty(accuse(leaves, 4));
        assertNotGuilty(accuse(leaves, 3));
    }

    function test_GuiltyOfTheProblemOfAnotherSlot() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[1].problem = leaves[2].problem;
        assertGuilty(accuse(leaves, 1));
    }

    function test_GuiltyOfAnotherSeed() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[0].seed = leaves[1].seed;
        assertGuilty(accuse(leaves, 0));
    }

    function test_GuiltyWhenTheSeedsAreOfAnotherBeacon() external {
        RolloutLeaf[] memory leaves =
            Work.honestLeaves(params(), context(), keccak256("guessed"), UNITS, 4, keccak256("version 4"));
        assertGuilty(accuse(leaves, 0));
    }

    function testFuzz_APolicyIsAtMostTwoVersionsOld(uint32 version) external {
        version = uint32(bound(version, 1, 8));
        RolloutLeaf[] memory leaves = honest();
        leaves[2].policyVersion = version;
        IJudge.Verdict answer = accuse(leaves, 2);
        if (version >= 3 && version <= 5) assertNotGuilty(answer);
        else assertGuilty(answer);
    }

    function test_InTheFirstRoundsTheGenesisIsFresh() external {
        assertNotGuilty(accuseGenesis(1, GENESIS));
        assertNotGuilty(accuseGenesis(2, GENESIS));
        assertGuilty(accuseGenesis(3, GENESIS));
    }

    function test_GuiltyOfAnotherGenesis() external {
        assertGuilty(accuseGenesis(1, keccak256("other weights")));
    }

    /// @dev However long it stands: nobody may have looked, or the task may have no judge for checkpoints.
    function testFuzz_AnothersCheckpointBindsNobody(uint40 time, uint8 status) external {
        hub.post(4, OTHER_DIGEST, POSTER, time);
        hub.setMemberStatus(POSTER, MemberStatus(status % 5));
        assertNotGuilty(accuse(honest(), 0));
    }

    function test_ANodeIsBoundByItsOwnCheckpointAtOnce() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[3].policyDigest = OTHER_DIGEST;
        hub.post(4, keccak256("version 4"), NODE, COMMITTED_AT);
        assertGuilty(accuse(leaves, 3));
        assertNotGuilty(accuse(leaves, 2));
    }

    function test_WithoutACheckpointTheDigestIsNotJudged() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[3].policyDigest = OTHER_DIGEST;
        assertNotGuilty(accuse(leaves, 3));
    }

    function testFuzz_ACompletionHasOneToMaxTokens(uint32 numTokens) external {
        if (numTokens % 2 == 0) numTokens %= 12;
        RolloutLeaf[] memory leaves = honest();
        leaves[5].numTokens = numTokens;
        IJudge.Verdict answer = accuse(leaves, 5);
        if (numTokens >= 1 && numTokens <= 9) assertNotGuilty(answer);
        else assertGuilty(answer);
    }

    function test_RevertWhen_TheProofIsOfAnotherLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory evidence = Work.wrongAssignment(leaves[1], proofOf(leaves, 2));
        Commitment memory c = commitmentTo(leaves);
        expectLeafNotProven(1);
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        leaves[1].problem += 1;
        bytes memory evidence = Work.wrongAssignment(leaves[1], proofOf(leaves, 1));
        expectLeafNotProven(1);
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafLiesBeyondTheUnits() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(Work.leafHashes(context(), leaves), 5);
        bytes memory evidence = Work.wrongAssignment(leaves[5], proofOf(leaves, 5));
        expectLeafNotProven(5);
        ask(c, evidence);
    }

    function accuse(RolloutLeaf[] memory leaves, uint256 index) private returns (IJudge.Verdict) {
        return ask(commitmentTo(leaves), Work.wrongAssignment(leaves[index], proofOf(leaves, index)));
    }

    function accuseGenesis(uint32 round, bytes32 digest) private returns (IJudge.Verdict) {
        LeafContext memory early = contextOf(params(), round);
        RolloutLeaf[] memory leaves = Work.honestLeaves(params(), early, hub.beacon(), UNITS, 0, digest);
        bytes32[] memory hashes = Work.leafHashes(early, leaves);
        Commitment memory c = commitmentTo(hashes, UNITS);
        c.round = round;
        return ask(c, Work.wrongAssignment(leaves[0], Trees.proof(hashes, 0)));
    }
}
