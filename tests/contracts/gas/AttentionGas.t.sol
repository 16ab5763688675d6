// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttentionCourtroom} from "../integration/AttentionCourtroom.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @title Gas of a dispute about an answer: two layers of width 72, 14 tokens
/// @notice Each move is a transaction of its own, with its calldata.
/// forge-config: default.isolate = true
contract AttentionGasTest is AttentionCourtroom {
    function setUp() external {
        prepareAudit(2);
    }

    function test_AGuessIsConvicted() external {
        RefereeRow memory row = RefereeRow(RefereePart.FeedOut, 1, 0, traced - 1);
        lie(RefereeLayout.indexOf(shape, traced, row), 70);
        commitAnswer(accusedLevels[accusedLevels.length - 1][0]);
        ask();
        attend();
        playTrace();
        execute(stepOf(70 % 64));
        assertFoundOut();
        vm.snapshotValue("AttentionJudge", "linear map, whole dispute", gasUsed);
    }

    function count(string memory move) internal override {
        super.count(move);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        bool isOwn =
            keccak256(bytes(move)) == keccak256("challenge") || keccak256(bytes(move)) == keccak256("answer");
        if (isOwn) vm.snapshotValue("AttentionJudge", move, used);
    }
}
