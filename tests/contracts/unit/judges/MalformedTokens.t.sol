// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";

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
        expectChunkNotProven(0);
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        leaves[0].numTokens = 8;
        bytes memory evidence =
            Work.malformedChunk(5, leaves[0], proofOf(leaves, 0), 0, new bytes(15), new bytes32[](2));
        expectLeafNotProven(0);
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
