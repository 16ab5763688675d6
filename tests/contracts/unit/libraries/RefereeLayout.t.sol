// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeRow, RefereeShape} from "contracts/types/Referee.sol";

contract RefereeLayoutTest is Checks {
    function testFuzz_ANumberNamesOneRow(uint256 salt, uint256 tokens, uint256 index) external pure {
        RefereeShape memory shape = drawn(salt);
        tokens = bound(tokens, 1, shape.positions);
        index = bound(index, 0, RefereeLayout.rowCount(shape, tokens) - 1);
        RefereeRow memory row = RefereeLayout.locate(shape, tokens, index);
        assertTrue(row.position < tokens && row.layer < shape.layers && row.head < shape.heads);
        assertEq(RefereeLayout.indexOf(shape, tokens, row), index);
    }

    function testFuzz_SourcesComeBefore(uint256 salt, uint256 tokens, uint256 index, uint256 column)
        external
        pure
    {
        RefereeShape memory shape = drawn(salt);
        tokens = bound(tokens, 1, shape.positions);
        index = bound(index, 0, RefereeLayout.rowCount(shape, tokens) - 1);
        RefereeRow memory row = RefereeLayout.locate(shape, tokens, index);
        column = bound(column, 0, RefereeLayout.length(shape, row) - 1);
        uint256[] memory rows = RefereeLayout.sources(shape, tokens, row, column);
        assertTrue(rows.length != 0 || index < tokens);
        for (uint256 i = 0; i < rows.length; ++i) {
            assertTrue(rows[i] < index);
        }
        rows = RefereeLayout.weightRows(shape, row, column, index % shape.vocabulary);
        for (uint256 i = 0; i < rows.length; ++i) {
            assertTrue(rows[i] < RefereeLayout.weightRowCount(shape));
        }
    }

    function test_NoRowBehindTheLast() external {
        RefereeShape memory shape = RefereeShape(7, 2, 8, 2, 12, 16);
        vm.expectRevert(abi.encodeWithSelector(RefereeLayout.RefereeLayout_NoRow.selector, 135, 135));
        this.locate(shape, 3, 135);
    }

    function test_ShapesThatTheGameDoesNotCover() external view {
        assertTrue(covers(RefereeShape(7, 2, 8, 2, 12, 16)));
        assertTrue(covers(RefereeShape(7, 10, 256, 64, 256, 256)));
        assertFalse(covers(RefereeShape(0, 2, 8, 2, 12, 16)));
        assertFalse(covers(RefereeShape(7, 0, 8, 2, 12, 16)));
        assertFalse(covers(RefereeShape(7, 11, 8, 2, 12, 16)));
        assertFalse(covers(RefereeShape(7, 2, 257, 1, 12, 16)));
        assertFalse(covers(RefereeShape(7, 2, 8, 0, 12, 16)));
        assertFalse(covers(RefereeShape(7, 2, 9, 2, 12, 16)));
        assertFalse(covers(RefereeShape(7, 2, 6, 2, 12, 16)));
        assertFalse(covers(RefereeShape(7, 2, 8, 2, 0, 16)));
        assertFalse(covers(RefereeShape(7, 2, 8, 2, 257, 16)));
        assertFalse(covers(RefereeShape(7, 2, 8, 2, 12, 0)));
        assertFalse(covers(RefereeShape(7, 2, 8, 2, 12, 257)));
    }

    function check(RefereeShape calldata shape) external pure {
        RefereeLayout.check(shape);
    }

    function locate(RefereeShape calldata shape, uint256 tokens, uint256 index)
        external
        pure
        returns (RefereeRow memory)
    {
        return RefereeLayout.locate(shape, tokens, index);
    }

    function covers(RefereeShape memory shape) private view returns (bool) {
        (bool success, bytes memory reason) = address(this).staticcall(abi.encodeCall(this.check, (shape)));
        assertTrue(success || bytes4(reason) == RefereeLayout.RefereeLayout_BadShape.selector);
        return success;
    }

    function drawn(uint256 salt) private pure returns (RefereeShape memory) {
        uint256 heads = 1 + salt % 8;
        return RefereeShape({
            vocabulary: uint32(1 + (salt >> 8) % 64),
            layers: uint32(1 + (salt >> 16) % 10),
            width: uint32(heads * (4 + (salt >> 24) % 29)),
            heads: uint32(heads),
            feedForward: uint32(1 + (salt >> 32) % 256),
            positions: uint32(1 + (salt >> 48) % 256)
        });
    }
}
