// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {Tree16} from "contracts/libraries/Tree16.sol";
import {RefereePart, RefereeRow, RefereeShape} from "contracts/types/Referee.sol";

/// @dev Rows stand, and hash, where Python has them.
contract RefereeGameVectorsTest is VectorTest {
    function test_EveryRowStandsWhereItStandsInPython() external view {
        string memory file = read("referee_game");
        uint256 layouts = 0;
        for (; json.keyExistsJson(file, entry(".layouts", layouts)); ++layouts) {
            string memory key = entry(".layouts", layouts);
            RefereeShape memory shape = shapeAt(file, string.concat(key, ".shape"));
            uint256 tokens = number(file, key, ".tokens");
            RefereeLayout.check(shape);
            assertEq(RefereeLayout.rowCount(shape, tokens), number(file, key, ".row_count"));
            assertEq(RefereeLayout.weightRowCount(shape), number(file, key, ".weight_row_count"));
            uint256 rows = 0;
            for (; json.keyExistsJson(file, entry(string.concat(key, ".rows"), rows)); ++rows) {
                this.checkRow(file, shape, tokens, entry(string.concat(key, ".rows"), rows));
            }
            assertTrue(rows > 90);
        }
        assertEq(layouts, 3);
    }

    function test_LeavesBindKindAndLength() external view {
        string memory file = read("referee_game");
        RefereeShape memory shape = shapeAt(file, ".layouts[0].shape");
        bytes32[] memory leaves = json.parseJsonBytes32Array(file, ".example.leaves");
        bytes[] memory rows = json.parseJsonBytesArray(file, ".example.rows");
        assertTrue(leaves.length > 100 && leaves.length == rows.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            RefereeRow memory row = RefereeLayout.locate(shape, 3, i);
            // No row of this shape is longer than a block.
            uint32 size = uint32(RefereeLayout.length(shape, row));
            assertEq(Tree16.row(RefereeLayout.kind(row.part), size, Tree16.leaf(rows[i])), leaves[i]);
        }
    }

    function test_TheRootOfATrace() external view {
        string memory file = read("referee_game");
        bytes32[] memory level = json.parseJsonBytes32Array(file, ".example.leaves");
        for (uint256 depth = Tree16.depth(level.length); depth != 0; --depth) {
            bytes32[] memory above = new bytes32[]((level.length + 15) / 16);
            for (uint256 place = 0; place < above.length; ++place) {
                bytes32[16] memory children;
                for (uint256 i = 0; i < 16 && 16 * place + i < level.length; ++i) {
                    children[i] = level[16 * place + i];
                }
                above[place] = Tree16.node(children);
            }
            level = above;
        }
        assertEq(level[0], json.parseJsonBytes32(file, ".example.trace_root"));
    }

    function checkRow(string calldata file, RefereeShape calldata shape, uint256 tokens, string calldata key)
        external
        pure
    {
        uint256 index = number(file, key, ".index");
        RefereeRow memory row = RefereeLayout.locate(shape, tokens, index);
        assertEq(uint8(row.part), number(file, key, ".part"));
        assertEq(RefereeLayout.kind(row.part), number(file, key, ".kind"));
        assertEq(row.layer, number(file, key, ".layer"));
        assertEq(row.head, number(file, key, ".head"));
        assertEq(row.position, number(file, key, ".position"));
        assertEq(RefereeLayout.indexOf(shape, tokens, row), index);
        assertEq(RefereeLayout.length(shape, row), number(file, key, ".length"));
        uint256 column = number(file, key, ".column");
        same(RefereeLayout.sources(shape, tokens, row, column), file, string.concat(key, ".sources"));
        same(RefereeLayout.weightRows(shape, row, column, 3), file, string.concat(key, ".weights"));
    }

    function same(uint256[] memory actual, string memory file, string memory key) private pure {
        uint256[] memory expected = json.parseJsonUintArray(file, key);
        assertEq(actual.length, expected.length);
        for (uint256 i = 0; i < actual.length; ++i) {
            assertEq(actual[i], expected[i]);
        }
    }

    function shapeAt(string memory file, string memory key) private pure returns (RefereeShape memory) {
        return RefereeShape({
            vocabulary: uint32(number(file, key, ".vocabulary")),
            layers: uint32(number(file, key, ".layers")),
            width: uint32(number(file, key, ".width")),
            heads: uint32(number(file, key, ".heads")),
            feedForward: uint32(number(file, key, ".feed_forward")),
            positions: uint32(number(file, key, ".positions"))
        });
    }

    function number(string memory file, string memory key, string memory field)
        private
        pure
        returns (uint256)
    {
        return json.parseJsonUint(file, string.concat(key, field));
    }
}
