// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Trees} from "../../utils/Trees.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";

contract MerkleTest is Checks {
    uint256 internal constant MAX_LEAVES = 40;

    function test_LeafAndNodeHashUnderDifferentPrefixes() external pure {
        bytes32 left = keccak256("left");
        bytes32 right = keccak256("right");
        assertEq(Merkle.leaf("data"), keccak256(hex"0064617461"));
        assertEq(Merkle.node(left, right), keccak256(abi.encodePacked(uint8(1), left, right)));
        assertFalse(Merkle.leaf(abi.encode(left, right)) == Merkle.node(left, right));
    }

    function test_DepthIsTheCeilingOfTheLogarithm() external pure {
        uint8[9] memory expected = [0, 0, 1, 2, 2, 3, 3, 3, 3];
        for (uint256 count = 0; count < expected.length; ++count) {
            assertEq(Merkle.depth(count), expected[count]);
        }
        assertEq(Merkle.depth(1 << 32), 32);
        assertEq(Merkle.depth((1 << 32) + 1), 33);
    }

    function test_TheTreeOfOneLeafIsThatLeaf() external pure {
        bytes32[] memory leaves = leavesOf(1, 0);
        bytes32 leaf = leaves[0];
        assertEq(Merkle.root(leaves), leaf);
        assertTrue(Merkle.verify(leaf, leaf, 0, 1, new bytes32[](0)));
        assertFalse(Merkle.verify(leaf, leaf, 0, 0, new bytes32[](0)));
    }

    function testFuzz_RootEqualsThePlainTwin(uint256 count, uint256 salt) external pure {
        bytes32[] memory leaves = leavesOf(bound(count, 1, MAX_LEAVES), salt);
        bytes32 expected = Trees.root(leaves);
        assertEq(Merkle.root(leaves), expected);
    }

    function testFuzz_EveryLeafVerifiesAtItsIndexOnly(uint256 count, uint256 place, uint256 other)
        external
        pure
    {
        bytes32[] memory leaves = leavesOf(bound(count, 1, MAX_LEAVES), place);
        uint256 index = bound(place, 0, leaves.length - 1);
        bytes32[] memory proof = Trees.proof(leaves, index);
        bytes32 root = Trees.root(leaves);
        assertTrue(Merkle.verify(root, leaves[index], index, leaves.length, proof));
        assertFalse(Merkle.verify(root, keccak256("other"), index, leaves.length, proof));
        assertFalse(Merkle.verify(keccak256("other"), leaves[index], index, leaves.length, proof));
        // Half of the time an index that is in the tree or just beyond.
        if (other % 2 == 0) other = bound(other, 0, 2 * leaves.length);
        if (other != index) {
            assertFalse(Merkle.verify(root, leaves[index], other, leaves.length, proof));
            assertFalse(Merkle.opens(root, leaves[index], other, proof));
        }
    }

    function testFuzz_AProofHasExactlyTheDepthOfTheTree(uint256 count, uint256 place) external pure {
        bytes32[] memory leaves = leavesOf(bound(count, 2, MAX_LEAVES), place);
        uint256 index = bound(place, 0, leaves.length - 1);
        bytes32[] memory proof = Trees.proof(leaves, index);
        bytes32 root = Trees.root(leaves);
        bytes32[] memory shorter = new bytes32[](proof.length - 1);
        bytes32[] memory longer = new bytes32[](proof.length + 1);
        for (uint256 i = 0; i < proof.length; ++i) {
            if (i < shorter.length) shorter[i] = proof[i + 1];
            longer[i] = proof[i];
        }
        // The parent poses as a leaf of the smaller tree above it.
        bytes32 sibling = proof[0];
        bytes32 parent =
            index % 2 == 0 ? Merkle.node(leaves[index], sibling) : Merkle.node(sibling, leaves[index]);
        assertTrue(Merkle.opens(root, parent, index / 2, shorter));
        assertFalse(Merkle.verify(root, parent, index / 2, leaves.length, shorter));
        assertFalse(Merkle.verify(root, leaves[index], index, leaves.length, longer));
    }

    function test_PaddingIsNotALeaf() external pure {
        bytes32[] memory leaves = leavesOf(5, 0);
        bytes32 root = Trees.root(leaves);
        bytes32[] memory widened = Trees.padded(leaves);
        for (uint256 index = 5; index < 8; ++index) {
            bytes32[] memory proof = Trees.proof(widened, index);
            assertTrue(Merkle.opens(root, bytes32(0), index, proof));
            assertFalse(Merkle.verify(root, bytes32(0), index, 5, proof));
        }
        assertTrue(Merkle.isPadding(5, 3, 5) && Merkle.isPadding(7, 3, 5));
        assertFalse(Merkle.isPadding(4, 3, 5));
        assertFalse(Merkle.isPadding(5, 2, 5) || Merkle.isPadding(5, 4, 5));
    }

    function test_IndexBitsAboveTheProofAreRefused() external pure {
        bytes32[] memory leaves = leavesOf(4, 0);
        bytes32[] memory proof = Trees.proof(leaves, 1);
        bytes32 root = Trees.root(leaves);
        assertTrue(Merkle.opens(root, leaves[1], 1, proof));
        assertFalse(Merkle.opens(root, leaves[1], 5, proof));
        assertFalse(Merkle.opens(root, leaves[1], type(uint256).max - 2, proof));
    }

    function leavesOf(uint256 count, uint256 salt) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = Merkle.leaf(abi.encode(salt, i));
        }
    }
}
