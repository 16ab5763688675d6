// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {DataJudgeTest} from "./DataJudgeTest.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title Answers to demands, true and false
/// @dev Longer than 300 lines: a test stands for a leaf of one tree, and trees and test files come in pairs.
contract DataAnswerTest is DataJudgeTest {
    // Honest answers

    function testFuzz_AnHonestAnswerDismisses(uint8 units, uint8 kind, uint256 index, uint256 chunk)
        external
    {
        RolloutLeaf[] memory leaves = honest(uint32(bound(units, 1, 20)));
        DemandKind asked = DemandKind(bound(kind, 1, 5));
        index = asked == DemandKind.Manifest
            ? 0
            : bound(index, 0, asked == DemandKind.Update ? 4 : leaves.length - 1);
        chunk = asked == DemandKind.Tokens || asked == DemandKind.Proof ? bound(chunk, 0, 2) : 0;
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), asked, index, chunk);
        vm.startPrank(FRIEND);
        answer(challenge, demand, leaves);
        vm.stopPrank();
        assertDismissed(challenge);
    }

    function testFuzz_AChunkThatIsNotThereIsAnsweredByTheLeaf(uint8 numTokens, uint8 chunk, bool ofTokens)
        external
    {
        RolloutLeaf[] memory leaves = honest(UNITS);
        leaves[2].numTokens = uint32(bound(numTokens, 0, 8));
        DemandKind kind = ofTokens ? DemandKind.Tokens : DemandKind.Proof;
        chunk = uint8(bound(chunk, (leaves[2].numTokens + 3) / 4, 2));
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), kind, 2, chunk);
        bytes32[] memory proof = proofOf(leaves, 2);
        vm.expectEmit(address(judge));
        emit IDataJudge.LeafShown(idOf(challenge), address(this), leaves[2], proof);
        judge.answerLeaf(challenge, demand, leaves[2], proof);
        assertDismissed(challenge);
    }

    function test_WhatIsShownStandsInTheLog() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        Commitment memory c = commitmentTo(leaves);
        bytes32[] memory proof = proofOf(leaves, 6);
        (bytes memory tokens, bytes32[] memory path) = chunkOf(leaves[6], DemandKind.Tokens, 2);
        assertEq(tokens.length, 4);

        (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Leaf, 6, 0);
        vm.expectEmit(address(judge));
        emit IDataJudge.LeafShown(idOf(challenge), address(this), leaves[6], proof);
        judge.answerLeaf(challenge, demand, leaves[6], proof);

        (challenge, demand) = ask(c, DemandKind.Tokens, 6, 2);
        vm.expectEmit(address(judge));
        emit IDataJudge.ChunkShown(idOf(challenge), address(this), leaves[6], proof, tokens, path);
        judge.answerChunk(challenge, demand, leaves[6], proof, tokens, path);

        (challenge, demand) = ask(c, DemandKind.Manifest, 0, 0);
        vm.expectEmit(address(judge));
        emit IDataJudge.ManifestShown(idOf(challenge), address(this), published);
        judge.answerManifest(challenge, demand, published);
    }

    function test_AnswersCountBeforeTheirTimeIsOver() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) =
            ask(commitmentTo(leaves), DemandKind.Tokens, 1, 1);
        bytes32[] memory proof = proofOf(leaves, 1);
        (bytes memory data, bytes32[] memory path) = chunkOf(leaves[1], DemandKind.Tokens, 1);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(OPENED_AT + 100 + late);
            vm.expectRevert(tooLate());
            judge.answerChunk(challenge, demand, leaves[1], proof, data, path);
            vm.expectRevert(tooLate());
            judge.answerLeaf(challenge, demand, leaves[1], proof);
            vm.expectRevert(tooLate());
            judge.answerManifest(challenge, demand, published);
        }
        vm.warp(OPENED_AT + 99);
        judge.answerChunk(challenge, demand, leaves[1], proof, data, path);
        assertDismissed(challenge);
    }

    function test_AnEmptyManifestCanBeShown() external {
        Commitment memory c = commitmentTo(honest(1));
        c.manifest = sha256("");
        (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Manifest, 0, 0);
        judge.answerManifest(challenge, demand, "");
        assertDismissed(challenge);
    }

    // The demand

    function testFuzz_RevertWhen_TheDemandIsShownWithAnotherField(uint8 field, uint256 change) external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), DemandKind.Leaf, 1, 0);
        Demand memory other = abi.decode(abi.encode(demand), (Demand));
        uint256 which = bound(field, 0, 9);
        change = bound(change, 1, 3);
        if (which == 0) other.kind = DemandKind((uint256(other.kind) + change) % 7);
        if (which == 1) other.index += uint32(change);
        if (which == 2) other.chunk += uint32(change);
        if (which == 3) other.root = bytes32(uint256(other.root) ^ change);
        if (which == 4) other.units += uint32(change);
        if (which == 5) other.round += uint32(change);
        if (which == 6) other.chunkTokens += uint32(change);
        if (which == 7) other.topk += uint32(change);
        if (which == 8) other.answerBy += uint40(change);
        if (which == 9) other.price += change;
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.answerLeaf(challenge, other, leaves[1], new bytes32[](0));
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.close(challenge, other);
        answer(challenge, demand, leaves);
    }

    function test_RevertWhen_TheDemandIsAnsweredTwice() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) =
            ask(commitmentTo(leaves), DemandKind.Manifest, 0, 0);
        judge.answerManifest(challenge, demand, published);
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.answerManifest(challenge, demand, published);
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.close(challenge, demand);
        assertEq(hub.verdicts(), 1);
    }

    function test_RevertWhen_TheDemandBelongsToAnotherChallenge() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        Commitment memory c = commitmentTo(leaves);
        (Challenge memory challenge,) = ask(c, DemandKind.Leaf, 1, 0);
        (, Demand memory demand) = ask(c, DemandKind.Leaf, 2, 0);
        bytes32[] memory proof = proofOf(leaves, 2);
        vm.expectRevert(demandUnknown(idOf(challenge)));
        judge.answerLeaf(challenge, demand, leaves[2], proof);
    }

    // Answers to something else

    function test_RevertWhen_AnotherFunctionAnswers() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        Commitment memory c = commitmentTo(leaves);
        bytes32[] memory proof = proofOf(leaves, 3);
        (bytes memory data, bytes32[] memory path) = chunkOf(leaves[3], DemandKind.Proof, 0);
        for (uint256 i = 1; i <= 5; ++i) {
            DemandKind kind = DemandKind(i);
            (Challenge memory challenge, Demand memory demand) =
                ask(c, kind, kind == DemandKind.Manifest ? 0 : kind == DemandKind.Update ? 2 : 3, 0);
            if (kind != DemandKind.Leaf) {
                vm.expectRevert(wrongAnswer(kind));
                judge.answerLeaf(challenge, demand, leaves[3], proof);
            }
            if (kind != DemandKind.Tokens && kind != DemandKind.Proof) {
                vm.expectRevert(wrongAnswer(kind));
                judge.answerChunk(challenge, demand, leaves[3], proof, data, path);
            }
            if (kind != DemandKind.Manifest) {
                vm.expectRevert(wrongAnswer(kind));
                judge.answerManifest(challenge, demand, published);
            }
            if (kind != DemandKind.Update) {
                vm.expectRevert(wrongAnswer(kind));
                judge.answerPiece(challenge, demand, published, data, path);
            }
        }
    }

    function testFuzz_RevertWhen_TheLeafIsAnother(uint8 field, uint256 change) external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), DemandKind.Leaf, 4, 0);
        bytes32[] memory proof = proofOf(leaves, 4);
        uint256 which = bound(field, 0, 8);
        change = bound(change, 1, type(uint32).max);
        RolloutLeaf memory leaf = leaves[4];
        unchecked {
            if (which == 0) leaf.index += uint32(change);
            if (which == 1) leaf.policyVersion += uint32(change);
            if (which == 2) leaf.policyDigest = bytes32(uint256(leaf.policyDigest) ^ change);
            if (which == 3) leaf.problem += uint32(change);
            if (which == 4) leaf.seed = bytes32(uint256(leaf.seed) ^ change);
            if (which == 5) leaf.numTokens += uint32(change);
            if (which == 6) leaf.tokensRoot = bytes32(uint256(leaf.tokensRoot) ^ change);
            if (which == 7) leaf.toplocRoot = bytes32(uint256(leaf.toplocRoot) ^ change);
            if (which == 8) leaf.reward += uint32(change);
        }
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaf, proof);
    }

    function test_RevertWhen_TheLeafLiesElsewhere() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), DemandKind.Leaf, 4, 0);
        bytes32[] memory proof = proofOf(leaves, 5);
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaves[5], proof);
        proof = proofOf(leaves, 4);
        assembly {
            mstore(proof, 2)
        }
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaves[4], proof);
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaves[4], new bytes32[](0));
    }

    /// @dev A repeated leaf opens where it lies, but belongs elsewhere.
    function test_RevertWhen_TheLeafNamesAnotherPlace() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        leaves[4] = leaves[5];
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), DemandKind.Leaf, 4, 0);
        bytes32[] memory proof = proofOf(leaves, 4);
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaves[4], proof);
    }

    /// @dev A tree of another depth than its units call for: nothing under it is an answer.
    function test_RevertWhen_TheTreeHasAnotherDepth() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        Commitment memory c = commitmentTo(leaves);
        c.units = 9;
        (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Leaf, 1, 0);
        bytes32[] memory proof = proofOf(leaves, 1);
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaves[1], proof);
    }

    /// @dev Copied work: the leaf opens under the root, but in another node's, task's or round's name.
    function testFuzz_RevertWhen_TheLeafIsOfAnotherContext(uint8 field) external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        LeafContext memory theirs = context();
        uint256 which = bound(field, 0, 5);
        if (which == 0) theirs.chainId += 1;
        if (which == 1) theirs.hub = FRIEND;
        if (which == 2) theirs.taskId = keccak256("another task");
        if (which == 3) theirs.node = FRIEND;
        if (which == 4) theirs.sequence += 1;
        if (which == 5) theirs.round += 1;
        bytes32[] memory hashes = Work.leafHashes(theirs, leaves);
        Commitment memory c = commitmentTo(leaves);
        c.root = Trees.root(hashes);
        (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Leaf, 4, 0);
        bytes32[] memory proof = Trees.proof(hashes, 4);
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerLeaf(challenge, demand, leaves[4], proof);
    }

    function testFuzz_RevertWhen_TheChunkIsAnother(uint8 kind, uint8 place, uint8 flip) external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        DemandKind asked = kind % 2 == 0 ? DemandKind.Tokens : DemandKind.Proof;
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), asked, 4, 1);
        bytes32[] memory proof = proofOf(leaves, 4);
        (bytes memory data, bytes32[] memory path) = chunkOf(leaves[4], asked, 1);
        data[place % data.length] ^= bytes1(uint8(bound(flip, 1, 255)));
        revertsWith(IDataJudge.DataJudge_ChunkNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[4], proof, data, path);
    }

    function test_RevertWhen_TheChunkLiesElsewhere() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), DemandKind.Proof, 4, 1);
        bytes32[] memory proof = proofOf(leaves, 4);
        (bytes memory data, bytes32[] memory path) = chunkOf(leaves[4], DemandKind.Proof, 0);
        revertsWith(IDataJudge.DataJudge_ChunkNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[4], proof, data, path);
        (data, path) = chunkOf(leaves[4], DemandKind.Tokens, 1);
        revertsWith(IDataJudge.DataJudge_ChunkNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[4], proof, data, path);
        (data, path) = chunkOf(leaves[4], DemandKind.Proof, 1);
        revertsWith(IDataJudge.DataJudge_ChunkNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[4], proof, data, new bytes32[](0));
        revertsWith(IDataJudge.DataJudge_LeafNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[5], proof, data, path);
    }

    /// @dev Data that opens, of a length that no honest chunk has, might be too long to be shown to another judge.
    function testFuzz_RevertWhen_TheChunkHasNotItsLength(uint8 length, bool ofTokens) external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        vm.assume(length != (ofTokens ? 12 : 34));
        bytes memory data = new bytes(length);
        leaves[4].numTokens = 3;
        leaves[4].tokensRoot = leaves[4].toplocRoot = Merkle.leaf(data);
        (Challenge memory challenge, Demand memory demand) =
            ask(commitmentTo(leaves), ofTokens ? DemandKind.Tokens : DemandKind.Proof, 4, 0);
        bytes32[] memory proof = proofOf(leaves, 4);
        revertsWith(IDataJudge.DataJudge_ChunkNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[4], proof, data, new bytes32[](0));
    }

    /// @dev Neither function takes a leaf for a chunk that it does have, nor a chunk that its leaf does not have.
    function test_RevertWhen_AChunkIsShownWhereNoneIs() external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        leaves[4].numTokens = 4;
        leaves[4].tokensRoot = Merkle.leaf(new bytes(16));
        (Challenge memory challenge, Demand memory demand) =
            ask(commitmentTo(leaves), DemandKind.Tokens, 4, 1);
        bytes32[] memory proof = proofOf(leaves, 4);
        revertsWith(IDataJudge.DataJudge_ChunkNotProven.selector);
        judge.answerChunk(challenge, demand, leaves[4], proof, new bytes(16), new bytes32[](0));
        judge.answerLeaf(challenge, demand, leaves[4], proof);
        assertDismissed(challenge);
    }

    function testFuzz_RevertWhen_TheManifestIsAnother(bytes calldata manifest) external {
        vm.assume(keccak256(manifest) != keccak256(published));
        (Challenge memory challenge, Demand memory demand) =
            ask(commitmentTo(honest(1)), DemandKind.Manifest, 0, 0);
        revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
        judge.answerManifest(challenge, demand, manifest);
    }

    function test_RevertWhen_TheManifestIsTooLong() external {
        Commitment memory c = commitmentTo(honest(1));
        c.manifest = sha256(new bytes(1025));
        (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Manifest, 0, 0);
        revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
        judge.answerManifest(challenge, demand, new bytes(1025));
        c.manifest = sha256(new bytes(1024));
        hub.setChallengeStatus(idOf(challenge), ChallengeStatus.None);
        (challenge, demand) = ask(c, DemandKind.Manifest, 0, 0);
        judge.answerManifest(challenge, demand, new bytes(1024));
        assertDismissed(challenge);
    }

    /// @dev An answer one word away from the true one is none.
    function testFuzz_RevertWhen_OneWordIsBent(uint256 word, bytes32 value) external {
        RolloutLeaf[] memory leaves = honest(UNITS);
        (Challenge memory challenge, Demand memory demand) = ask(commitmentTo(leaves), DemandKind.Leaf, 1, 0);
        bytes memory arguments = abi.encode(challenge, demand, leaves[1], proofOf(leaves, 1));
        word = bound(word, 1, arguments.length / 32);
        // The double names challenges by their last field alone, and asks of the others what it needs.
        vm.assume(word < 5 || word > 9);
        bytes32 before;
        assembly {
            before := mload(add(arguments, mul(32, word)))
            mstore(add(arguments, mul(32, word)), value)
        }
        vm.assume(before != value);
        (bool success,) = address(judge).call(bytes.concat(judge.answerLeaf.selector, arguments));
        assertFalse(success);
        answer(challenge, demand, leaves);
    }

    function assertDismissed(Challenge memory challenge) private view {
        assertStatus(idOf(challenge), ChallengeStatus.Dismissed);
        assertEq(judge.demandHash(idOf(challenge)), bytes32(0));
    }

    function tooLate() private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDataJudge.DataJudge_TooLate.selector, OPENED_AT + 100);
    }

    function wrongAnswer(DemandKind kind) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDataJudge.DataJudge_WrongAnswer.selector, kind);
    }
}
