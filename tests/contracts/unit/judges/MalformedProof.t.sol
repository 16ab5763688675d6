// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
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
        expectChunkNotProven(0);
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
        expectChunkNotProven(4);
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        bytes[] memory proofs = honestProofs(INDEX);
        RolloutLeaf[] memory leaves = honest();
        leaves[INDEX].reward = 0;
        bytes memory evidence = evidenceOf(leaves, INDEX, proofs, 0);
        Commitment memory c = commitmentTo(honest());
        expectLeafNotProven(INDEX);
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
