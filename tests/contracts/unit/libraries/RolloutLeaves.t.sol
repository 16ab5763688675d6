// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Trees} from "../../utils/Trees.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";

contract RolloutLeavesTest is Checks {
    function testFuzz_ALeafIsSixteenWords(LeafContext memory context, RolloutLeaf memory leaf) external pure {
        assertEq(preimageOf(context, leaf).length, 512);
        assertEq(RolloutLeaves.hash(context, leaf), Merkle.leaf(preimageOf(context, leaf)));
    }

    function testFuzz_EveryWordIsBound(LeafContext memory context, RolloutLeaf memory leaf, uint256 place)
        external
        pure
    {
        bytes memory preimage = preimageOf(context, leaf);
        assertTrue(RolloutLeaves.isWellFormed(preimage, context, leaf.index));
        // One bit of the domain, the context or the index: no longer this commitment's leaf at this position.
        place = bound(place, 0, 8 * 32 - 1);
        preimage[place] = preimage[place] ^ 0x01;
        assertFalse(RolloutLeaves.isWellFormed(preimage, context, leaf.index));
        assertFalse(Merkle.leaf(preimage) == RolloutLeaves.hash(context, leaf));
    }

    function testFuzz_APreimageHasExactlyItsLength(LeafContext memory context, RolloutLeaf memory leaf)
        external
        pure
    {
        bytes memory preimage = preimageOf(context, leaf);
        assertFalse(RolloutLeaves.isWellFormed(bytes.concat(preimage, hex"00"), context, leaf.index));
        assertFalse(RolloutLeaves.isWellFormed("", context, leaf.index));
    }

    function testFuzz_ANumberFitsItsType(LeafContext memory context, RolloutLeaf memory leaf, uint8 which)
        external
        pure
    {
        bytes memory preimage = preimageOf(context, leaf);
        uint256 word = [uint256(7), 8, 10, 12, 15][which % 5];
        preimage[32 * word] = 0x01;
        assertFalse(RolloutLeaves.isWellFormed(preimage, context, leaf.index));
    }

    function testFuzz_TheFieldsAreFree(LeafContext memory context, RolloutLeaf memory leaf, uint32 index)
        external
        pure
    {
        assertTrue(RolloutLeaves.isWellFormed(preimageOf(context, leaf), context, leaf.index));
        if (index != leaf.index) {
            assertFalse(RolloutLeaves.isWellFormed(preimageOf(context, leaf), context, index));
        }
    }

    function testFuzz_TokensRootEqualsThePlainTwin(uint32[] memory tokens, uint256 chunkTokens)
        external
        pure
    {
        vm.assume(tokens.length != 0);
        chunkTokens = bound(chunkTokens, 1, 70);
        uint256 count = RolloutLeaves.numChunks(tokens.length, chunkTokens);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 chunk = 0; chunk < count; ++chunk) {
            bytes memory data = "";
            for (uint256 i = chunk * chunkTokens; i < tokens.length && i < (chunk + 1) * chunkTokens; ++i) {
                data = bytes.concat(data, bytes4(tokens[i]));
            }
            leaves[chunk] = Merkle.leaf(data);
        }
        assertEq(RolloutLeaves.tokensRoot(tokens, chunkTokens), Trees.root(leaves));
    }

    function test_TokensAreBigEndian() external pure {
        uint32[] memory tokens = new uint32[](2);
        tokens[0] = 0x01020304;
        tokens[1] = 11;
        assertEq(RolloutLeaves.tokensRoot(tokens, 32), keccak256(hex"00010203040000000b"));
    }

    function test_NumChunksRoundsUp() external pure {
        assertEq(RolloutLeaves.numChunks(1, 32), 1);
        assertEq(RolloutLeaves.numChunks(32, 32), 1);
        assertEq(RolloutLeaves.numChunks(33, 32), 2);
        assertEq(RolloutLeaves.numChunks(0, 32), 0);
    }

    /// @dev The sixteen words one by one, as the format lists them.
    function preimageOf(LeafContext memory context, RolloutLeaf memory leaf)
        private
        pure
        returns (bytes memory)
    {
        bytes memory head = abi.encode(
            keccak256("cupel.rollout-leaf.v1"),
            context.chainId,
            context.hub,
            context.taskId,
            context.node,
            context.sequence,
            context.round
        );
        bytes memory middle =
            abi.encode(leaf.index, leaf.policyVersion, leaf.policyDigest, leaf.problem, leaf.seed);
        bytes memory tail = abi.encode(leaf.numTokens, leaf.tokensRoot, leaf.toplocRoot, leaf.reward);
        return bytes.concat(head, middle, tail);
    }
}
