// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Tree16} from "contracts/libraries/Tree16.sol";

contract Tree16Test is Checks {
    uint256 internal constant MAX_LEAVES = 300;

    function test_LeafAndNodeHashUnderDifferentPrefixes() external pure {
        bytes32[16] memory children;
        children[3] = keccak256("child");
        assertEq(Tree16.leaf("data"), keccak256(hex"0064617461"));
        assertFalse(Tree16.leaf(abi.encode(children)) == Tree16.node(children));
    }

    function test_DepthIsTheLeastThatFits() external pure {
        uint16[8] memory counts = [0, 1, 2, 16, 17, 256, 257, 4096];
        uint8[8] memory levels = [0, 0, 1, 1, 2, 2, 3, 3];
        for (uint256 i = 0; i < counts.length; ++i) {
            assertEq(Tree16.depth(counts[i]), levels[i]);
        }
    }

    function test_ARowBindsKindLengthAndRoot() external pure {
        bytes32 row = Tree16.row(5, 64, keccak256("root"));
        assertEq(row, Tree16.leaf(abi.encodePacked(uint8(5), uint32(64), keccak256("root"))));
        assertFalse(row == Tree16.row(6, 64, keccak256("root")));
        assertFalse(row == Tree16.row(5, 63, keccak256("root")));
        assertFalse(row == Tree16.row(5, 64, keccak256("other")));
    }

    function testFuzz_EveryLeafVerifiesAtItsIndexOnly(uint256 count, uint256 place, uint256 other)
        external
        pure
    {
        count = bound(count, 1, MAX_LEAVES);
        uint256 index = bound(place, 0, count - 1);
        (bytes32 root, bytes32[16][] memory nodes) = opened(count, index);
        bytes32 leaf = leafAt(index);
        assertTrue(Tree16.verify(root, leaf, index, count, nodes));
        assertFalse(Tree16.verify(root, keccak256("other"), index, count, nodes));
        assertFalse(Tree16.verify(keccak256("other"), leaf, index, count, nodes));
        other = bound(other, 0, 2 * count);
        if (other != index) assertFalse(Tree16.verify(root, leaf, other, count, nodes));
    }

    /// @notice A count of another depth makes another tree.
    function testFuzz_TheDepthIsFixed(uint256 count, uint256 place) external pure {
        count = bound(count, 1, MAX_LEAVES);
        uint256 index = bound(place, 0, count - 1);
        (bytes32 root, bytes32[16][] memory nodes) = opened(count, index);
        assertFalse(Tree16.verify(root, leafAt(index), index, 16 ** (nodes.length + 1), nodes));
        if (nodes.length > 1) {
            assertFalse(Tree16.verify(root, leafAt(index), index, 16 ** (nodes.length - 1), nodes));
        }
    }

    /// @notice A child changed anywhere changes the root.
    function testFuzz_EveryChildCounts(uint256 count, uint256 place, uint256 level, uint256 child)
        external
        pure
    {
        count = bound(count, 2, MAX_LEAVES);
        uint256 index = bound(place, 0, count - 1);
        (bytes32 root, bytes32[16][] memory nodes) = opened(count, index);
        nodes[level % nodes.length][child % 16] = keccak256("changed");
        assertFalse(Tree16.verify(root, leafAt(index), index, count, nodes));
    }

    function leafAt(uint256 index) private pure returns (bytes32) {
        return keccak256(abi.encode("leaf", index));
    }

    /// @dev The whole tree, level by level, each padded to whole nodes.
    function opened(uint256 count, uint256 index)
        private
        pure
        returns (bytes32 root, bytes32[16][] memory nodes)
    {
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            level[i] = leafAt(i);
        }
        nodes = new bytes32[16][](Tree16.depth(count));
        for (uint256 height = 0; height < nodes.length; ++height) {
            bytes32[] memory above = new bytes32[]((level.length + 15) / 16);
            for (uint256 place = 0; place < above.length; ++place) {
                bytes32[16] memory children;
                for (uint256 i = 0; i < 16 && 16 * place + i < level.length; ++i) {
                    children[i] = level[16 * place + i];
                }
                if (place == index / 16) nodes[height] = children;
                above[place] = keccak256(abi.encodePacked(hex"01", children));
            }
            index /= 16;
            level = above;
        }
        assertEq(level.length, 1);
        root = level[0];
    }
}
