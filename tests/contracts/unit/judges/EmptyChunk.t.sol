// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @dev Nine tokens in chunks of four: three chunks in a tree of four places, for tokens and for proofs.
contract EmptyChunkTest is ObjectiveJudgeTest {
    uint256 internal constant INDEX = 3;

    function testFuzz_GuiltyOfAMissingChunk(uint8 chunk, bool ofTokens) external {
        bytes32[] memory hashes = honestHashes(ofTokens);
        hashes[chunk % 3] = bytes32(0);
        assertGuilty(accuse(hashes, chunk % 3, ofTokens));
    }

    function test_GuiltyOfATreeOfFewerChunks() external {
        assertGuilty(accuse(new bytes32[](1), 0, true));
        assertGuilty(accuse(new bytes32[](1), 0, false));
        bytes32[] memory half = new bytes32[](2);
        half[0] = honestHashes(false)[0];
        assertGuilty(accuse(half, 1, false));
    }

    function test_GuiltyOfAnEmptyPlaceBelowTheChunks() external {
        bytes32[] memory hashes = new bytes32[](5);
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = Merkle.leaf(abi.encode(i));
        }
        assertGuilty(accuse(hashes, 7, true));
    }

    function test_GuiltyOfACountThatTakesPaddingForAChunk() external {
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory path = Trees.paddingProof(honestHashes(false), 3);
        assertNotGuilty(askAbout(leaves, false, 3, path));
        leaves[INDEX].numTokens = 13;
        assertGuilty(askAbout(leaves, false, 3, path));
    }

    function testFuzz_PaddingIsNotGuilty(bool ofTokens) external {
        assertNotGuilty(accuse(honestHashes(ofTokens), 3, ofTokens));
    }

    function testFuzz_RevertWhen_ThePlaceIsTaken(uint8 chunk, bool ofTokens) external {
        bytes32[] memory hashes = honestHashes(ofTokens);
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence = evidenceOf(leaves, ofTokens, chunk % 3, Trees.proof(hashes, chunk % 3));
        expectChunkNotProven(chunk % 3);
        ask(c, evidence);
    }

    function test_RevertWhen_TheTreeIsTheOther() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence = evidenceOf(leaves, false, 3, Trees.paddingProof(honestHashes(true), 3));
        expectChunkNotProven(3);
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        leaves[INDEX].tokensRoot = bytes32(0);
        bytes memory evidence = evidenceOf(leaves, true, 0, new bytes32[](0));
        expectLeafNotProven(INDEX);
        ask(c, evidence);
    }

    function honestHashes(bool ofTokens) private view returns (bytes32[] memory) {
        if (!ofTokens) return Work.proofHashes(params(), INDEX);
        return Work.tokenHashes(params(), Work.answer(honest()[INDEX].problem));
    }

    /// @dev The node commits to these chunks; the challenger shows that place `chunk` of them is empty.
    function accuse(bytes32[] memory hashes, uint256 chunk, bool ofTokens) private returns (IJudge.Verdict) {
        RolloutLeaf[] memory leaves = honest();
        if (ofTokens) leaves[INDEX].tokensRoot = Trees.root(hashes);
        else leaves[INDEX].toplocRoot = Trees.root(hashes);
        return askAbout(leaves, ofTokens, chunk, Trees.paddingProof(hashes, chunk));
    }

    function askAbout(RolloutLeaf[] memory leaves, bool ofTokens, uint256 chunk, bytes32[] memory path)
        private
        returns (IJudge.Verdict)
    {
        return ask(commitmentTo(leaves), evidenceOf(leaves, ofTokens, chunk, path));
    }

    function evidenceOf(RolloutLeaf[] memory leaves, bool ofTokens, uint256 chunk, bytes32[] memory path)
        private
        view
        returns (bytes memory)
    {
        return Work.emptyChunk(leaves[INDEX], proofOf(leaves, INDEX), ofTokens, chunk, path);
    }
}
