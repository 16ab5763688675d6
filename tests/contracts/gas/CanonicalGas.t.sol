// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CanonicalPlay} from "../integration/CanonicalPlay.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @title Gas of a dispute about computation: two layers of width 72, 14 tokens, 16 points
/// @notice Each move is a transaction of its own, with its calldata. A whole dispute is the challenge and all moves of both
/// sides, the slash included.
/// forge-config: default.isolate = true
contract CanonicalGasTest is CanonicalPlay {
    string private _name;

    function setUp() external {
        prepare(2);
    }

    function test_ALinearMap() external {
        dispute("linear map", RefereeRow(RefereePart.FeedOut, 1, 0, traced - 1), 70);
    }

    function test_AMixture() external {
        dispute("mixture of 14 values", RefereeRow(RefereePart.Mix, 1, 2, traced - 1), 3);
    }

    function test_ANorm() external {
        dispute("norm", RefereeRow(RefereePart.FinalNorm, 0, 0, traced - 1), 5);
    }

    function dispute(string memory name, RefereeRow memory row, uint256 column) private {
        _name = name;
        lie(RefereeLayout.indexOf(shape, traced, row), column);
        challengeBy(CHALLENGER);
        playDown();
        execute(stepOf(column % 64));
        assertConvicted();
        vm.snapshotValue("CanonicalJudge", string.concat(name, ", whole dispute"), gasUsed);
    }

    function count(string memory move) internal override {
        super.count(move);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("CanonicalJudge", string.concat(_name, ", ", move), used);
    }
}
