// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../utils/Trees.sol";
import {Work} from "../utils/Work.sol";
import {Courtroom} from "./Courtroom.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @dev One transaction each: the challenger brings the evidence, the chain does the rest.
contract ObjectiveTrialsTest is Courtroom {
    function test_AWrongRewardIsSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        uint32[] memory tokens = Work.answer(leaves[9].problem);
        tokens[3] = 63;
        leaves[9].tokensRoot = RolloutLeaves.tokensRoot(tokens, 32);
        Commitment memory c = commit(leaves);
        challenge(c, address(objective), Work.wrongReward(leaves[9], proofOf(leaves, 9), tokens));
        assertConvicted();
    }

    function test_AWrongAssignmentIsSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[63].problem = leaves[0].problem;
        Commitment memory c = commit(leaves);
        challenge(c, address(objective), Work.wrongAssignment(leaves[63], proofOf(leaves, 63)));
        assertConvicted();
    }

    function test_AConstantProofIsSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory constant_ = bytes.concat(hex"ffd93f80", new bytes(254));
        leaves[5].toplocRoot = Merkle.leaf(constant_);
        Commitment memory c = commit(leaves);
        bytes memory evidence =
            Work.malformedChunk(3, leaves[5], proofOf(leaves, 5), 0, constant_, new bytes32[](0));
        challenge(c, address(objective), evidence);
        assertConvicted();
    }

    function test_ACopiedRootIsSlashed() external {
        LeafContext memory theirs = context();
        theirs.node = CREATOR;
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory hashes = Work.leafHashes(theirs, leaves);
        Commitment memory c = commitTo(Trees.root(hashes), 0);
        bytes memory preimage = Work.preimage(theirs, leaves[7]);
        challenge(c, address(objective), Work.malformedLeaf(7, preimage, Trees.proof(hashes, 7)));
        assertConvicted();
    }

    function test_GarbledTokensAreSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[5].tokensRoot = Merkle.leaf("no tokens");
        Commitment memory c = commit(leaves);
        bytes memory evidence =
            Work.malformedChunk(5, leaves[5], proofOf(leaves, 5), 0, "no tokens", new bytes32[](0));
        challenge(c, address(objective), evidence);
        assertConvicted();
    }

    function test_OvercountedUnitsAreSlashed() external {
        bytes32[] memory hashes = Work.leafHashes(context(), honest());
        for (uint256 i = 60; i < UNITS; ++i) {
            hashes[i] = bytes32(0);
        }
        Commitment memory c = commitTo(Trees.root(hashes), 0);
        challenge(c, address(objective), Work.emptyLeaf(60, Trees.proof(hashes, 60)));
        assertConvicted();
    }

    function test_WorkCountedTwiceInARoundIsSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[4].toplocRoot = leaves[0].toplocRoot;
        Commitment memory c = commit(leaves);
        bytes memory evidence =
            Work.repeatedProof(leaves[4], proofOf(leaves, 4), c, leaves[0], proofOf(leaves, 0));
        challenge(c, address(objective), evidence);
        assertConvicted();
    }

    function test_WorkOfAPaidRoundCountedAgainIsSlashed() external {
        RolloutLeaf[] memory before = honest();
        Commitment[] memory paid = new Commitment[](1);
        paid[0] = commit(before);
        (RolloutLeaf[] memory leaves, Commitment memory c) = repeatInRound(3, before[8].toplocRoot);
        hub.claim(params(), NODE, paid);
        bytes32[] memory path = Trees.proof(Work.leafHashes(contextOf(1, 3), leaves), 20);
        bytes memory evidence = Work.repeatedProof(leaves[20], path, paid[0], before[8], proofOf(before, 8));
        challenge(c, address(objective), evidence);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Slashed));
    }

    function test_AMissingProofIsSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[5].toplocRoot = bytes32(0);
        Commitment memory c = commit(leaves);
        bytes memory evidence = Work.emptyChunk(leaves[5], proofOf(leaves, 5), false, 0, new bytes32[](0));
        challenge(c, address(objective), evidence);
        assertConvicted();
    }

    function test_AnHonestNodeIsPaidForEveryFalseAccusation() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        bytes32[] memory proof = proofOf(leaves, 2);
        uint32[] memory tokens = Work.answer(leaves[2].problem);
        bytes memory toploc = Work.toplocProof(128, Work.saltOf(2, 0));
        bytes memory data = Work.tokenData(tokens, 0, 9);
        bytes32[] memory nowhere = new bytes32[](0);
        challenge(c, address(objective), Work.wrongAssignment(leaves[2], proof));
        assertAcquitted();
        challenge(c, address(objective), Work.wrongReward(leaves[2], proof, tokens));
        challenge(c, address(objective), Work.malformedChunk(3, leaves[2], proof, 0, toploc, nowhere));
        challenge(c, address(objective), Work.malformedLeaf(2, Work.preimage(context(), leaves[2]), proof));
        challenge(c, address(objective), Work.malformedChunk(5, leaves[2], proof, 0, data, nowhere));
        challenge(
            c, address(objective), Work.repeatedProof(leaves[2], proof, c, leaves[9], proofOf(leaves, 9))
        );
        assertEq(hub.credit(address(token), NODE), 6 * BOND);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Active));
    }

    function test_EvidenceThatDoesNotOpenCostsNothingButGas() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        bytes memory evidence = Work.wrongAssignment(leaves[2], proofOf(leaves, 3));
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_LeafNotProven.selector, 2));
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(objective), evidence);
        assertEq(token.balanceOf(CHALLENGER), 10 * BOND);
    }

    function test_ACheckpointIsNotForThisJudge() external {
        vm.warp(START + 3600);
        vm.prank(NODE);
        hub.postCheckpoint(task, 1, keccak256("weights"));
        bytes32 root =
            keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), uint256(1), keccak256("weights")));
        Commitment memory c = Commitment(0, 1, root, keccak256("weights"), 0, START + 3600);
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_NotRollouts.selector, 0));
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(objective), "");
    }

    function test_AFinalCommitmentIsBeyondTheJudge() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[0].reward = 1;
        Commitment memory c = commit(leaves);
        bytes memory evidence =
            Work.wrongReward(leaves[0], proofOf(leaves, 0), Work.answer(leaves[0].problem));
        vm.warp(START + 7199);
        uint256 snapshot = vm.snapshotState();
        challenge(c, address(objective), evidence);
        assertConvicted();
        vm.revertToState(snapshot);
        vm.warp(START + 7200);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_TooLate.selector, START + 7200));
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(objective), evidence);
    }

    function test_AConvictionEndsTheTrialBeforeTheJury() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[0].reward = 1;
        Commitment memory c = commit(leaves);
        uint256 pending = challenge(c, address(jury), "look at rollout 0");
        vm.roll(block.number + 1);
        jury.summon(pending);
        bytes memory evidence =
            Work.wrongReward(leaves[0], proofOf(leaves, 0), Work.answer(leaves[0].problem));
        challenge(c, address(objective), evidence);
        hub.expire(challenges[pending]);
        assertStatus(pending, uint256(ChallengeStatus.Moot));
        closeTrial(pending);
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(jury.jurorOf(jurorAt(i)).serving, 0);
            assertEq(jury.jurorOf(jurorAt(i)).stake, JUROR_STAKE);
        }
        assertEq(hub.credit(address(token), CHALLENGER), 12 * BOND);
    }

    /// @dev As commitment 1, in `round`, honest work but for one root of proofs.
    function repeatInRound(uint32 round, bytes32 toplocRoot)
        private
        returns (RolloutLeaf[] memory leaves, Commitment memory c)
    {
        vm.warp(START + 3600 * uint256(round));
        vm.roll(block.number + 1);
        bytes32 beacon = hub.openRound(task, round);
        leaves = Work.honestLeaves(params(), contextOf(1, round), beacon, UNITS, round, keccak256("weights"));
        leaves[20].toplocRoot = toplocRoot;
        bytes32 root = Trees.root(Work.leafHashes(contextOf(1, round), leaves));
        c = Commitment(1, round, root, keccak256("manifest"), UNITS, uint40(block.timestamp));
        vm.prank(NODE);
        hub.commit(task, beacon, 1, round, root, c.manifest, UNITS);
    }

    function contextOf(uint32 sequence, uint32 round) private view returns (LeafContext memory) {
        return LeafContext(block.chainid, address(hub), task, NODE, sequence, round);
    }
}
