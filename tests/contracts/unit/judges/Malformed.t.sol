// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @dev Each rollout has nine tokens in chunks of four: three chunks, the last one short.
contract MalformedProofTest is ObjectiveJudgeTest {
    uint256 internal constant INDEX = 1;
    uint256 internal constant CHUNKS = 3;

    function testFuzz_AnHonestProofIsNotGuilty(uint8 rollout, uint8 chunk) external {
        uint256 index = rollout % UNITS;
        bytes[] memory proofs = honestProofs(index);
        assertNotGuilty(accuse(honest(), index, proofs, chunk % CHUNKS));
    }

    function test_GuiltyOfAnotherLength() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[1] = bytes.concat(proofs[1], hex"00");
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 1));
        assertNotGuilty(accuse(committing(proofs), INDEX, proofs, 0));
    }

    function test_GuiltyOfAnotherModulus() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[2][1] = 0xd8;
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 2));
    }

    function test_GuiltyOfACoefficientOutsideTheField() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[0][10] = 0xff;
        proofs[0][11] = 0xd9;
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 0));
    }

    function test_GuiltyOfANullProof() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[0] = new bytes(34);
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 0));
    }

    function test_GuiltyOfAConstantProof() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[0] = bytes.concat(hex"ffd93f80", new bytes(30));
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 0));
    }

    function test_NotGuiltyOfOneZeroLeadingCoefficient() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[0][32] = 0;
        proofs[0][33] = 0;
        assertNotGuilty(accuse(committing(proofs), INDEX, proofs, 0));
    }

    function test_GuiltyOfAProofTooMany() external {
        bytes[] memory proofs = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) {
            proofs[i] = Work.toplocProof(16, i);
        }
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 3));
        assertNotGuilty(accuse(committing(proofs), INDEX, proofs, 2));
    }

    function test_GuiltyOfAProofMissing() external {
        bytes[] memory proofs = new bytes[](2);
        proofs[0] = Work.toplocProof(16, 0);
        proofs[1] = Work.toplocProof(16, 1);
        assertGuilty(accuse(committing(proofs), INDEX, proofs, 0));
    }

    function test_GuiltyOfProofsForNoTokens() external {
        bytes[] memory proofs = honestProofs(INDEX);
        RolloutLeaf[] memory leaves = honest();
        leaves[INDEX].numTokens = 0;
        assertGuilty(accuse(leaves, INDEX, proofs, 0));
    }

    function test_RevertWhen_TheProofIsNotCommitted() external {
        bytes[] memory proofs = honestProofs(INDEX);
        proofs[0][5] ^= 0x01;
        bytes memory evidence = evidenceOf(honest(), INDEX, proofs, 0);
        Commitment memory c = commitmentTo(honest());
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_ChunkNotProven.selector));
        ask(c, evidence);
    }

    function test_RevertWhen_AChunkIsGivenASecondIndex() external {
        RolloutLeaf[] memory leaves = honest();
        bytes[] memory proofs = honestProofs(INDEX);
        bytes32[] memory path = Trees.proof(hashesOf(proofs), 0);
        // Chunk 4 has the same path in a tree of four as chunk 0, if nobody looks at the bit above.
        bytes memory evidence =
            Work.malformedChunk(3, leaves[INDEX], proofOf(leaves, INDEX), 4, proofs[0], path);
        Commitment memory c = commitmentTo(leaves);
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_ChunkNotProven.selector));
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        bytes[] memory proofs = honestProofs(INDEX);
        RolloutLeaf[] memory leaves = honest();
        leaves[INDEX].reward = 0;
        bytes memory evidence = evidenceOf(leaves, INDEX, proofs, 0);
        Commitment memory c = commitmentTo(honest());
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_LeafNotProven.selector));
        ask(c, evidence);
    }

    function committing(bytes[] memory proofs) private view returns (RolloutLeaf[] memory leaves) {
        leaves = honest();
        leaves[INDEX].toplocRoot = Trees.root(hashesOf(proofs));
    }

    function accuse(RolloutLeaf[] memory leaves, uint256 index, bytes[] memory proofs, uint256 chunk)
        private
        returns (IJudge.Verdict)
    {
        return ask(commitmentTo(leaves), evidenceOf(leaves, index, proofs, chunk));
    }

    function evidenceOf(RolloutLeaf[] memory leaves, uint256 index, bytes[] memory proofs, uint256 chunk)
        private
        view
        returns (bytes memory)
    {
        bytes32[] memory path = Trees.proof(hashesOf(proofs), chunk);
        return Work.malformedChunk(3, leaves[index], proofOf(leaves, index), chunk, proofs[chunk], path);
    }

    function honestProofs(uint256 index) private pure returns (bytes[] memory proofs) {
        proofs = new bytes[](CHUNKS);
        for (uint256 chunk = 0; chunk < CHUNKS; ++chunk) {
            proofs[chunk] = Work.toplocProof(16, Work.saltOf(index, chunk));
        }
    }

    function hashesOf(bytes[] memory proofs) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](proofs.length);
        for (uint256 i = 0; i < proofs.length; ++i) {
            hashes[i] = Merkle.leaf(proofs[i]);
        }
    }
}

contract MalformedTokensTest is ObjectiveJudgeTest {
    function testFuzz_HonestTokensAreNotGuilty(uint8 rollout, uint8 chunk) external {
        assertNotGuilty(accuse(rollout % UNITS, honestChunks(rollout % UNITS), chunk % 3));
    }

    function test_GuiltyOfAChunkOfAnotherLength() external {
        bytes[] memory chunks = honestChunks(0);
        chunks[0] = bytes.concat(chunks[0], hex"00");
        chunks[2] = bytes.concat(chunks[2], hex"0000000b");
        assertGuilty(accuse(0, chunks, 0));
        assertNotGuilty(accuse(0, chunks, 1));
        assertGuilty(accuse(0, chunks, 2));
    }

    function test_GuiltyOfAChunkTooMany() external {
        bytes[] memory chunks = new bytes[](4);
        for (uint256 i = 0; i < 4; ++i) {
            chunks[i] = new bytes(16);
        }
        assertGuilty(accuse(0, chunks, 3));
    }

    function test_GuiltyOfAChunkMissing() external {
        bytes[] memory chunks = new bytes[](1);
        chunks[0] = new bytes(36);
        assertGuilty(accuse(0, chunks, 0));
    }

    function test_RevertWhen_TheChunkIsNotCommitted() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence =
            Work.malformedChunk(5, leaves[0], proofOf(leaves, 0), 0, new bytes(15), new bytes32[](2));
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_ChunkNotProven.selector));
        ask(c, evidence);
    }

    function accuse(uint256 index, bytes[] memory chunks, uint256 chunk) private returns (IJudge.Verdict) {
        bytes32[] memory hashes = new bytes32[](chunks.length);
        for (uint256 i = 0; i < chunks.length; ++i) {
            hashes[i] = Merkle.leaf(chunks[i]);
        }
        RolloutLeaf[] memory leaves = honest();
        leaves[index].tokensRoot = Trees.root(hashes);
        bytes32[] memory path = Trees.proof(hashes, chunk);
        bytes memory evidence =
            Work.malformedChunk(5, leaves[index], proofOf(leaves, index), chunk, chunks[chunk], path);
        return ask(commitmentTo(leaves), evidence);
    }

    function honestChunks(uint256 index) private view returns (bytes[] memory chunks) {
        uint32[] memory tokens = Work.answer(honest()[index].problem);
        chunks = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            chunks[i] = Work.tokenData(tokens, 4 * i, 4 * i + 4);
        }
    }
}

contract MalformedLeafTest is ObjectiveJudgeTest {
    function testFuzz_AnHonestLeafIsNotGuilty(uint8 which) external {
        RolloutLeaf[] memory leaves = honest();
        uint32 position = which % UNITS;
        bytes memory data = Work.preimage(context(), leaves[position]);
        assertNotGuilty(accuse(Work.leafHashes(context(), leaves), UNITS, position, data));
    }

    function test_GuiltyOfALeafCopiedFromAnotherNode() external {
        RolloutLeaf[] memory leaves = honest();
        LeafContext memory theirs = context();
        theirs.node = CHALLENGER;
        bytes memory data = Work.preimage(theirs, leaves[2]);
        assertGuilty(accuse(Work.leafHashes(theirs, leaves), UNITS, 2, data));
    }

    function test_GuiltyOfAnOldLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        LeafContext memory earlier = context();
        earlier.sequence -= 1;
        earlier.round -= 1;
        bytes memory data = Work.preimage(earlier, leaves[2]);
        assertGuilty(accuse(Work.leafHashes(earlier, leaves), UNITS, 2, data));
    }

    function test_GuiltyOfARepeatedLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[3] = leaves[2];
        bytes memory data = Work.preimage(context(), leaves[3]);
        assertGuilty(accuse(Work.leafHashes(context(), leaves), UNITS, 3, data));
        assertNotGuilty(accuse(Work.leafHashes(context(), leaves), UNITS, 2, data));
    }

    function test_GuiltyOfALeafBeyondTheUnits() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[5]);
        assertGuilty(accuse(Work.leafHashes(context(), leaves), 5, 5, data));
    }

    function test_GuiltyOfALeafAtAnotherDepth() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[2]);
        assertGuilty(accuse(Work.leafHashes(context(), leaves), 4, 2, data));
    }

    function testFuzz_GuiltyOfWhatIsNoLeaf(bytes memory data) external {
        bytes32[] memory hashes = Work.leafHashes(context(), honest());
        hashes[4] = Merkle.leaf(data);
        assertGuilty(accuse(hashes, UNITS, 4, data));
    }

    function test_GuiltyOfANumberTooLargeForItsType() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[4]);
        data[15 * 32] = 0x01;
        bytes32[] memory hashes = Work.leafHashes(context(), leaves);
        hashes[4] = Merkle.leaf(data);
        assertGuilty(accuse(hashes, UNITS, 4, data));
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        assertNotProven(leaves, Work.malformedLeaf(2, "no such leaf", proofOf(leaves, 2)));
    }

    function test_RevertWhen_ALeafIsGivenASecondPosition() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[2]);
        // Position 10 has the same path in a tree of eight as position 2, if nobody looks at the bit above.
        assertNotProven(leaves, Work.malformedLeaf(10, data, proofOf(leaves, 2)));
    }

    function assertNotProven(RolloutLeaf[] memory leaves, bytes memory evidence) private {
        Commitment memory c = commitmentTo(leaves);
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_LeafNotProven.selector));
        ask(c, evidence);
    }

    function accuse(bytes32[] memory hashes, uint32 units, uint32 position, bytes memory data)
        private
        returns (IJudge.Verdict)
    {
        bytes memory evidence = Work.malformedLeaf(position, data, Trees.proof(hashes, position));
        return ask(commitmentTo(hashes, units), evidence);
    }
}
